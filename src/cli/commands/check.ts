import { open, readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { readContext } from '../../config/context.js'
import type { Settings } from '../../config/options.js'
import { OperatorError, systemErrorCode } from '../../errors.js'
import { readPartitionTable, smallestOtaSlot } from '../../image/partition-table.js'
import type { ImageContext } from '../../image/verdict.js'
import { verifyImage } from '../../image/verify.js'
import { isWrongFile } from '../../image/wrong-file.js'
import { jsonText } from '../../words.js'
import type { CliCommand, Typed } from '../command.js'
import type { Io } from '../io.js'
import { type JudgedFile, toJson, writeReport } from '../report.js'
import { writeJunit } from '../report-junit.js'
import { writeSarif } from '../report-sarif.js'
import { addSettingFlags, settingsOf } from '../setting-flags.js'

const FORMATS = ['text', 'json', 'junit', 'sarif'] as const
type Format = (typeof FORMATS)[number]

/** From so many files on, a person wants to see that it goes on. */
const MANY_FILES = 50

const EXAMPLES = `
Examples:
  otad check build/hello_world.bin
  otad check build/app.bin --chip esp32s3 --partition-table build/partition_table/partition-table.bin
  otad check --json firmware/*.bin
  otad check app.bin --signature required --key signing_key.pub.pem
  otad check firmware/ --format junit > report.xml
  cat hello_world.bin | otad check -
`

/** `otad check`: judges files without serving them. */
export const check: CliCommand = {
  name: 'check',
  summary: 'judge firmware images without serving them',
  define: command => {
    command.argument('<files...>', 'images to judge; a folder is looked through for .bin files, - is standard input')
    addSettingFlags(command, ['chip', 'slotSize', 'kinds', 'signature', 'signatureKeys', 'maxImageBytes'])
    command.option('--partition-table <FILE>', 'take the slot from this binary partition table')
    command.option(
      '--key <KEY>',
      'one more of --signature-keys; may be given again',
      (key, keys: string[]) => [...keys, key],
      []
    )
    command.option('--format <FORMAT>', `one of ${FORMATS.join(', ')} [text]`)
    command.option('--json', 'the same as --format json: an array with one object for each file')
    command.addHelpText('after', EXAMPLES)
  },
  run: async (typed, io) => {
    const settings = readSettings(typed, io)
    const format = readFormat(typed)
    const context = await withSlot(await readContext(settings, io.cwd), typed, io)
    const files = (await Promise.all(typed.args.map(argument => filesOf(argument, io.cwd)))).flat()
    const judged: JudgedFile[] = []
    let unread = 0
    for (const [index, file] of files.entries()) {
      if (files.length >= MANY_FILES) io.progress(`judging ${index + 1} of ${files.length}`)
      const bytes =
        file === '-' ? await io.stdin() : await readImage(file, io, settings.maxImageBytes, typed.args.includes(file))
      if (bytes === undefined) {
        unread++
        continue
      }
      const verdict = verifyImage(bytes, context)
      const neighbours = file !== '-' && isWrongFile(verdict) ? await neighboursOf(file, io.cwd) : []
      const one = { file, length: bytes.length, verdict, neighbours }
      if (format === 'text') io.stdout(`${judged.length > 0 ? '\n' : ''}${writeReport(one, context)}`)
      judged.push(one)
    }
    io.progress('')
    if (files.length === 0) io.stderr('otad: there is no .bin file in there\n')
    io.stdout(documentOf(judged, format, io.version))
    if (judged.some(({ verdict }) => verdict.verdict === 'reject')) return 3
    return unread > 0 ? 1 : 0
  }
}

function readSettings({ options }: Typed, io: Io): Settings {
  const { settings } = settingsOf({ args: [], options }, io)
  const keys = Array.isArray(options.key) ? options.key.map(String) : []
  return { ...settings, signatureKeys: [...settings.signatureKeys, ...keys] }
}

function readFormat({ options }: Typed): Format {
  if (options.json === true) return 'json'
  const asked = options.format ?? 'text'
  const format = FORMATS.find(known => known === asked)
  if (format !== undefined) return format
  throw new OperatorError(
    'OTAD_ERR_USAGE',
    `--format: there is no format "${asked}"`,
    `the formats are ${FORMATS.join(', ')}`
  )
}

/** The slot of a partition table that was given, unless one was given outright. */
async function withSlot(context: ImageContext, { options }: Typed, io: Io): Promise<ImageContext> {
  const file = options.partitionTable
  if (typeof file !== 'string' || context.slotSize !== undefined) return context
  const bytes = await readFile(path.resolve(io.cwd, file)).catch(error => {
    throw noSuchFile(file, error)
  })
  const table = readPartitionTable(bytes)
  const slotSize = table.valid ? smallestOtaSlot(table.entries) : undefined
  if (slotSize !== undefined) return { ...context, slotSize }
  throw new OperatorError(
    'OTAD_ERR_NO_SUCH_FILE',
    table.valid ? `${file} has no OTA slot` : `${file} is not a binary partition table`,
    'an ESP-IDF build has one in build/partition_table/partition-table.bin'
  )
}

/** What is printed when all are judged; pages for people are printed one by one. */
function documentOf(judged: readonly JudgedFile[], format: Format, version: string): string {
  switch (format) {
    case 'text':
      return ''
    case 'json':
      return jsonText(judged.map(toJson))
    case 'junit':
      return writeJunit(judged)
    case 'sarif':
      return writeSarif(judged, version)
  }
}

/** The `.bin` files beside a file: one of them may be the one that was meant. */
async function neighboursOf(file: string, cwd: string): Promise<readonly string[]> {
  const folder = path.dirname(file)
  const names = await readdir(path.resolve(cwd, folder)).catch(() => [])
  const others = names.filter(name => name.endsWith('.bin') && name !== path.basename(file))
  return others.map(name => path.join(folder, name)).sort()
}

/** A file as it is; a folder's `.bin` files, in the order of their names. */
async function filesOf(argument: string, cwd: string): Promise<readonly string[]> {
  if (argument === '-') return [argument]
  const folder = path.resolve(cwd, argument)
  const stats = await stat(folder).catch(error => {
    throw noSuchFile(argument, error)
  })
  if (!stats.isDirectory()) return [argument]
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => entry.isFile() && entry.name.endsWith('.bin'))
    .map(entry => path.join(argument, path.relative(folder, path.join(entry.parentPath, entry.name))))
    .sort()
}

