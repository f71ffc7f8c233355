import type { PinFacts } from '../../answers.js'
import { printable, shortDigest } from '../../words.js'
import { addAskingFlags, ask } from '../ask.js'
import type { CliCommand } from '../command.js'
import { nameRelease } from '../report-status.js'

const EXAMPLES = `
DEVICE is what the server knows of it: the SHA-256 fingerprint of its certificate, the MAC that Arduino's and ESP8266's clients
send, or its address. RELEASE is a version, the first 4 or more digits of a digest, or '#' and a number; with several names,
NAME@RELEASE.

Examples:
  otad pin 192.168.1.50 1.4.1
  otad pin 24:6f:28:aa:bb:cc left/app.bin@4c1d9e02
`

/** `otad pin DEVICE RELEASE`: one device is given a certain release of a name, whatever is current. */
export const pin: CliCommand = {
  name: 'pin',
  summary: 'give one device a certain release, whatever is current',
  define: command => {
    command.argument('<device>', 'MAC, address, or fingerprint of a certificate')
    command.argument('<release>', 'release, as RELEASE or NAME@RELEASE')
    addAskingFlags(command)
    command.addHelpText('after', EXAMPLES)
  },
  run: (typed, io) => {
    const [device = '', release = ''] = typed.args
    return ask({ command: 'pin', device, release }, typed, io, describe)
  }
}

function describe({ device, name, digest, release }: PinFacts): string {
  const given = release === null ? shortDigest(digest) : nameRelease(release)
  return `${printable(device)} is given ${given} of ${printable(name)} from now on\n`
}
