import { X509Certificate } from 'node:crypto'
import { copyFile, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { CERTIFICATE_FILES, namesIn } from '../../certs/keystore.js'
import { normalName } from '../../certs/names.js'
import { OperatorError, systemErrorCode } from '../../errors.js'
import { readAddresses } from '../../host.js'
import { loadCertificates } from '../../identity.js'
import { createLog } from '../../log.js'
import { shortPath } from '../banner.js'
import type { CliCommand } from '../command.js'
import { addSettingFlags, settingsOf } from '../setting-flags.js'

const EXAMPLES = `
Examples:
  otad cert                                  make it if there is none, and show it
  otad cert --export main/server_certs       put the CA certificate where ESP-IDF's examples embed it
  otad cert --names ota.example.lan --json
`

/** One certificate, as \`--json\` prints it. */
interface ShownCertificate {
  readonly file: string
  readonly subject: string
  readonly fingerprint256: string
  readonly validFrom: string
  readonly validTo: string
}

/** `otad cert`: makes the certificates if need be, and shows what they are good for, until when, and which one to embed. */
export const cert: CliCommand = {
  name: 'cert',
  summary: 'make, show and export the certificates',
  define: command => {
    addSettingFlags(command, ['home', 'names', 'advertise', 'host', 'keyType'])
    command.option('--export <DIR>', 'copy ca_cert.pem, the one to embed in the device, into this folder')
    command.option('--json', 'print JSON')
    command.addHelpText('after', EXAMPLES)
  },
  run: async (typed, io) => {
    const { settings } = settingsOf(typed, io)
    const log = await createLog({ format: 'pretty', level: 'warn', colour: false, destination: 2 })
    const identity = await loadCertificates(settings, log.report)
    const folder = path.join(settings.home, 'certs')
    const caFile = path.join(folder, CERTIFICATE_FILES.caCertificate)
    const exported = typed.options.export
    if (typeof exported === 'string') io.stderr(`wrote ${await exportCa(caFile, path.resolve(io.cwd, exported))}\n`)
    const ca = describe(identity.ca.certificate, caFile)
    const leaf = describe(identity.leaf.certificate, path.join(folder, CERTIFICATE_FILES.leafCertificate))
    const names = namesIn(identity.leaf.certificate)
    if (typed.options.json === true) {
      io.stdout(`${JSON.stringify({ ca, leaf: { ...leaf, ...names } }, undefined, 2)}\n`)
      return 0
    }
    const own = new Set(readAddresses().map(({ address }) => normalName(address)))
    const mark = (name: string): string => `    ${own.has(name) ? '*' : ' '} ${name}\n`
    io.stdout(
      `${shortPath(ca.file, io.cwd)}   embed this one in the device\n` +
        `  ${ca.subject}, until ${ca.validTo.slice(0, 10)}\n` +
        `  SHA-256 ${ca.fingerprint256}\n\n` +
        `${shortPath(leaf.file, io.cwd)}   sent by the server, made anew at a start when it has to be\n` +
        `  ${leaf.subject}, from ${leaf.validFrom.slice(0, 10)} until ${leaf.validTo.slice(0, 10)}\n` +
        `  SHA-256 ${leaf.fingerprint256}\n` +
        `  good for (* an address of this machine):\n${names.dnsNames.map(mark).join('')}`
    )
    return 0
  }
}

function describe(certificate: string, file: string): ShownCertificate {
  const { subject, fingerprint256, validFrom, validTo } = new X509Certificate(certificate)
  return {
    file,
    subject,
    fingerprint256,
    validFrom: new Date(validFrom).toISOString(),
    validTo: new Date(validTo).toISOString()
  }
}

async function exportCa(caFile: string, folder: string): Promise<string> {
  const target = path.join(folder, CERTIFICATE_FILES.caCertificate)
  try {
    await mkdir(folder, { recursive: true })
    await copyFile(caFile, target)
    return target
  } catch (error) {
    throw new OperatorError(
      'OTAD_ERR_BAD_FOLDER',
      `${target} cannot be written (${systemErrorCode(error) ?? String(error)})`,
      'give a folder of your project that you may write to',
      { cause: error }
    )
  }
}
