import type { Unpinned } from '../../answers.js'
import { printable, shortDigest } from '../../words.js'
import { addAskingFlags, ask } from '../ask.js'
import type { CliCommand } from '../command.js'
import { nameRelease } from '../report-status.js'

const EXAMPLES = `
Examples:
  otad unpin hello_world.bin                     its newest build is served again
  otad unpin 192.168.1.50                        the device is given what is current again
  otad unpin 24:6f:28:aa:bb:cc left/app.bin      of one name only
`

/** `otad unpin NAME|DEVICE`: lets go of a rollback, or of the pins of a device. */
export const unpin: CliCommand = {
  name: 'unpin',
  summary: 'let go of a rollback, or of a pinned device',
  define: command => {
    command.argument('<what>', 'name that is rolled back, or device that is pinned')
    command.argument('[name]', 'of a device: the only name to let go of')
    addAskingFlags(command)
    command.addHelpText('after', EXAMPLES)
  },
  run: (typed, io) => {
    const [what = '', name] = typed.args
    return ask({ command: 'unpin', what, name }, typed, io, describe)
  }
}

function describe(unpinned: Unpinned): string {
  if (unpinned.is === 'name')
    return unpinned.current === null
      ? `the next build of ${printable(unpinned.name)} is served\n`
      : `${printable(unpinned.name)} is ${nameRelease(unpinned.current)}, its newest build, from now on\n`
  return unpinned.pins
    .map(({ device, name, digest, release }) => {
      const given = release === null ? shortDigest(digest) : nameRelease(release)
      return `${printable(device)} is given the current release of ${printable(name)} again, and not ${given}\n`
    })
    .join('')
}
