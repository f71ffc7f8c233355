import { askDaemon } from '../../control/control-client.js'
import { addAskingFlags, ask, stateFolderOf } from '../ask.js'
import type { CliCommand } from '../command.js'
import { writeStatus } from '../report-status.js'

const EXAMPLES = `
Examples:
  otad status
  otad status --home . --json
  docker exec CONTAINER otad status
`

/** `otad status`: what the running daemon serves, what it refuses, what is rolled back and pinned, and which devices to look at. */
export const status: CliCommand = {
  name: 'status',
  summary: 'show what the running otad serves and refuses, what is rolled back, and which devices are pinned',
  define: command => {
    addAskingFlags(command)
    command.addHelpText('after', EXAMPLES)
  },
  run: async (typed, io) => {
    const devices = await askDaemon(stateFolderOf(typed, io), { command: 'devices', history: false })
    return ask({ command: 'status' }, typed, io, answer => writeStatus(answer, devices, Date.now()))
  }
}
