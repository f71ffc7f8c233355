import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { askDaemon } from '../../control/control-client.js'
import type { DeviceHistory } from '../../devices/device-facts.js'
import { OperatorError, systemErrorCode } from '../../errors.js'
import type { Explanation, Noticed } from '../../explain/explanation.js'
import { jsonText } from '../../words.js'
import type { CliCommand, Typed } from '../command.js'
import type { Io } from '../io.js'
import { explanationToJson, type Seen, writeExplanation } from '../report-explain.js'
import { addSettingFlags, settingsOf } from '../setting-flags.js'

const EXAMPLES = `
Examples:
  otad explain device.log
  idf.py monitor | otad explain
  pbpaste | otad explain -
  otad explain device.log --json
`

/** It says what it knows within this; a daemon that is busy is not waited for. */
const DAEMON_PATIENCE_MS = 3_000

/** `otad explain [LOG]`: says what happened in a device's serial log, why, and what to do. */
export const explain: CliCommand = {
  name: 'explain',
  summary: "read a device's serial log and say what happened and what to do",
  define: command => {
    command.argument('[log]', 'file with the serial log; - or a pipe is standard input')
    addSettingFlags(command, ['home'])
    command.option('--json', 'print JSON')
    command.addHelpText('after', EXAMPLES)
  },
  run: async (typed, io) => {
    const log = typed.args[0] ?? '-'
    if (typed.args.length === 0 && !io.isPiped) throw nothingToRead()
    const explanation = await explainPieces(log === '-' ? io.stdinPieces() : await openLog(log, io), log, io)
    const explained = { log, explanation, seen: await lookAtDaemon(explanation, typed, io) }
    io.stdout(typed.options.json === true ? jsonText(explanationToJson(explained)) : writeExplanation(explained))
    return 0
  }
}

async function explainPieces(pieces: AsyncIterable<Uint8Array>, log: string, io: Io): Promise<Explanation> {
  // Its rules are loaded by those alone who have a log.
  const { LogExplainer } = await import('../../explain/explain-log.js')
  const explainer = new LogExplainer()
  try {
    for await (const piece of pieces) explainer.push(piece)
  } catch (error) {
    // Whoever watches a device stops with Ctrl-C, and wants to know what came until then.
    if (!io.signal.aborted) throw unreadable(log, error)
  }
  return explainer.end()
}

async function openLog(log: string, io: Io): Promise<AsyncIterable<Uint8Array>> {
  const file = path.resolve(io.cwd, log)
  const stats = await stat(file).catch(error => {
    throw unreadable(log, error)
  })
  if (stats.isDirectory())
    throw new OperatorError('OTAD_ERR_NO_SUCH_FILE', `${log} is a folder`, 'give the file with the serial log')
  return createReadStream(file)
}

/** What the daemon of this home knows of it. That none runs is said, and is no failure. */
async function lookAtDaemon(explanation: Explanation, { options }: Typed, io: Io): Promise<Seen> {
  const { settings } = settingsOf({ args: [], options }, io)
  const state = path.join(settings.home, 'state')
  try {
    const status = await askDaemon(state, { command: 'status' }, DAEMON_PATIENCE_MS)
    const devices = await askForDevices(state, explanation.noticed)
    const { whatOtadSaw } = await import('../../explain/what-otad-saw.js')
    return { saw: whatOtadSaw(explanation, status, devices, Date.now()) }
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error
    return { absent: `${error.message}: nothing to compare the log with` }
  }
}

/** Those that the log names; all of them where it names none. */
async function askForDevices(state: string, { mac, address }: Noticed): Promise<readonly DeviceHistory[]> {
  const ask = (device?: string): Promise<readonly DeviceHistory[]> =>
    askDaemon(state, { command: 'devices', history: true, device }, DAEMON_PATIENCE_MS)
  const names = [mac, address].filter(name => name !== null)
  if (names.length === 0) return ask()
  const meant = (await Promise.all(names.map(ask))).flat()
  return [...new Map(meant.map(device => [device.id, device])).values()]
}

function nothingToRead(): OperatorError {
  return new OperatorError(
    'OTAD_ERR_USAGE',
    'there is no log to explain',
    'name its file, or pipe it in: idf.py monitor | otad explain'
  )
}

function unreadable(log: string, error: unknown): OperatorError {
  const code = systemErrorCode(error)
  const what = log === '-' ? 'standard input' : log
  const reason = code === 'ENOENT' ? 'is not there' : `cannot be read (${code ?? String(error)})`
  return new OperatorError(
    'OTAD_ERR_NO_SUCH_FILE',
    `${what} ${reason}`,
    'check the path; idf.py monitor | tee device.log makes a log',
    { cause: error }
  )
}
