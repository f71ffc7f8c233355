import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { CHIPS, type ChipName } from '../../src/image/chips.js'
import { temporaryFolder } from './daemon.js'
import { aBootloader, aPartitionTable, type BuiltPartition, TWO_OTA_PARTITIONS } from './image-builder.js'

export interface ProjectOptions {
  /** 'hello_world' when left out. */
  readonly project?: string
  /** The chip of `idf.py set-target`; 'esp32' when left out. */
  readonly target?: ChipName
  readonly partitions?: readonly BuiltPartition[]
}

/** A project of ESP-IDF in a temporary folder, with the `build/` that `idf.py build` leaves. */
export interface Project {
  readonly folder: string
  readonly build: string
  /** Where the app goes: `build/<project>.bin`. */
  readonly app: string
  /** Configures again and builds all but the app: what `idf.py set-target` and `idf.py build` write beside it. */
  configure(options?: Pick<ProjectOptions, 'target' | 'partitions'>): Promise<void>
  /** Empties `build/` as `idf.py fullclean` does; the folder itself stays. */
  fullclean(): Promise<void>
}

/** Makes a project that has been configured and built but for its app. It goes with the test. */
export async function aProject({ project = 'hello_world', ...options }: ProjectOptions = {}): Promise<Project> {
  const folder = await temporaryFolder()
  const build = path.join(folder, 'build')
  const configure = async ({ target = options.target, partitions = options.partitions }: ProjectOptions = {}) => {
    const chip = target ?? 'esp32'
    await mkdir(path.join(build, 'bootloader'), { recursive: true })
    await mkdir(path.join(build, 'partition_table'), { recursive: true })
    await writeFile(path.join(build, 'project_description.json'), projectDescription({ project, chip, folder, build }))
    await writeFile(path.join(build, 'flasher_args.json'), flasherArgs({ project, chip }))
    await writeFile(path.join(build, 'bootloader', 'bootloader.bin'), aBootloader({ chip }))
    const table = aPartitionTable({ entries: partitions ?? TWO_OTA_PARTITIONS })
    await writeFile(path.join(build, 'partition_table', 'partition-table.bin'), table)
    await writeFile(path.join(build, 'ota_data_initial.bin'), Buffer.alloc(0x2000, 0xff))
  }
  await writeFile(path.join(folder, 'CMakeLists.txt'), cmakeLists(project))
  await mkdir(path.join(folder, 'main'))
  await writeFile(path.join(folder, 'main', 'CMakeLists.txt'), 'idf_component_register(SRCS "main.c")\n')
  await configure()
  return {
    folder,
    build,
    app: path.join(build, `${project}.bin`),
    configure,
    async fullclean() {
      await rm(build, { recursive: true, force: true })
      await mkdir(build)
    }
  }
}

export interface WritingOptions {
  /** Length of each piece; the whole at once when left out. */
  readonly pieceLength?: number
  /** Pause between two pieces. */
  readonly pauseMs?: number
  /** Stops behind that many bytes and closes the file: a build that was interrupted, a copy that ran out of disk. */
  readonly stopAfter?: number
}

/** Opens the file empty and writes it, as esptool does (mode "wb"). */
export function truncateAndWrite(file: string, bytes: Uint8Array, options: WritingOptions = {}): Promise<void> {
  return writePieces(file, { flags: 'w', bytes, options })
}

/** Writes over what is there, as `dd conv=notrunc` does. A longer file is cut first, so that no old bytes stand behind. */
export function writeInPlace(file: string, bytes: Uint8Array, options: WritingOptions = {}): Promise<void> {
  return writePieces(file, { flags: 'r+', bytes, options })
}

/** Writes beside the file, under a name that nobody serves, and renames it into place. */
export async function renameOver(file: string, bytes: Uint8Array, options: WritingOptions = {}): Promise<void> {
  const beside = `${file}.part`
  await writePieces(beside, { flags: 'w', bytes, options })
  await rename(beside, file)
}

