import path from 'node:path'
import type { NameStatus } from '../../answers.js'
import { isOf, placeOf } from '../expected.js'
import type { Facts, ImageFact, OutputFact, ProjectFacts } from '../facts.js'
import { type Found, serious, warning } from '../finding.js'

/** Whether the running otad watches the project at all. */
export function checkWatched(facts: Facts): readonly Found[] {
  return unservedIn(facts)
    .filter(({ names, isWatched }) => names.length === 0 && !isWatched)
    .map(({ image, project }) =>
      serious(
        'not-watched',
        `the running otad does not serve ${placeOf(project, image.file, null)}: it watches ${watchedBy(facts)}`,
        `start it with this project: otad serve ${project.folder}`
      )
    )
}

/** Whether the running otad serves what was built. */
export function checkServed(facts: Facts): readonly Found[] {
  const { daemon, projects } = facts
  if (daemon === null) return []
  const found: Found[] = unservedIn(facts)
    .filter(({ names, isWatched }) => names.length > 0 || isWatched)
    .map(notServed)
  const refused = projects.flatMap(({ outputs }) => outputs.filter(({ image }) => image?.isServable === false))
  const refusedHere = new Set(refused.flatMap(output => namesOf(output, facts).map(({ name }) => name)))
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

/** An image that is fit to be served, and is not. */
interface Unserved {
  readonly image: ImageFact
  readonly project: ProjectFacts
  /** What is served as its name. */
  readonly names: readonly NameStatus[]
  readonly isWatched: boolean
}

function unservedIn(facts: Facts): readonly Unserved[] {
  const { daemon, projects, releases } = facts
  return projects.flatMap(project =>
    project.outputs.flatMap(output => {
      const { image } = output
      if (daemon === null || image?.isServable !== true) return []
      if (daemon.names.some(({ current }) => current?.digest === image.digest)) return []
      const isWatched = releases.some(({ name, folder }) => isOf(name, folder, output))
      return [{ image, project, names: namesOf(output, facts), isWatched }]
    })
  )
}

/** The names that the app of an output may be served as; every environment of PlatformIO calls its own alike. */
function namesOf({ image, folder }: OutputFact, { daemon }: Facts): readonly NameStatus[] {
  const file = path.posix.basename(image?.file ?? '')
  const wanted = file === 'firmware.bin' ? `${path.basename(folder)}/${file}` : file
  return (daemon?.names ?? []).filter(({ name }) => [file, wanted].includes(name) || name.endsWith(`/${wanted}`))
}

function notServed({ image, project, names }: Unserved): Found {
  const where = placeOf(project, image.file, null)
  const held = names.find(({ rollback }) => rollback !== null)
  if (held !== undefined)
    return warning(
      'held-back',
      `${where} is not served: ${held.name} was rolled back to an earlier release, and is held there`,
      `otad unpin ${held.name} serves the newest build again`
    )
  const [same] = names
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
