import type { RolledBack } from '../../answers.js'
import { printable } from '../../words.js'
import { addAskingFlags, ask } from '../ask.js'
import type { CliCommand } from '../command.js'
import { describeRollback, nameRelease } from '../report-status.js'

const EXAMPLES = `
RELEASE is a version, the first 4 or more digits of a digest, or '#' and a number (in quotes: a shell takes # for a comment).

Examples:
  otad rollback hello_world.bin                 to the build before the current one
  otad rollback hello_world.bin 1.4.1
  otad rollback hello_world.bin '#6' --hold     and keep builds to come back, until otad unpin hello_world.bin
`

/** `otad rollback NAME [RELEASE]`: an earlier release is what devices get from now on; downloads under way go on. */
export const rollback: CliCommand = {
  name: 'rollback',
  summary: 'serve an earlier release of a name again',
  define: command => {
    command.argument('<name>', 'name that is served')
    command.argument('[release]', 'release to go back to [the build before the current one]')
    command.option('--hold', 'keep builds to come back too, until otad unpin NAME')
    addAskingFlags(command)
    command.addHelpText('after', EXAMPLES)
  },
  run: (typed, io) => {
    const [name = '', release] = typed.args
    return ask({ command: 'rollback', name, release, hold: typed.options.hold === true }, typed, io, describe)
  }
}

function describe(rolledBack: RolledBack): string {
  const { current, setAside, hold } = rolledBack
  const sentence = `${printable(current.name)} is ${nameRelease(current)} from now on\n`
  return setAside === null && !hold ? sentence : `${sentence}${describeRollback(rolledBack, current.name)}\n`
}
