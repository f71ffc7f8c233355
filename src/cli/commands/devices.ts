import { askDaemon } from '../../control/control-client.js'
import type { DeviceFacts, DeviceHistory } from '../../devices/device-facts.js'
import { OperatorError } from '../../errors.js'
import { clockTime, jsonLine, jsonText, printable } from '../../words.js'
import { addAskingFlags, stateFolderOf } from '../ask.js'
import type { CliCommand } from '../command.js'
import { type Drawing, writeDevice, writeDeviceLine, writeDevices } from '../report-devices.js'
import { watchInLines, watchOnTerminal } from '../watch-devices.js'

const EXAMPLES = `
DEVICE is its label (deviceNames), its MAC or the SHA-256 fingerprint of its certificate in any spelling, or its address. With --watch and
--json, each line is one device as JSON, printed when something of it has changed.

Examples:
  otad devices
  otad devices 24:6F:28:AA:BB:CC
  otad devices --watch
  otad devices kitchen --json | jq '.[0].running.version'
  otad devices --watch --json | jq -c '{id, verdict: .verdict.sentence}'
`

/** `otad devices [DEVICE]`: who has come, what each runs, and what happened to it. */
export const devices: CliCommand = {
  name: 'devices',
  summary: 'list the devices that have come, what they run, and what happened to them last',
  define: command => {
    command.argument('[device]', 'label, MAC, address or fingerprint: what happened to this one [all of them]')
    command.option('--watch', 'go on, and show downloads as they go')
    addAskingFlags(command)
    command.addHelpText('after', EXAMPLES)
  },
  run: async (typed, io) => {
    const [asked] = typed.args
    const stateFolder = stateFolderOf(typed, io)
    const isJson = typed.options.json === true
    const ask = (): Promise<readonly DeviceHistory[]> =>
      askDaemon(stateFolder, { command: 'devices', history: asked !== undefined, device: asked })
    const write = (found: readonly DeviceHistory[], now: number): string =>
      writePage(found, asked, { now, colour: io.hasColour })
    if (typed.options.watch === true) {
      if (isJson) return watchInLines({ ask, io }, device => jsonLine(factsFor(device, asked)), String)
      if (io.isTerminal) return watchOnTerminal({ ask, io }, write)
      return watchInLines({ ask, io }, writeDeviceLine, line => `${clockTime(Date.now())}  ${line}`)
    }
    const found = await ask()
    if (asked !== undefined && found.length === 0) throw noSuchDevice(asked)
    io.stdout(isJson ? jsonText(found.map(device => factsFor(device, asked))) : write(found, Date.now()))
    return 0
  }
}

function writePage(found: readonly DeviceHistory[], asked: string | undefined, drawing: Drawing): string {
  if (asked === undefined) return writeDevices(found, drawing)
  if (found.length === 0) return `${printable(asked)} has not come yet\n`
  return found.map(device => writeDevice(device, drawing)).join('\n')
}

/** Without a history that nobody asked for. */
function factsFor({ history, ...facts }: DeviceHistory, asked: string | undefined): DeviceFacts | DeviceHistory {
  return asked === undefined ? facts : { ...facts, history }
}

function noSuchDevice(asked: string): OperatorError {
  return new OperatorError(
    'OTAD_ERR_USAGE',
    `no device that has come is known as ${printable(asked)}`,
    'otad devices lists those that have; the setting deviceNames gives them labels'
  )
}
