import path from 'node:path'
import { fileSize } from '../../words.js'
import { placeOf } from '../expected.js'
import type { Facts, ImageFact, OutputFact, ProjectFacts } from '../facts.js'
import { type Found, note, serious, warning } from '../finding.js'

/** Whether each build has left an image that a device would boot. */
export function checkImages(facts: Facts): readonly Found[] {
  return facts.projects.flatMap(project => {
    const isBuilt = project.outputs.some(({ image }) => image !== null)
    if (!isBuilt && project.outputs.length > 0 && project.system === 'esp-idf')
      return project.outputs.map(({ app, folder }) =>
        serious(
          'image-missing',
          `${placeOf(project, app ?? folder, null)} is not there, though the project was configured: the build has failed, or was cleaned`,
          'idf.py build'
        )
      )
    if (!isBuilt && project.system !== 'esphome')
      return [note('not-built', `${placeOf(project, 'nothing', null)} has been built yet`, BUILDING[project.system])]
    return project.outputs.flatMap(output => checkOutput(output, project, facts))
  })
}

const BUILDING: Readonly<Record<ProjectFacts['system'], string>> = {
  'esp-idf': 'idf.py build',
  platformio: 'pio run',
  arduino: 'Sketch, Export Compiled Binary; or arduino-cli compile --export-binaries',
  esphome: 'esphome compile',
  plain: 'put an image (.bin) there'
}

function checkOutput({ image }: OutputFact, project: ProjectFacts, facts: Facts): readonly Found[] {
  if (image === null) return []
  const where = placeOf(project, image.file, null)
  if (!image.isServable) return [refused(image, where)]
  return [...checkRoom(image, where), ...checkSecurity(image, where, project, facts)]
}

const CODES: Readonly<Record<string, string>> = {
  'too-large-for-partition': 'image-too-large',
  'chip-mismatch': 'image-other-chip'
}

function refused(image: ImageFact, where: string): Found {
  const problem = image.problems.find(({ isWarning }) => !isWarning)
  const [device] = image.device
  const said = device === undefined ? '' : `; a device would say: ${device}`
  const code = CODES[problem?.code ?? ''] ?? 'image-refused'
  const hint =
    code === 'image-too-large'
      ? `make the app ${image.size - (image.slotSize ?? 0)} bytes smaller (idf.py size; -Os), or the slots larger: that takes flashing by cable`
      : code === 'image-other-chip'
        ? 'build for the chip of the device (idf.py set-target), or name it with --chip'
        : 'build again; otad check prints all of it'
  return serious(
    code,
    `${where}: ${problem?.sentence ?? `it is for ${image.chip ?? 'no chip that is known'}: otad serves it with --chip only`}${said}`,
    hint
  )
}

/** From here on the next feature may not fit any more. */
const NARROW = 0.97

function checkRoom({ size, slotSize }: ImageFact, where: string): readonly Found[] {
  if (slotSize === null || size <= slotSize * NARROW) return []
  return [
    note(
      'slot-nearly-full',
      `${where} takes ${fileSize(size)} of a slot of ${fileSize(slotSize)}`,
      'larger slots take flashing by cable: plan for it'
    )
  ]
}

/** What the bootloader of a device with these settings asks of an image beyond its form. */
function checkSecurity(
  image: ImageFact,
  where: string,
  { options }: ProjectFacts,
  { releases }: Facts
): readonly Found[] {
  const { values } = options
  const found: Found[] = []
  const isGuarded = values.CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK === 'y'
  const wanted = Number(values.CONFIG_BOOTLOADER_APP_SECURE_VERSION ?? 0)
  const has = image.secureVersion ?? 0
  if (isGuarded && has < wanted)
    found.push(
      serious(
        'secure-version-low',
        `${where} has secure version ${has}, the configuration says ${wanted}: devices with anti-rollback refuse it`,
        'build again: the image is older than the configuration'
      )
    )
  const highest = Math.max(
    0,
    ...releases
      .filter(({ name }) => name.endsWith(path.posix.basename(image.file)))
      .map(release => release.highestSecureVersion ?? 0)
  )
  if (has < highest)
    found.push(
      (isGuarded ? serious : warning)(
        'secure-version-down',
        `${where} has secure version ${has}, and ${highest} was served before: devices with anti-rollback that run that one refuse it`,
        `set CONFIG_BOOTLOADER_APP_SECURE_VERSION=${highest} or higher, and build again`
      )
    )
  const demands = ['CONFIG_SECURE_BOOT', 'CONFIG_SECURE_SIGNED_ON_UPDATE', 'CONFIG_SECURE_SIGNED_APPS_NO_SECURE_BOOT']
  const demand = demands.find(name => values[name] === 'y')
  if (demand !== undefined && image.kind.startsWith('app') && !image.isSigned)
    found.push(
      serious(
        'image-unsigned',
        `${where} carries no signature, and ${demand} has devices ask for one`,
        'build with the signing key (CONFIG_SECURE_BOOT_SIGNING_KEY), or sign it: espsecure sign-data'
      )
    )
  return found
}
