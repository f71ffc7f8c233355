import { open, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { readContext } from '../../config/context.js'
import { OperatorError, systemErrorCode } from '../../errors.js'
import { verifyImage } from '../../image/verify.js'
import type { CliCommand } from '../command.js'
import { type JudgedFile, toJson, writeReport } from '../report.js'
import { addSettingFlags, settingsOf } from '../setting-flags.js'

const EXAMPLES = `
Examples:
  otad check build/hello_world.bin
  otad check build/ --chip esp32s3 --slot-size 1MiB
  otad check --json firmware/*.bin
  cat hello_world.bin | otad check -
`

/** `otad check`: judges files without serving them. */
export const check: CliCommand = {
  name: 'check',
  summary: 'judge firmware images without serving them',
  define: command => {
    command.argument('<files...>', 'images to judge; a folder is looked through for .bin files, - is standard input')
    addSettingFlags(command, ['chip', 'slotSize', 'maxImageBytes'])
    command.option('--json', 'print an array with one object for each file')
    command.addHelpText('after', EXAMPLES)
  },
  run: async (typed, io) => {
    const { settings } = settingsOf({ ...typed, args: [] }, io)
    const context = readContext(settings)
    const files = (await Promise.all(typed.args.map(argument => filesOf(argument, io.cwd)))).flat()
    const isJson = typed.options.json === true
    const judged: JudgedFile[] = []
    for (const file of files) {
      const bytes =
        file === '-' ? await io.stdin() : await readImage(path.resolve(io.cwd, file), file, settings.maxImageBytes)
      const one = { file, length: bytes.length, verdict: verifyImage(bytes, context) }
      if (!isJson) io.stdout(`${judged.length > 0 ? '\n' : ''}${writeReport(one, context)}`)
      judged.push(one)
    }
    if (isJson) io.stdout(`${JSON.stringify(judged.map(toJson), undefined, 2)}\n`)
    return judged.some(({ verdict }) => verdict.verdict === 'reject') ? 3 : 0
  }
}

/** A file as it is; a folder's `.bin` files, in the order of their names. */
async function filesOf(argument: string, cwd: string): Promise<readonly string[]> {
  if (argument === '-') return [argument]
  const stats = await stat(path.resolve(cwd, argument)).catch(error => {
    throw noSuchFile(argument, error)
  })
  if (!stats.isDirectory()) return [argument]
  const entries = await readdir(path.resolve(cwd, argument), { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => entry.isFile() && entry.name.endsWith('.bin'))
    .map(entry =>
      path.join(argument, path.relative(path.resolve(cwd, argument), path.join(entry.parentPath, entry.name)))
    )
    .sort()
}

async function readImage(file: string, shown: string, maxImageBytes: number): Promise<Buffer> {
  const { size, isFile } = await stat(file).then(
    stats => ({ size: stats.size, isFile: stats.isFile() }),
    error => {
      throw noSuchFile(shown, error)
    }
  )
  if (!isFile)
    throw new OperatorError(
      'OTAD_ERR_NO_SUCH_FILE',
      `${shown} is not a file`,
      'give image files, or a folder that holds some'
    )
  if (size > maxImageBytes)
    throw new OperatorError(
      'OTAD_ERR_NO_SUCH_FILE',
      `${shown} is ${size} bytes, more than the ${maxImageBytes} that otad reads`,
      'no ESP32 image is that large; --max-image-bytes raises the limit'
    )
  try {
    const handle = await open(file, 'r')
    try {
      return await handle.readFile()
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw noSuchFile(shown, error)
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
