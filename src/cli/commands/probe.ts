import type { CliCommand } from '../command.js'
import { addSettingFlags } from '../setting-flags.js'

const EXAMPLES = `
Examples:
  otad probe https://192.168.1.8:8070/hello_world.bin
  otad probe https://192.168.1.8:8070                  the first image that an otad lists
  otad probe https://files.example.com/fw.bin --json
  otad probe https://192.168.1.9/fw.bin --ca server_certs/ca_cert.pem --long
  otad probe http://192.168.1.9:8000/fw.bin
`

/** `otad probe`: behaves as devices do towards any server, rule by rule and flow by flow. */
export const probe: CliCommand = {
  name: 'probe',
  summary: 'behave as a device does towards any server, and tell what each device would make of it',
  define: command => {
    command.argument('<url>', 'the URL that a device would be given; without a path, what an otad lists first')
    addSettingFlags(command, ['home'])
    command.option(
      '--ca <FILE>',
      'the certificate that the device holds [the CA of --home, else certs/ca_cert.pem here, else the public roots]'
    )
    command.option('--insecure', 'go on where a device would refuse the certificate, which is told all the same')
    command.option('--long', 'look at what takes two minutes too: R12 and R13')
    command.option('--json', 'print JSON')
    command.addHelpText('after', EXAMPLES)
  },
  // All that it takes to be every device is loaded for nobody else.
  run: async (typed, io) => (await import('../probe-url.js')).probeUrl(typed, io)
}
