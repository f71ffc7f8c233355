import { isChipName } from '../image/chips.js'
import { FILE_SYSTEM, type Layout } from './layout.js'
import { readBootloaderChip } from './layout-bootloader.js'
import { flashOfTable } from './layout-flash.js'
import { parseObject, textOf } from './layout-text.js'

const SKETCH_FILE = /^(.+?\.ino)(?:\.[\w-]+)?\.bin$/

/** The sketch that a file was built of: `Blink.ino` for `Blink.ino.bin` and `Blink.ino.bootloader.bin`. */
export function sketchOf(fileName: string): string | undefined {
  // Asked of every file at every look round.
  return fileName.includes('.ino.') ? SKETCH_FILE.exec(fileName)?.[1] : undefined
}

/** What arduino-cli leaves beside `<sketch>.bin`; the options name the board. */
export function arduinoFiles(sketch: string) {
  return {
    bootloader: `${sketch}.bootloader.bin`,
    partitions: `${sketch}.partitions.bin`,
    buildOptions: 'build.options.json',
    /** A copy of the table's text, which the build makes before anything else. */
    csv: 'partitions.csv'
  } as const
}

export interface ArduinoTexts {
  readonly sketch: string
  /** Name of the folder, which may be that of the board: `esp32.esp32.esp32s3`. */
  readonly folderName: string
  readonly bootloader?: Uint8Array | undefined
  readonly buildOptions?: string | undefined
}

/** Reads what Arduino's builds leave of a sketch. Several sketches may be built into one folder, each with neighbours of its own. */
export function readArduinoLayout({ sketch, folderName, bootloader, buildOptions }: ArduinoTexts): Layout {
  const files = arduinoFiles(sketch)
  const project = sketch.slice(0, -'.ino'.length)
  const chip =
    readBootloaderChip(bootloader) ??
    chipOfBoard(textOf(parseObject(buildOptions)?.fqbn)?.split(':')) ??
    chipOfBoard(folderName.split('.'))
  return {
    system: 'arduino',
    description: ['Arduino sketch', [project, chip].filter(Boolean).join(', ')].join(' '),
    project,
    chip,
    app: `${sketch}.bin`,
    partitionTable: files.partitions,
    partitionCsv: files.csv,
    tableOffset: undefined,
    notForOta: new Map([
      [files.bootloader, 'the bootloader'],
      [files.partitions, 'the partition table'],
      [`${sketch}.merged.bin`, 'the whole flash'],
      [`${sketch}.spiffs.bin`, FILE_SYSTEM],
      [`${sketch}.littlefs.bin`, FILE_SYSTEM]
    ]),
    flash: chip === 'esp8266' ? undefined : flashOfTable(files.bootloader, files.partitions),
    sources: Object.values(files)
  }
}

/** The chip of a board (vendor, architecture, board) that is called by its chip; of all others only Arduino knows. */
function chipOfBoard([, architecture, board]: readonly string[] = []): string | undefined {
  if (architecture === 'esp8266') return 'esp8266'
  return architecture === 'esp32' && board !== undefined && isChipName(board) ? board : undefined
}
