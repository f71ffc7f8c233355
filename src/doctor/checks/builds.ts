import path from 'node:path'
import { fileSize } from '../../words.js'
import { isOf, placeOf } from '../expected.js'
import type { Facts, ImageFact, OutputFact, ProjectFacts, TableFact } from '../facts.js'
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

/** Whether the tables of each project have room for updates at all. */
export function checkTables({ projects }: Facts): readonly Found[] {
  return projects.flatMap(project => [
    ...project.tables.flatMap(table => checkTable(table, project)),
    ...checkAgreement(project)
  ])
}

function checkTable(table: TableFact, project: ProjectFacts): readonly Found[] {
  const { file, isValid, otaSlots, hasOtaData, end } = table
  const where = placeOf(project, file, null)
  const hint =
    project.system === 'esp-idf'
      ? 'CONFIG_PARTITION_TABLE_TWO_OTA=y (menuconfig, Partition Table), or otadata, ota_0 and ota_1 in a table of your own; then flash once by cable'
      : 'choose a table with two apps (default.csv, min_spiffs.csv), then flash once by cable'
  if (!isValid)
    return [
      serious(
        'table-unreadable',
        `${where} is not there, or no partition table that a bootloader would take`,
        'put it right and build again: gen_esp32part.py names the line'
      )
    ]
  const [only, second] = otaSlots
  if (only === undefined)
    return [serious('no-ota-slots', `${where} has no OTA slot: an update has nowhere to go; two are needed`, hint)]
  if (second === undefined)
    return [
      serious(
        'one-ota-slot',
        `${where} has one OTA slot (${only.label}): an app cannot write over itself, two are needed`,
        hint
      )
    ]
  if (!hasOtaData)
    return [
      serious(
        'no-otadata',
        `${where} has no otadata partition: nothing says which slot to boot`,
        'add: otadata, data, ota, , 0x2000; then flash once by cable'
      )
    ]
  const flash = flashSizeOf(project)
  if (flash !== undefined && end > flash)
    return [
      serious(
        'table-beyond-flash',
        `${where} ends at ${fileSize(end)}, the flash is set to ${fileSize(flash)}`,
        'set CONFIG_ESPTOOLPY_FLASHSIZE to the size of the flash, or make the partitions smaller'
      )
    ]
  const sizes = otaSlots.map(({ size }) => size)
  if (Math.min(...sizes) === Math.max(...sizes)) return []
  return [
    note(
      'slots-uneven',
      `${where} has slots of ${otaSlots.map(({ label, size }) => `${fileSize(size)} (${label})`).join(', ')}: the smallest counts`,
      'make them equally large'
    )
  ]
}

function flashSizeOf({ options }: ProjectFacts): number | undefined {
  const [, megabytes] = /^(\d+)MB$/.exec(options.values.CONFIG_ESPTOOLPY_FLASHSIZE ?? '') ?? []
  return megabytes === undefined ? undefined : Number(megabytes) * 1024 * 1024
}

/** A table that was changed after the build counts from the next build on, and on a device only when it was flashed by cable. */
function checkAgreement(project: ProjectFacts): readonly Found[] {
  const built = project.tables.find(({ file }) => file.endsWith('.bin'))
  const said = project.tables.find(({ file }) => !file.endsWith('.bin'))
  if (built === undefined || said === undefined || !built.isValid || !said.isValid) return []
  const slots = ({ otaSlots }: TableFact): string => otaSlots.map(({ size }) => fileSize(size)).join(' and ')
  if (slots(built) === slots(said)) return []
  return [
    warning(
      'table-not-built',
      `${placeOf(project, built.file, null)} has slots of ${slots(built) || 'nothing'}, ${said.file} says ${slots(said) || 'nothing'}`,
      'build again, and flash the table by cable: no update changes it'
    )
  ]
}

/** Whether the running otad serves what was built. */
export function checkServed(facts: Facts): readonly Found[] {
  const { daemon, projects, releases } = facts
  if (daemon === null) return []
  const found: Found[] = []
  const refusedHere = new Set<string>()
  for (const project of projects) {
    for (const output of project.outputs) {
      const { image } = output
      if (image === null) continue
      const file = path.posix.basename(image.file)
      const names = daemon.names.filter(({ name }) => name === file || name.endsWith(`/${file}`))
      if (!image.isServable) for (const { name } of names) refusedHere.add(name)
      else if (!daemon.names.some(({ current }) => current?.digest === image.digest))
        found.push(
          notServed(image, {
            project,
            facts,
            names,
            isWatched: releases.some(({ name, folder }) => isOf(name, folder, output))
          })
        )
    }
  }
  for (const { name, current, refusal } of daemon.names)
    if (refusal !== null && !refusedHere.has(name))
      found.push(
        (current === null ? serious : warning)(
          'refused',
          `otad refuses the newest file of ${name}: ${refusal.sentence}${refusal.device === null ? '' : `; a device would say: ${refusal.device}`}`,
          current === null
            ? 'build again: nothing is served under this name'
            : `build again: ${current.version} is still served`
        )
      )
  if (projects.length === 0 && daemon.names.every(({ current }) => current === null))
    found.push(
      warning(
        'nothing-served',
        'the running otad serves nothing yet',
        'build, or name the project that it should watch: otad serve FOLDER'
      )
    )
  return [...found, ...releaseWarnings(facts)]
}

interface Unserved {
  readonly project: ProjectFacts
  readonly facts: Facts
  readonly names: readonly {
    readonly name: string
    readonly rollback: unknown
    readonly current: { readonly digest: string } | null
  }[]
  readonly isWatched: boolean
}

function notServed(image: ImageFact, { project, facts, names, isWatched }: Unserved): Found {
  const where = placeOf(project, image.file, null)
  const held = names.find(({ rollback }) => rollback !== null)
  if (held !== undefined)
    return warning(
      'held-back',
      `${where} is not served: ${held.name} was rolled back to an earlier release, and is held there`,
      `otad unpin ${held.name} serves the newest build again`
    )
  const [same] = names
  if (same === undefined && !isWatched)
    return serious(
      'not-watched',
      `the running otad does not serve ${where}: it watches ${watchedBy(facts)}`,
      `start it with this project: otad serve ${project.folder}`
    )
  return warning(
    'build-not-served',
    `${where} (sha256 ${image.digest.slice(0, 8)}) is not what is served as ${same?.name ?? 'its name'} (${same?.current?.digest.slice(0, 8) ?? 'nothing'})`,
    'wait until it has settled and ask again; if it stays so, otad watches another folder than this project'
  )
}

function watchedBy({ releases }: Facts): string {
  const folders = [...new Set(releases.map(({ folder }) => folder))]
  return folders.length === 0 ? 'a folder in which it has found nothing' : folders.slice(0, 3).join(', ')
}

/** What was said when a release was published, as far as it keeps devices from taking it. */
function releaseWarnings({ releases }: Facts): readonly Found[] {
  return releases.flatMap(({ name, warnings }) =>
    warnings
      .filter(text => /^(same version|secure_version goes down|flash mode changes)/.test(text))
      .map(text =>
        warning('release-warning', `${name}: ${text}`, 'raise PROJECT_VER (CONFIG_APP_PROJECT_VER), and build again')
      )
  )
}
