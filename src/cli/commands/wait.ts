import { withoutSlash } from '../../releases/choose-release.js'
import { clockTime, jsonText } from '../../words.js'
import { addAskingFlags, stateFolderOf } from '../ask.js'
import type { CliCommand } from '../command.js'
import { readDuration } from '../read-duration.js'
import { describeResult } from '../report-standing.js'
import { waitForDevice } from '../wait-for-device.js'

const EXAMPLES = `
It runs when it says so: by GET /NAME/ok?sha=… (docs/devices.md), or by the headers of HTTPUpdate. With --downloaded it is enough that
it was handed the image whole. A build that comes meanwhile is waited for instead. --timeout 0 looks once.

Examples:
  otad wait hello_world.bin --device 192.168.1.50
  otad wait hello_world.bin --device 24:6f:28:aa:bb:cc --timeout 2m --json | jq -r .running.version
  idf.py build && otad wait hello_world.bin --device kitchen && pytest tests/
`

/** `otad wait NAME --device X`: blocks until a device runs the current build. */
export const wait: CliCommand = {
  name: 'wait',
  summary: 'wait until a device runs the current build of a name',
  define: command => {
    command.argument('<name>', 'name that is served')
    command.requiredOption(
      '--device <DEVICE>',
      'MAC, address, fingerprint of a certificate, or label; it may be yet to come'
    )
    command.option('--timeout <DURATION>', 'give up after this long, as 90s, 5m or 1h', '5m')
    command.option('--downloaded', 'be content when it has been handed the image whole')
    addAskingFlags(command)
    command.addHelpText('after', EXAMPLES)
  },
  run: async (typed, io) => {
    const { args, options } = typed
    const wanted = { name: withoutSlash(args[0] ?? ''), device: String(options.device) }
    const standing = await waitForDevice({
      wanted,
      countsDownload: options.downloaded === true,
      timeoutMs: readDuration(String(options.timeout), '--timeout'),
      stateFolder: stateFolderOf(typed, io),
      tell: line => io.stderr(`${clockTime(Date.now())}  ${line}\n`),
      signal: io.signal
    })
    if (standing === undefined) {
      io.stderr('otad: stopped waiting\n')
      return 1
    }
    const { history, ...facts } = standing.device
    io.stdout(options.json === true ? jsonText(facts) : `${describeResult(standing, wanted)}\n`)
    return 0
  }
}
