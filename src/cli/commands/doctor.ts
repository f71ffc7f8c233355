import { jsonText } from '../../words.js'
import type { CliCommand } from '../command.js'
import { writeDiagnosis } from '../report-doctor.js'
import { addSettingFlags, settingsOf } from '../setting-flags.js'

const EXAMPLES = `
Examples:
  otad doctor                       the project that you are in, and this machine
  otad doctor ~/esp/hello_world     that project
  sudo otad doctor --home ~/.local/share/otad    reads the rules of the firewall too
  otad doctor --json                facts, findings and verdict for a program; exit 3 on a serious finding
`

/** `otad doctor`: why a device would not get this build. Looks at the machine, the running otad and the project, and changes nothing. */
export const doctor: CliCommand = {
  name: 'doctor',
  summary: 'say why a device would not get this build: machine, firewall, certificates, project',
  define: command => {
    command.argument('[project]', 'folder of the project [the one that you are in, else those that otad watches]')
    addSettingFlags(command, [
      'home',
      'host',
      'port',
      'ports',
      'httpPort',
      'names',
      'advertise',
      'certMode',
      'keyType',
      'certFile',
      'keyFile',
      'keyPassphraseFile',
      'caFile',
      'maxTlsRecord',
      'chip',
      'slotSize',
      'maxImageBytes'
    ])
    command.option('--json', 'print JSON')
    command.addHelpText('after', EXAMPLES)
  },
  run: async ({ args, options }, io) => {
    const merged = settingsOf({ args: [], options }, io)
    // Loaded here: no other command needs it.
    const { lookAround } = await import('../../doctor/look.js')
    const { diagnose } = await import('../../doctor/checks.js')
    const facts = await lookAround({ merged, cwd: io.cwd, env: io.env, project: args[0], signal: io.signal })
    if (facts === undefined) {
      io.stderr('otad: stopped before it had seen everything\n')
      return 1
    }
    const diagnosis = diagnose(facts)
    io.stdout(options.json === true ? jsonText({ facts, ...diagnosis }) : writeDiagnosis(facts, diagnosis))
    return diagnosis.findings.some(({ severity }) => severity === 'serious') ? 3 : 0
  }
}
