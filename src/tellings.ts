import type { EventName, Events } from './events.js'
import { fileSize, percentOf, shortDigest, spokenDuration } from './words.js'

/** How much an event matters. */
export type Level = 'debug' | 'info' | 'warn' | 'error'

/** How an event is told. */
export interface Telling<E extends EventName> {
  readonly level: Level
  /** The sentence a person reads; further lines are set under it. */
  readonly lines: (fields: Events[E]) => readonly string[]
}

const release = (name: string, digest: string): string => `${name}  ${shortDigest(digest)}`
const inRanges = (ranges: number): string => (ranges > 1 ? `  in ${ranges} ranges` : '')
const times = (count: number): string => (count > 1 ? ` ${count} more times` : '')

/** Every event that otad logs, once: its name, its level and its sentence. */
export const TELLINGS: { readonly [E in EventName]: Telling<E> } = {
  'server.listening': {
    level: 'info',
    lines: f => [`listening  port ${f.port}  ${f.urls[0] ?? ''}`]
  },
  'server.stopping': {
    level: 'info',
    lines: f => [f.downloads === 0 ? 'stopping' : `stopping  waits for ${f.downloads} downloads`]
  },
  'server.stopped': { level: 'info', lines: f => [f.cut === 0 ? 'stopped' : `stopped  ${f.cut} downloads were cut`] },
  'folder.watched': { level: 'info', lines: f => [`watching   ${f.folder}  (${f.layout})`] },
  'folder.missing': {
    level: 'warn',
    lines: f => [`waiting    ${f.folder} ${f.reason}`, 'it is served as soon as it can be read']
  },
  'folder.crowded': {
    level: 'warn',
    lines: f => [
      `crowded    ${f.folder} holds more than ${f.limit} files; the rest is not looked at`,
      'watch the build folder itself'
    ]
  },
  'watch.degraded': {
    level: 'warn',
    lines: f => [`polling    ${f.folder}: no events (${f.reason}); it is looked through every 2 s instead`]
  },
  'key.exposed': {
    level: 'warn',
    lines: f => [
      `PRIVATE KEY in a watched folder: ${f.file}`,
      'otad never sends it, but other servers do: move it away'
    ]
  },
  'key.readable': {
    level: 'warn',
    lines: f => [`others can read the private key ${f.file} (mode ${f.mode})`, `chmod 600 ${f.file}`]
  },
  'catalog.repaired': { level: 'warn', lines: f => [`repaired   state/${f.file}: ${f.reason}`] },
  'artifact.damaged': {
    level: 'error',
    lines: f => [`dropped    ${release(f.name, f.digest)}: its artifact ${f.reason}`, 'build it again']
  },
  'candidate.rejected': {
    level: 'warn',
    lines: f => [
      `refused    ${f.name}  ${f.sentence}`,
      ...(f.device === undefined ? [] : [`a device would say: ${f.device}`]),
      f.serving === undefined ? 'nothing is served under this name' : `still serving ${f.serving}`
    ]
  },
  'candidate.unreadable': { level: 'warn', lines: f => [`unread     ${f.name}  ${f.reason}`] },
  'candidate.changing': {
    level: 'info',
    lines: f => [`changing   ${f.name}  is still being written after ${spokenDuration(f.sinceMs)}`]
  },
  'release.published': {
    level: 'info',
    lines: f => [
      ['published', f.name, f.version, f.chip, fileSize(f.size), `sha256 ${shortDigest(f.digest)}`]
        .filter(Boolean)
        .join('  '),
      ...f.warnings,
      ...(f.serving === undefined ? [] : [`kept back: ${f.serving} is held; otad unpin ${f.name} lets the new one in`])
    ]
  },
  'release.rolledback': {
    level: 'warn',
    lines: f => [
      ['back to  ', release(f.name, f.digest), f.version].filter(Boolean).join('  '),
      f.hold
        ? `builds to come are kept back; otad unpin ${f.name} lets them in`
        : `${shortDigest(f.from)} is set aside; the next new build is served again`
    ]
  },
  'release.released': {
    level: 'info',
    lines: f => [
      f.digest === undefined
        ? `let go     ${f.name}: its next build is served`
        : ['let go   ', release(f.name, f.digest), f.version, 'is served, and whatever is built from now on']
            .filter(Boolean)
            .join('  ')
    ]
  },
  'device.pinned': { level: 'info', lines: f => [`${f.device}  is given ${release(f.name, f.digest)} from now on`] },
  'device.unpinned': { level: 'info', lines: f => [`${f.device}  is given the current ${f.name} again`] },
  'runs.failed': {
    level: 'error',
    lines: f => [
      `runs       ${f.reason}`,
      'downloads go on; after a restart, devices in the middle of one have to begin again'
    ]
  },
  'devices.failed': {
    level: 'warn',
    lines: f => [`devices    ${f.reason}`, 'they are told of all the same, but not over a restart']
  },
  'release.withdrawn': { level: 'info', lines: f => [`withdrawn  ${release(f.name, f.digest)}`] },
  'store.failed': { level: 'error', lines: f => [`not kept   ${f.name}: ${f.reason}`, f.hint] },
  'download.complete': {
    level: 'info',
    lines: f => [
      `${f.device}  ${release(f.name, f.digest)}  ${fileSize(f.size)}  complete  ${spokenDuration(f.durationMs)}${inRanges(f.ranges)}`
    ]
  },
  'download.aborted': {
    level: 'warn',
    lines: f => [
      `${f.device}  ${release(f.name, f.digest)}  cut at ${percentOf(f.sent, f.size)} of ${fileSize(f.size)}  ${spokenDuration(f.durationMs)}${inRanges(f.ranges)}`,
      f.cause
    ]
  },
  'device.looping': {
    level: 'warn',
    lines: f => [
      `${f.device}  looping    it has downloaded ${[f.name, f.version].filter(Boolean).join(' ')} ${f.times} times within ten minutes`,
      f.reason
    ]
  },
  'device.rolledback': {
    level: 'warn',
    lines: f => [
      `${f.device}  went back  it has received ${[f.name, f.version].filter(Boolean).join(' ')} whole, and runs ${f.running || 'its old firmware'} again`,
      f.reason
    ]
  },
  'device.running': {
    level: 'info',
    lines: f => [
      `${f.device}  runs${times(f.count)}  ${[f.name, f.version, f.digest === undefined ? '(no release of otad)' : shortDigest(f.digest)].filter(Boolean).join('  ')}`
    ]
  },
  'device.full': {
    level: 'warn',
    lines: f => [
      `${f.device}  no room    ${f.name} has ${fileSize(f.size)}, its free space is ${fileSize(f.free)}`,
      'give the device a partition scheme with larger app slots, or make the image smaller'
    ]
  },
  'auth.failed': { level: 'warn', lines: f => [`${f.device}  not let in${times(f.count)}: ${f.reason}`] },
  'credentials.readable': {
    level: 'warn',
    lines: f => [`others can read the credentials in ${f.file} (mode ${f.mode})`, `chmod 600 ${f.file}`]
  },
  'credentials.replaced': { level: 'info', lines: f => [`credentials are those in ${f.file} as it is now`] },
  'credentials.kept': {
    level: 'warn',
    lines: f => [`credentials  ${f.reason}`, f.hint, 'those of before go on being good']
  },
  'server.plain': {
    level: 'warn',
    lines: f => [
      `port ${f.port} answers without TLS: anybody on the way can read and change what devices get there`,
      'it is for clients that cannot do TLS; leave httpPort away where none needs it'
    ]
  },
  'download.refused': {
    level: 'warn',
    lines: f => [
      `${f.device}  ${f.name}  sent back to the first byte${times(f.count)}`,
      `${f.reason}: more bytes could have been of another build`
    ]
  },
  'handshake.failed': {
    level: 'warn',
    lines: f => [
      `${f.device}  handshake failed${times(f.count)}: ${f.cause}. ${f.fix}${f.servername === undefined ? '' : `  (it asked for ${f.servername})`}`
    ]
  },
  'client.refused': {
    level: 'warn',
    lines: f => [`${f.device}  refused${times(f.count)}: ${f.cause}. ${f.fix}`]
  },
  'certificate.created': {
    level: 'info',
    lines: f => [`made       ${f.file}  until ${f.validUntil.slice(0, 10)}`, 'embed this file in the device']
  },
  'certificate.issued': {
    level: 'debug',
    lines: f => [`certificate for ${f.names.join(', ')} until ${f.validUntil} (${f.reason})`]
  },
  'certificate.asked': {
    level: 'info',
    lines: f => [`${f.device}  asked for ${f.name}: the certificate is good for that too now`]
  },
  'certificate.replaced': {
    level: 'warn',
    lines: f => [
      `replaced   ${f.file}  SHA-256 ${f.fingerprint}  until ${f.validUntil.slice(0, 10)}`,
      f.isAnotherAnchor
        ? 'devices that embed the old one are locked out until they are flashed with this one'
        : 'new connections are shown this one; downloads under way go on'
    ]
  },
  'certificate.kept': {
    level: 'warn',
    lines: f => [`certificate  ${f.reason}`, f.hint, 'the one of before goes on being served']
  },
  'certificate.ending': {
    level: 'warn',
    lines: f => [
      f.days < 0
        ? `${f.file} ended on ${f.validUntil.slice(0, 10)}: clients that check dates refuse it`
        : `${f.file} ends on ${f.validUntil.slice(0, 10)}, in ${f.days} days`,
      f.source === 'own'
        ? 'renew it; otad takes the new file by itself'
        : 'devices embed it: make a new one with otad cert --new-ca, and flash them with it before'
    ]
  },
  'certificate.early': {
    level: 'warn',
    lines: f => [
      `${f.file} is not valid before ${f.validFrom.slice(0, 10)}: clients that check dates refuse it`,
      'check the clock of this machine, or the certificate'
    ]
  },
  'certificate.names': {
    level: 'warn',
    lines: f => [
      `${f.file} is not good for ${f.host}, the host in the URLs, but for ${f.names.join(', ') || 'no name at all'}`,
      'give the host that it is good for: --advertise HOST'
    ]
  },
  'address.changed': {
    level: 'info',
    lines: f => [`address    ${f.urls[0] ?? f.host}  from now on`, ...f.urls.slice(1, 5)]
  },
  'mdns.announced': { level: 'info', lines: f => [`announced  ${f.name} (_otad._tcp) at ${f.host}`] },
  'mdns.failed': { level: 'warn', lines: f => [`not announced on the LAN: ${f.reason}`, f.hint] },
  bug: {
    level: 'error',
    lines: f => (f.err instanceof Error ? (f.err.stack ?? f.err.message) : String(f.err)).split('\n')
  }
}
