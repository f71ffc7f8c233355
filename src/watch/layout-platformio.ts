import path from 'node:path'
import { isChipName } from '../image/chips.js'
import { FILE_SYSTEM, type Layout, PLAIN_LAYOUT } from './layout.js'
import { readBootloaderChip } from './layout-bootloader.js'
import { flashOfTable } from './layout-flash.js'
import { parseObject, readIni, readSdkconfig, relativeOf, textOf } from './layout-text.js'

/** Where PlatformIO builds, unless platformio.ini says otherwise. */
const PLATFORMIO_BUILD = '.pio/build'

/** The files of an environment's build folder, and of the project around it. */
export const PLATFORMIO_FILES = {
  bootloader: 'bootloader.bin',
  partitions: 'partitions.bin',
  program: 'firmware.elf',
  idedata: 'idedata.json',
  description: 'project_description.json',
  /** PlatformIO writes it beside the folders of the environments, wherever they are. */
  checksum: '../project.checksum',
  ini: '../../../platformio.ini'
} as const

/** The ESP-IDF configuration of an environment, from its folder. */
export function platformioSdkconfig(environment: string): string {
  return `../../../sdkconfig.${environment}`
}

export interface PlatformioTexts {
  /** Name of the environment, which is that of its folder. */
  readonly environment: string
  readonly bootloader?: Uint8Array | undefined
  readonly idedata?: string | undefined
  /** CMake's, where the framework is ESP-IDF. */
  readonly description?: string | undefined
  readonly sdkconfig?: string | undefined
  readonly ini?: string | undefined
}

/** Whether a folder is that of an environment by where it lies. */
export function isPlatformioEnvironment(folder: string): boolean {
  return isPlatformioBuild(path.dirname(folder))
}

/** Whether a folder is the one that holds the folders of all environments. */
export function isPlatformioBuild(folder: string): boolean {
  return `/${folder.split(path.sep).join('/')}`.endsWith(`/${PLATFORMIO_BUILD}`)
}

/** The folder of all environments: each has a layout of its own. */
export function platformioBuildLayout(folder: string): Layout {
  const project = path.basename(path.resolve(folder, '../..'))
  return { ...PLAIN_LAYOUT, system: 'platformio', description: `PlatformIO project ${project}`.trim(), project }
}

/** Reads what `pio run` leaves in `.pio/build/<environment>`. The board of platformio.ini would say the chip only to PlatformIO. */
export function readPlatformioLayout(texts: PlatformioTexts): Layout {
  const { environment, bootloader, idedata, description, sdkconfig, ini } = texts
  const settings = readSdkconfig(sdkconfig)
  const chip =
    readBootloaderChip(bootloader) ??
    chipOfDefines(parseObject(idedata)?.defines) ??
    textOf(parseObject(description)?.target) ??
    textOf(settings.get('CONFIG_IDF_TARGET'))
  const csv = relativeOf(optionOf(readIni(ini), environment, 'board_build.partitions'))
  return {
    system: 'platformio',
    description: ['PlatformIO environment', [environment, chip].filter(Boolean).join(', ')].join(' '),
    project: environment,
    chip,
    app: 'firmware.bin',
    partitionTable: PLATFORMIO_FILES.partitions,
    partitionCsv: csv === undefined ? undefined : `../../../${csv}`,
    tableOffset: undefined,
    notForOta: NOT_FOR_OTA,
    flash: chip === 'esp8266' ? undefined : flashOfTable(PLATFORMIO_FILES.bootloader, PLATFORMIO_FILES.partitions),
    sources: [...Object.values(PLATFORMIO_FILES), platformioSdkconfig(environment)]
  }
}

/** The folder that a project's environments are built in, relative to the project, as far as its platformio.ini says it in plain words. */
export function readPlatformioBuildDir(iniText: string): string {
  const options = readIni(iniText).get('platformio')
  const plain = (key: string): string | undefined => {
    const value = textOf(options?.get(key))
    return value?.includes('$') ? undefined : value
  }
  const workspace = plain('workspace_dir')
  return plain('build_dir') ?? (workspace === undefined ? PLATFORMIO_BUILD : `${workspace}/build`)
}

const NOT_FOR_OTA: ReadonlyMap<string, string> = new Map([
  [PLATFORMIO_FILES.bootloader, 'the bootloader'],
  [PLATFORMIO_FILES.partitions, 'the partition table'],
  ['boot_app0.bin', 'the initial OTA data'],
  ['ota_data_initial.bin', 'the initial OTA data'],
  ['littlefs.bin', FILE_SYSTEM],
  ['spiffs.bin', FILE_SYSTEM],
  ['fatfs.bin', FILE_SYSTEM],
  ['firmware.factory.bin', 'the whole flash'],
  ['firmware-factory.bin', 'the whole flash'],
  ['firmware-merged.bin', 'the whole flash']
])

/** What the compiler was told: `CONFIG_IDF_TARGET_ESP32S3`, `ARDUINO_VARIANT="esp32s3"`, `ESP8266`. */
function chipOfDefines(defines: unknown): string | undefined {
  if (!Array.isArray(defines)) return undefined
  for (const define of defines) {
    const [, word] =
      /^(?:CONFIG_IDF_TARGET_|(?:CONFIG_IDF_TARGET|ARDUINO_VARIANT)=[\\"]*|(?=ESP8266$))([a-z]+\d\w*)[\\"]*$/i.exec(
        String(define)
      ) ?? []
    if (word !== undefined && isChipName(word.toLowerCase())) return word.toLowerCase()
  }
  return undefined
}

/** An option of an environment: its own, else that of what it extends, the last first, else that of all environments. */
function optionOf(ini: ReturnType<typeof readIni>, environment: string, key: string): string | undefined {
  const seen = new Set<string>()
  const find = (section: string): string | undefined => {
    if (seen.has(section)) return undefined
    seen.add(section)
    const options = ini.get(section)
    const parents = (options?.get('extends') ?? '').split(',').map(parent => parent.trim())
    return (
      options?.get(key) ?? parents.reverse().reduce<string | undefined>((found, one) => found ?? find(one), undefined)
    )
  }
  return find(`env:${environment}`) ?? find('env')
}