/**
 * The bytes of a file, or undefined for one of a folder's that cannot be had: that is said, and the others go on.
 * @throws OperatorError for a file that was asked for by its name
 */
async function readImage(
  file: string,
  io: Io,
  maxImageBytes: number,
  isAskedFor: boolean
): Promise<Buffer | undefined> {
  try {
    return await readAtMost(path.resolve(io.cwd, file), file, maxImageBytes)
  } catch (error) {
    const explained = error instanceof OperatorError ? error : noSuchFile(file, error)
    if (isAskedFor) throw explained
    io.stderr(`otad: ${explained.message}\n`)
    return undefined
  }
}

async function readAtMost(file: string, shown: string, maxImageBytes: number): Promise<Buffer> {
  const stats = await stat(file)
  if (!stats.isFile())
    throw new OperatorError(
      'OTAD_ERR_NO_SUCH_FILE',
      `${shown} is not a file`,
      'give image files, or a folder that holds some'
    )
  if (stats.size > maxImageBytes)
    throw new OperatorError(
      'OTAD_ERR_NO_SUCH_FILE',
      `${shown} is ${stats.size} bytes, more than the ${maxImageBytes} that otad reads`,
      'no ESP32 image is that large; --max-image-bytes raises the limit'
    )
  const handle = await open(file, 'r')
  try {
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

function noSuchFile(file: string, error: unknown): OperatorError {
  const code = systemErrorCode(error)
  const reason = code === 'ENOENT' ? 'is not there' : `cannot be read (${code ?? String(error)})`
  return new OperatorError(
    'OTAD_ERR_NO_SUCH_FILE',
    `${file} ${reason}`,
    'check the path; an ESP-IDF project has its image in build/',
    {
      cause: error
    }
  )
}