/** Removes the file and makes it anew. */
export async function unlinkAndWrite(file: string, bytes: Uint8Array, options: WritingOptions = {}): Promise<void> {
  await rm(file, { force: true })
  await writePieces(file, { flags: 'w', bytes, options })
}

/** Writes a file over so many milliseconds, in 32 pieces, as a slow disk or a network mount lets it grow. */
export function writeSlowly(file: string, bytes: Uint8Array, durationMs: number): Promise<void> {
  return truncateAndWrite(file, bytes, { pieceLength: Math.ceil(bytes.length / 32), pauseMs: durationMs / 32 })
}

interface Writing {
  readonly flags: 'w' | 'r+'
  readonly bytes: Uint8Array
  readonly options: WritingOptions
}

async function writePieces(file: string, { flags, bytes, options }: Writing): Promise<void> {
  const { pieceLength = bytes.length, pauseMs = 0, stopAfter = bytes.length } = options
  const end = Math.min(stopAfter, bytes.length)
  const handle = await open(file, flags)
  try {
    if ((await handle.stat()).size > bytes.length) await handle.truncate(bytes.length)
    for (let offset = 0; offset < end; offset += pieceLength) {
      if (offset > 0 && pauseMs > 0) await elapse(pauseMs)
      const piece = bytes.subarray(offset, Math.min(offset + pieceLength, end))
      await handle.write(piece, 0, piece.length, offset)
    }
  } finally {
    await handle.close()
  }
}

interface Described {
  readonly project: string
  readonly chip: ChipName
}

/** As tools/templates/sample_project has it. */
function cmakeLists(project: string): string {
  const include = 'include($ENV{IDF_PATH}/tools/cmake/project.cmake)'
  return `cmake_minimum_required(VERSION 3.16)\n\n${include}\nproject(${project})\n`
}

/** As tools/cmake/project_description.json.in is filled in; what no reader of an app needs is left out. */
function projectDescription({ project, chip, folder, build }: Described & { folder: string; build: string }): string {
  const description = {
    version: '1.2',
    project_name: project,
    project_version: '1.0.0',
    project_path: folder,
    build_dir: build,
    config_file: path.join(folder, 'sdkconfig'),
    bootloader_elf: path.join(build, 'bootloader', 'bootloader.elf'),
    app_elf: `${project}.elf`,
    app_bin: `${project}.bin`,
    build_type: 'flash_app',
    target: chip,
    rev: '0',
    min_rev: '0',
    max_rev: '399',
    phy_data_partition: '',
    monitor_baud: '115200',
    config_environment: { COMPONENT_KCONFIGS: '', COMPONENT_KCONFIGS_PROJBUILD: '' },
    common_component_reqs: ['log', 'esp_rom', 'esp_common', 'esp_system'],
    build_components: ['main', 'bootloader', 'partition_table'],
    debug_prefix_map_gdbinit: ''
  }
  return `${JSON.stringify(description, undefined, 4)}\n`
}

/** As components/esptool_py/flasher_args.json.in is filled in. */
function flasherArgs({ project, chip }: Described): string {
  const bootloader = `0x${CHIPS[chip].bootloaderOffset.toString(16)}`
  const part = (offset: string, file: string) => ({ offset, file, encrypted: 'false' })
  const args = {
    write_flash_args: ['--flash_mode', 'dio', '--flash_size', '4MB', '--flash_freq', '40m'],
    flash_settings: { flash_mode: 'dio', flash_size: '4MB', flash_freq: '40m' },
    flash_files: {
      [bootloader]: 'bootloader/bootloader.bin',
      '0x8000': 'partition_table/partition-table.bin',
      '0xd000': 'ota_data_initial.bin',
      '0x10000': `${project}.bin`
    },
    bootloader: part(bootloader, 'bootloader/bootloader.bin'),
    'partition-table': part('0x8000', 'partition_table/partition-table.bin'),
    otadata: part('0xd000', 'ota_data_initial.bin'),
    app: part('0x10000', `${project}.bin`),
    extra_esptool_args: { after: 'hard_reset', before: 'default_reset', stub: true, chip }
  }
  return `${JSON.stringify(args, undefined, 4)}\n`
}
