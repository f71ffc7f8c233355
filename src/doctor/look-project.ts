import path from 'node:path'
import type { ImageContext } from '../image/verdict.js'
import { isCandidateFile } from '../watch/candidates.js'
import { ESP_IDF_FILES } from '../watch/layout-esp-idf.js'
import { parseObject, readIni, textOf } from '../watch/layout-text.js'
import type { OutputFact, ProjectFacts, ProjectSystem, TableFact } from './facts.js'
import { lookAtImage, lookAtOutput, type OutputOptions, type OutputPlace } from './look-output.js'
import { arduinoBuilds, outputPlaces } from './output-places.js'
import {
  filesIn,
  isLocked,
  type ProjectFile,
  readProjectFile,
  readProjectFiles,
  realPathInside
} from './project-files.js'
import { environmentApps, projectNameOf } from './project-name.js'
import { readProject } from './read-project.js'
import { tableOfConfiguration, tableOfCsv, tableOfScheme } from './read-tables.js'
import type { Configuration } from './source-text.js'

export interface ProjectOptions {
  readonly asked: ImageContext
  readonly maxImageBytes: number
}

/** The project that a folder is, or belongs to: that of a build folder lies around it. Undefined where it is none. */
export async function findProject(folder: string): Promise<string | undefined> {
  for (const place of [folder, path.dirname(folder), path.resolve(folder, '../..'), path.resolve(folder, '../../..')])
    if ((await systemOf(place)) !== 'plain') {
      const isAround = place === folder || /^(build|\.pio)/.test(path.relative(place, folder))
      if (isAround) return place
    }
  return undefined
}

/** The build system whose project a folder is. One of ESP-IDF under PlatformIO has the marks of both, and PlatformIO builds it. */
async function systemOf(folder: string): Promise<ProjectSystem> {
  const names = await filesIn(folder)
  if (names.includes('platformio.ini')) return 'platformio'
  const text = async (name: string): Promise<string> => (await readProjectFile(folder, name))?.text ?? ''
  if (names.includes('CMakeLists.txt') && /tools\/cmake\/project(v2)?\.cmake/.test(await text('CMakeLists.txt')))
    return 'esp-idf'
  if (names.includes('Makefile') && (await text('Makefile')).includes('make/project.mk')) return 'esp-idf'
  if (names.some(name => /^sdkconfig(\.defaults)?$/.test(name))) return 'esp-idf'
  if ((await realPathInside(folder, path.join(folder, 'build', ESP_IDF_FILES.description))) !== undefined)
    return 'esp-idf'
  if (names.some(name => name.endsWith('.ino'))) return 'arduino'
  for (const name of names.filter(each => /\.ya?ml$/.test(each)).slice(0, 20))
    if (/^esphome:/m.test(await text(name))) return 'esphome'
  return 'plain'
}

/**
 * Looks at a project: what its files say, and what its builds have left. Nothing is written. A link that leads out of it is not followed, but for those
 * among the files that say the layout of a build, which otad itself reads so too.
 */
export async function lookAtProject(folder: string, options: ProjectOptions): Promise<ProjectFacts> {
  const system = await systemOf(folder)
  const { files, unread, leftOut } = await readProjectFiles(folder)
  const places = await outputPlaces(folder, system, files)
  const sdkconfig = await sdkconfigOf(folder, system, files, places)
  const built = await readBuilt(folder, places)
  const isConfirmedElsewhere = await isConfirmedByComponents(folder)
  const read = readProject({ system, files, sdkconfig, built, isConfirmedElsewhere })
  const said = await saidTables(folder, system, files, read.configuration)
  const slots = said.flatMap(({ otaSlots }) => otaSlots.map(({ size }) => size))
  const outputOptions: OutputOptions = {
    ...options,
    slotSize: slots.length === 0 ? undefined : Math.min(...slots),
    project: folder
  }
  const found = await Promise.all(places.map(place => lookAtOutput(place, outputOptions)))
  const { configuration: _, ...texts } = read
  const name = system === 'esp-idf' ? projectNameOf(files) : undefined
  return {
    folder,
    system,
    description: found[0]?.description ?? `${SYSTEMS[system]} ${name ?? path.basename(folder)}`,
    expectedApps: system === 'platformio' ? environmentApps(files) : name === undefined ? [] : [`${name}.bin`],
    unread: [...unread, ...(await lockedOf(folder, places))].slice(0, MOST_NAMED),
    leftOut: leftOut.slice(0, MOST_NAMED),
    ...texts,
    urls: [...texts.urls, ...found.flatMap(({ urls }) => urls)],
    certificates: [...texts.certificates, ...found.flatMap(({ certificates }) => certificates)],
    tables: [...found.flatMap(({ table }) => table ?? []), ...said],
    outputs: system === 'plain' ? await lookAtImages(folder, outputOptions) : found.map(({ output }) => output)
  }
}

/** Files told of at most: beyond that nobody reads them. */
const MOST_NAMED = 100

/** The folders of builds that this user may not read. */
async function lockedOf(folder: string, places: readonly OutputPlace[]): Promise<readonly string[]> {
  const all = [...new Set([...places.map(place => place.folder), path.join(folder, 'build')])]
  const locked = await Promise.all(all.map(isLocked))
  return all.filter((_, index) => locked[index]).map(place => `${path.relative(folder, place)}/`)
}

