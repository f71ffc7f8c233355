import { X509Certificate } from 'node:crypto'
import path from 'node:path'
import { CERTIFICATE_FILES, namesIn, renewLeaf, replaceCa } from '../../certs/keystore.js'
import { type CertificateNames, normalName } from '../../certs/names.js'
import { loadSelfSigned } from '../../certs/self-signed.js'
import { OperatorError } from '../../errors.js'
import type { Report } from '../../events.js'
import { readAddresses, readHostName } from '../../host.js'
import {
  type Identity,
  type IdentitySettings,
  keptNames,
  keystoreOptions,
  resolveIdentity,
  resolveIdentitySettings
} from '../../identity.js'
import { createLog } from '../../log.js'
import { loadSigningKey, makeSigningKey, type SigningKeyPlace } from '../../smartthings/signing-key.js'
import { jsonText } from '../../words.js'
import { shortPath } from '../banner.js'
import { drawTree, type TreeCertificate } from '../certificate-tree.js'
import type { CliCommand } from '../command.js'
import { exportAnchor, exportForDemo, isDemo } from '../export-anchor.js'
import type { Io } from '../io.js'
import { addSettingFlags, settingsOf } from '../setting-flags.js'

const EXAMPLES = `
Examples:
  otad cert                                  make it if there is none, and show it
  otad cert --export server_certs       ca_cert.pem, ca_cert.h and ca_cert.der for your project
  otad cert --export ota_demo --smartthings  root.pem and public_key.pem too, for ota_demo of SmartThings
  otad cert --renew                          a new server certificate; devices notice nothing
  otad cert --new-ca                         a new CA: every device has to be flashed with it
  otad cert --names ota.example.lan --json
`

/** `otad cert`: makes the certificates if need be, renews and exports them, and shows what they are good for, until when, and which one to embed. */
export const cert: CliCommand = {
  name: 'cert',
  summary: 'make, show, renew and export the certificates',
  define: command => {
    addSettingFlags(command, [
      'home',
      'names',
      'advertise',
      'host',
      'certMode',
      'keyType',
      'certFile',
      'keyFile',
      'keyPassphraseFile',
      'caFile',
      'signingKeyFile'
    ])
    command.option('--renew', 'make a new server certificate under the same CA; a running otad takes it at once')
    command.option('--new-ca', 'make a new CA, which locks out every device that embeds the old one')
    command.option('--yes', 'do not ask before that')
    command.option('--export <DIR>', 'write the certificate to embed as ca_cert.pem, ca_cert.h and ca_cert.der')
    command.option(
      '--smartthings',
      "with --export: for SmartThings' ota_demo too; a key to sign for it is made if there is none"
    )
    command.option('--json', 'print JSON')
    command.addHelpText('after', EXAMPLES)
  },
  run: async ({ options, ...typed }, io) => {
    const asked = settingsOf({ options, ...typed }, io).settings
    const settings = resolveIdentitySettings(asked, io.cwd)
    if (options.smartthings === true && typeof options.export !== 'string')
      throw new OperatorError(
        'OTAD_ERR_USAGE',
        '--smartthings says what to export, not where to',
        'otad cert --export DIR --smartthings, with the folder of ota_demo for DIR'
      )
    const { report } = await createLog({ format: 'pretty', level: 'warn', colour: false, destination: 2 })
    const names = await keptNames(settings)
    if (options.newCa === true) await renewAnchor(settings, names, report, options.yes === true, io)
    else if (options.renew === true) await renew(settings, names, report)
    const identity = await resolveIdentity(settings, names, report)
    if (typeof options.export === 'string') {
      const folder = path.resolve(io.cwd, options.export)
      await writeExport(identity, folder, io)
      await writeExportForDemo(identity, folder, {
        place: {
          home: settings.home,
          signingKeyFile: asked.signingKeyFile && path.resolve(io.cwd, asked.signingKeyFile),
          tellReadableKey: (file, mode) => report('key.readable', { file, mode })
        },
        isAsked: options.smartthings === true,
        io
      })
    }
    io.stdout(options.json === true ? describe(identity, settings) : draw(identity, settings, io.cwd))
    return 0
  }
}

async function renew(settings: IdentitySettings, names: CertificateNames, report: Report): Promise<void> {
  refuseOwn(settings)
  if (settings.certMode === 'self-signed')
    throw new OperatorError(
      'OTAD_ERR_USAGE',
      'a self-signed certificate is what devices embed: a new one locks them out',
      'otad cert --new-ca makes a new one all the same'
    )
  await renewLeaf(keystoreOptions(settings, names, report))
}

