import path from 'node:path'
import { isOf, placeOf } from '../expected.js'
import type { Facts, ImageFact, ProjectFacts } from '../facts.js'
import { type Found, serious, warning } from '../finding.js'

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