const SYSTEMS: Readonly<Record<ProjectSystem, string>> = {
  'esp-idf': 'ESP-IDF project',
  platformio: 'PlatformIO project',
  arduino: 'Arduino sketch',
  esphome: 'ESPHome configuration',
  plain: 'plain folder'
}

/** The configuration that a build uses: the one that it says, `sdkconfig` else; PlatformIO keeps one for each environment. */
async function sdkconfigOf(
  folder: string,
  system: ProjectSystem,
  files: readonly ProjectFile[],
  places: readonly OutputPlace[]
): Promise<string> {
  const isRead = (file: string): boolean => files.some(found => found.file === file)
  if (system === 'platformio')
    return files.find(({ file }) => /^sdkconfig\.(?!defaults|ci|old)[\w-]+$/.test(file))?.file ?? 'sdkconfig'
  for (const place of places) {
    const description = await readProjectFile(place.folder, ESP_IDF_FILES.description)
    const said = textOf(parseObject(description?.text)?.config_file)
    const file = said === undefined ? undefined : path.relative(folder, said).split(path.sep).join('/')
    if (file !== undefined && isRead(file)) return file
  }
  return 'sdkconfig'
}

async function readBuilt(folder: string, places: readonly OutputPlace[]): Promise<readonly ProjectFile[]> {
  const found = await Promise.all(
    places.map(async place => {
      const file = path.join(path.relative(folder, place.folder), BUILT_CONFIGURATION).split(path.sep).join('/')
      const built = await readProjectFile(place.folder, BUILT_CONFIGURATION)
      return built === undefined ? [] : [{ ...built, file }]
    })
  )
  return found.flat()
}

/** What the configuration was at the last build. */
const BUILT_CONFIGURATION = 'config/sdkconfig.json'

/** RainMaker and its like confirm an update themselves. */
async function isConfirmedByComponents(folder: string): Promise<boolean> {
  const components = path.join(folder, 'managed_components')
  if ((await realPathInside(folder, components)) === undefined) return false
  const { files } = await readProjectFiles(components)
  return files.some(({ text }) => text.includes('esp_ota_mark_app_valid'))
}

/** The tables that a project says it has, whether it has been built with them or not. */
async function saidTables(
  folder: string,
  system: ProjectSystem,
  files: readonly ProjectFile[],
  configuration: Configuration
): Promise<readonly TableFact[]> {
  const csv = (file: string): readonly TableFact[] => {
    const found = files.find(each => each.file === file)
    return found === undefined ? [] : [tableOfCsv(found.text, file, configuration)]
  }
  if (system === 'platformio') {
    const ini = readIni(files.find(({ file }) => file === 'platformio.ini')?.text)
    const named = [...ini.values()].flatMap(options => options.get('board_build.partitions') ?? [])
    return [...new Set(named)].flatMap(name => {
      const own = csv(name.replace(/^\.\//, ''))
      return own.length > 0 ? own : (tableOfScheme(name, 'board_build.partitions =') ?? [])
    })
  }
  if (system === 'arduino') {
    const own = csv('partitions.csv')
    return own.length > 0 ? own : schemesOf(await buildOptionsOf(folder))
  }
  if (system !== 'esp-idf') return []
  const isCustom = configuration.get('CONFIG_PARTITION_TABLE_CUSTOM') === 'y'
  const chosen = tableOfConfiguration(configuration)
  if (isCustom) {
    const name = configuration.get('CONFIG_PARTITION_TABLE_CUSTOM_FILENAME') ?? 'partitions.csv'
    const own = csv(name)
    if (own.length > 0) return own
    // A name with a variable in it is nobody's to resolve.
    return name.includes('$') || path.isAbsolute(name) ? [] : [missingTable(name)]
  }
  return chosen === undefined ? csv('partitions.csv') : [chosen]
}

function missingTable(file: string): TableFact {
  return { file, isValid: false, otaSlots: [], hasOtaData: false, end: 0 }
}

async function buildOptionsOf(folder: string): Promise<readonly string[]> {
  const places = await arduinoBuilds(folder)
  const found = await Promise.all(places.map(place => readProjectFile(place, 'build.options.json')))
  const sketch = await readProjectFile(folder, 'sketch.yaml')
  return [...found, sketch].flatMap(file => file?.text ?? [])
}

/** `PartitionScheme=huge_app` in the name of a board. */
function schemesOf(texts: readonly string[]): readonly TableFact[] {
  const schemes = texts.flatMap(text => [...text.matchAll(/PartitionScheme=(\w+)/g)].map(([, scheme = '']) => scheme))
  return [...new Set(schemes)].flatMap(scheme => tableOfScheme(scheme, 'PartitionScheme =') ?? [])
}

/** Images that somebody has put into a folder: nothing is known of their project. */
async function lookAtImages(folder: string, options: OutputOptions): Promise<readonly OutputFact[]> {
  const names = (await filesIn(folder)).filter(isCandidateFile).slice(0, MOST_IMAGES)
  const images = await Promise.all(names.map(name => lookAtImage(folder, name, options)))
  return images.filter(image => image !== undefined).map(image => ({ folder, chip: null, app: image.file, image }))
}

const MOST_IMAGES = 20
