import { addAskingFlags, ask } from '../ask.js'
import type { CliCommand } from '../command.js'
import { writeReleases } from '../report-releases.js'

const EXAMPLES = `
Examples:
  otad releases
  otad releases hello_world.bin --json
`

/** `otad releases [NAME]`: the releases that are kept, and can be gone back to. */
export const releases: CliCommand = {
  name: 'releases',
  summary: 'list the releases of the running otad, current and kept',
  define: command => {
    command.argument('[name]', 'name that is served [all of them]')
    addAskingFlags(command)
    command.addHelpText('after', EXAMPLES)
  },
  run: (typed, io) => ask({ command: 'releases', name: typed.args[0] }, typed, io, writeReleases)
}
