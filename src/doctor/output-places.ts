import path from 'node:path'
import { sketchOf } from '../watch/layout-arduino.js'
import { ESP_IDF_FILES } from '../watch/layout-esp-idf.js'
import { readPlatformioBuildDir } from '../watch/layout-platformio.js'
import { isInside } from '../watch/read-candidate.js'
import type { ProjectSystem } from './facts.js'
import type { OutputPlace } from './look-output.js'
import { filesIn, foldersIn, type ProjectFile, realPathInside } from './project-files.js'

/** Where the builds of a project leave their apps. */
export async function outputPlaces(
  folder: string,
  system: ProjectSystem,
  files: readonly ProjectFile[]
): Promise<readonly OutputPlace[]> {
  if (system === 'esp-idf') {
    const inside = await foldersIn(folder)
    const candidates = inside.map(name => path.join(folder, name))
    const made = await Promise.all(
      candidates.map(place => realPathInside(folder, path.join(place, ESP_IDF_FILES.description)))
    )
    return candidates.filter((_, index) => made[index] !== undefined).map(place => ({ folder: place }))
  }
  if (system === 'platformio') {
    const ini = files.find(({ file }) => file === 'platformio.ini')?.text ?? ''
    const build = path.resolve(folder, readPlatformioBuildDir(ini))
    // A build_dir elsewhere is what the project says; a link is not.
    const leadsOut = isInside(folder, build) && (await realPathInside(folder, build)) === undefined
    const environments = leadsOut ? [] : (await foldersIn(build)).filter(name => !name.startsWith('.'))
    return environments.map(name => ({ folder: path.join(build, name) }))
  }
  if (system !== 'arduino') return []
  const places = [folder, ...(await arduinoBuilds(folder))]
  const sketches = await Promise.all(
    places.map(async place => [place, new Set((await filesIn(place)).flatMap(name => sketchOf(name) ?? []))] as const)
  )
  return sketches.flatMap(([place, names]) => [...names].map(sketch => ({ folder: place, sketch })))
}

/** Where the Arduino IDE and arduino-cli export to: `build/`, and a folder for each board in it. */
export async function arduinoBuilds(folder: string): Promise<readonly string[]> {
  const build = path.join(folder, 'build')
  if ((await realPathInside(folder, build)) === undefined) return []
  return [build, ...(await foldersIn(build)).map(name => path.join(build, name))]
}
