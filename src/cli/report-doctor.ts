import type { Diagnosis } from '../doctor/checks.js'
import { expectedOrigin, isReachable, strangersOf } from '../doctor/expected.js'
import type { Facts, ProjectFacts } from '../doctor/facts.js'
import { counted, fileSize, printable, spokenAge } from '../words.js'

/** What the doctor has seen and says, as a page for people: facts, then findings, then the verdict. */
export function writeDiagnosis(facts: Facts, { findings, verdict }: Diagnosis): string {
  const rows = [...machineRows(facts), ...facts.projects.flatMap(project => ['', ...projectRows(project)])]
  const found = findings.flatMap(({ code, severity, sentence, hint }) => [
    `${MARKS[severity]}  ${sentence}   [${code}]`,
    `           ${hint}`
  ])
  const lines = [...rows, '', ...(found.length === 0 ? ['no findings'] : found), '', verdict]
  return `${lines.map(line => printable(line).trimEnd()).join('\n')}\n`
}

const MARKS = { serious: 'SERIOUS ', warning: 'warning ', note: 'note    ' } as const

const row = (title: string, text: string): string => `${title.padEnd(12)}  ${text}`

function machineRows(facts: Facts): readonly string[] {
  const { machine, daemon, settings, port, certificate, firewalls, at } = facts
  const addresses = machine.addresses
    .filter(({ isLoopback }) => !isLoopback)
    .map(({ address, interfaceName }) => `${address} (${interfaceName})`)
  const inside = machine.container ?? (machine.wsl === null ? null : `WSL${machine.wsl}`)
  const answers = port.probes.map(({ host, port: at, outcome }) => `${host}:${at} ${ANSWERS[outcome]}`)
  return [
    row(
      'machine',
      `${machine.hostName}, ${addresses.join(', ') || 'no address on a LAN'}${inside === null ? '' : `, in ${inside}`}`
    ),
    row('devices get', originText(facts)),
    row(
      'otad',
      daemon === null
        ? `not running; host ${settings.host} (${settings.hostSource}), port ${settings.port} (${settings.portSource})`
        : `${daemon.version}, began ${spokenAge(Date.parse(at) - Date.parse(daemon.since))}, serves ${counted(daemon.names.filter(({ current }) => current !== null).length, 'name')}`
    ),
    row('port', answers.join(', ') || 'not looked at'),
    row(
      'firewall',
      firewalls
        .map(
          ({ tool, decision, reason }) => `${tool} ${decision === 'unknown' ? 'cannot be told' : decision} (${reason})`
        )
        .join('; ') || 'none that is known'
    ),
    row('CA', anchorText(certificate)),
    row('home', settings.home),
    row('clock', at),
    ...deviceRows(facts)
  ]
}

function originText(facts: Facts): string {
  const { daemon } = facts
  if (!isReachable(facts)) return 'nothing: this machine has no address on a LAN'
  return daemon?.origin ?? `${expectedOrigin(facts)}, once otad runs`
}

const ANSWERS: Readonly<Record<Facts['port']['probes'][number]['outcome'], string>> = {
  ours: 'is this otad',
  otad: 'is another otad',
  stranger: 'is another program',
  'no-tls': 'is not TLS',
  refused: 'is free',
  silent: 'does not answer'
}

function anchorText({ anchor, leaf }: Facts['certificate']): string {
  if (anchor === null) return 'none yet'
  const until =
    leaf === null || leaf.file === anchor.file ? '' : `; server certificate until ${leaf.validTo.slice(0, 10)}`
  return `${anchor.file} (SHA-256 ${anchor.fingerprint.slice(0, 11)}…, until ${anchor.validTo.slice(0, 10)})${until}`
}

/** Devices shown at most; otad devices has all. */
const MOST_DEVICES = 3
/** Certificates of a project shown at most: bundles hold more than a hundred. */
const MOST_CERTIFICATES = 3

function deviceRows(facts: Facts): readonly string[] {
  return strangersOf(facts)
    .slice(0, MOST_DEVICES)
    .map(({ address, label, verdict, lastSeen }) => {
      const when = spokenAge(Date.parse(facts.at) - Date.parse(lastSeen))
      return row('device', `${label ?? address}, ${when}${verdict === null ? '' : `: ${verdict.sentence}`}`)
    })
}

function projectRows({
  folder,
  description,
  urls,
  certificates,
  tables,
  outputs,
  options
}: ProjectFacts): readonly string[] {
  const rollback = options.values.CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE === 'y' ? 'on' : 'off'
  const antiRollback = options.values.CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK === 'y' ? 'on' : 'off'
  return [
    row('project', `${folder}   ${description}`),
    ...urls.map(({ text, file, line, name }) =>
      row('  URL', `${text}   ${name === null ? '' : `${name}, `}${file}${line === null ? '' : ` line ${line}`}`)
    ),
    ...certificates
      .slice(0, MOST_CERTIFICATES)
      .map(({ file, certificate }) =>
        row(
          '  trusts',
          certificate === null
            ? `${file}: no certificate`
            : `${certificate.subject} (SHA-256 ${certificate.fingerprint.slice(0, 11)}…), ${file}`
        )
      ),
    ...tables.map(({ file, otaSlots }) =>
      row(
        '  slots',
        `${otaSlots.map(({ label, size }) => `${label} ${fileSize(size)}`).join(', ') || 'none'}   ${file}`
      )
    ),
    ...outputs.flatMap(({ image }) =>
      image === null
        ? []
        : [
            row(
              '  image',
              [image.file, fileSize(image.size), image.chip, image.version, `sha256 ${image.digest.slice(0, 8)}`]
                .filter(Boolean)
                .join(', ')
            )
          ]
    ),
    ...(options.file === null
      ? []
      : [row('  rollback', `${rollback}, anti-rollback ${antiRollback} (${options.file})`)])
  ]
}