async function renewAnchor(
  settings: IdentitySettings,
  names: CertificateNames,
  report: Report,
  isConfirmed: boolean,
  io: Io
): Promise<void> {
  refuseOwn(settings)
  const file = path.join(settings.home, 'certs', CERTIFICATE_FILES.caCertificate)
  io.stderr(
    `This replaces ${shortPath(file, io.cwd)}, the certificate that devices embed.\n` +
      'Every device that was flashed with the old one refuses this server from now on, and cannot be updated over the air any more:\n' +
      'each has to be flashed by cable, unless it was updated before with firmware that embeds both.\n' +
      'The old files stay beside the new ones, with a mark in their names.\n'
  )
  if (!isConfirmed && !(await isAgreed(io)))
    throw new OperatorError('OTAD_ERR_USAGE', 'nothing was changed', 'otad cert --new-ca --yes does it without asking')
  const options = keystoreOptions(settings, names, report)
  const load = settings.certMode === 'self-signed' ? loadSelfSigned : undefined
  for (const moved of await replaceCa(options, load)) io.stderr(`kept ${shortPath(moved, io.cwd)}\n`)
}

async function isAgreed(io: Io): Promise<boolean> {
  return /^y(es)?$/i.test(((await io.ask('Go on? [y/N] ')) ?? '').trim())
}

function refuseOwn({ certFile }: IdentitySettings): void {
  if (certFile === '') return
  throw new OperatorError(
    'OTAD_ERR_USAGE',
    `${certFile} is your own certificate: otad does not renew it`,
    'replace the file; a running otad takes the new one by itself'
  )
}

async function writeExport({ anchor }: Identity, folder: string, io: Io): Promise<void> {
  if (anchor === undefined)
    throw new OperatorError(
      'OTAD_ERR_BAD_SETTING',
      'otad does not know the root of your certificate, which is what devices embed',
      'name its file: --ca-file FILE'
    )
  for (const file of await exportAnchor(anchor.certificate, folder)) io.stderr(`wrote ${shortPath(file, io.cwd)}\n`)
}

interface DemoExport {
  readonly place: SigningKeyPlace
  readonly isAsked: boolean
  readonly io: Io
}

/** What SmartThings' ota_demo embeds, for those who ask for it, who export into it, or whose images are signed for it already. */
async function writeExportForDemo(
  { anchor }: Identity,
  folder: string,
  { place, isAsked, io }: DemoExport
): Promise<void> {
  const key = isAsked || (await isDemo(folder)) ? await makeSigningKey(place) : await loadSigningKey(place)
  if (key === undefined || anchor === undefined) return
  for (const file of await exportForDemo(anchor.certificate, key.publicPem, folder))
    io.stderr(`wrote ${shortPath(file, io.cwd)}\n`)
  io.stderr(`otad signs for SmartThings' ota_demo with ${shortPath(key.file, io.cwd)}\n`)
}

/** The certificates from the one to embed to the one that is shown; one alone where they are the same. */
function treeOf(
  { source, shown, anchor }: Identity,
  settings: IdentitySettings,
  cwd: string
): readonly TreeCertificate[] {
  const chain = (shown.certificate.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map(
    pem => new X509Certificate(pem)
  )
  const root = anchor === undefined ? undefined : new X509Certificate(anchor.certificate)
  const file =
    source === 'ca' ? path.join(settings.home, 'certs', CERTIFICATE_FILES.leafCertificate) : settings.certFile
  const purpose =
    source === 'ca' ? 'the server shows this one, and makes it anew by itself' : 'the server shows this one'
  const links = chain.reverse().map((certificate, index) => ({
    file: shortPath(file, cwd),
    purpose: index === chain.length - 1 ? purpose : 'links it to the root',
    certificate
  }))
  if (root === undefined || anchor === undefined) return links
  const embedded = { file: shortPath(anchor.file, cwd), purpose: 'embed this one in the device', certificate: root }
  const isOne = chain.length === 1 && chain[0]?.fingerprint256 === root.fingerprint256
  return isOne ? [{ ...embedded, purpose: `${embedded.purpose}; the server shows it too` }] : [embedded, ...links]
}

function draw(identity: Identity, settings: IdentitySettings, cwd: string): string {
  const { dnsNames, commonName } = namesIn(identity.shown.certificate)
  const own = new Set(
    [...readAddresses().map(({ address }) => address), readHostName(), `${readHostName()}.local`, 'localhost'].map(
      normalName
    )
  )
  return drawTree({
    certificates: treeOf(identity, settings, cwd),
    names: dnsNames.length > 0 ? dnsNames : [commonName],
    isOwn: name => own.has(name),
    now: new Date()
  })
}

function describe(identity: Identity, settings: IdentitySettings): string {
  const { shown, anchor, source } = identity
  const leafFile =
    source === 'ca'
      ? path.join(settings.home, 'certs', CERTIFICATE_FILES.leafCertificate)
      : (anchor?.file ?? settings.certFile)
  const shownFile = source === 'own' ? settings.certFile : leafFile
  return jsonText({
    mode: source,
    ...(anchor === undefined ? {} : { ca: describeOne(anchor.certificate, anchor.file) }),
    leaf: { ...describeOne(shown.certificate, shownFile), ...namesIn(shown.certificate) }
  })
}

/** One certificate, as `--json` prints it. */
function describeOne(certificate: string, file: string): object {
  const { subject, fingerprint256, validFrom, validTo, publicKey } = new X509Certificate(certificate)
  return {
    file,
    subject,
    fingerprint256,
    keyType: publicKey.asymmetricKeyType,
    validFrom: new Date(validFrom).toISOString(),
    validTo: new Date(validTo).toISOString()
  }
}
