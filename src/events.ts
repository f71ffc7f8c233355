/** What the log says, event by event: the fields of the JSON line. Lengths are bytes, durations milliseconds. */
export interface Events {
  'server.listening': { urls: readonly string[]; caCertificate: string; caFingerprint: string; port: number }
  'server.stopping': { downloads: number }
  'server.stopped': { cut: number }
  'folder.watched': { folder: string; layout: string }
  'folder.missing': { folder: string; reason: string }
  'folder.crowded': { folder: string; limit: number }
  'watch.degraded': { folder: string; reason: string }
  'key.exposed': { file: string }
  'key.readable': { file: string; mode: string }
  'catalog.repaired': { file: string; reason: string }
  'artifact.damaged': { name: string; digest: string; reason: string }
  'candidate.rejected': {
    name: string
    kind: string
    reason: string
    sentence: string
    device: string | undefined
    serving: string | undefined
  }
  'candidate.unreadable': { name: string; reason: string }
  'candidate.changing': { name: string; sinceMs: number }
  'release.published': {
    name: string
    digest: string
    version: string
    project: string
    chip: string
    size: number
    kind: string
    settleMs: number
    warnings: readonly string[]
    /** What goes on being served instead, while somebody holds it. */
    serving: string | undefined
  }
  'release.rolledback': { name: string; digest: string; version: string; from: string; hold: boolean }
  /** `digest` and `version` of what is served now; undefined where the file is gone. */
  'release.released': { name: string; digest: string | undefined; version: string | undefined }
  'device.pinned': { device: string; name: string; digest: string }
  'device.unpinned': { device: string; name: string; digest: string }
  'runs.failed': { reason: string }
  'devices.failed': { reason: string }
  'release.withdrawn': { name: string; digest: string }
  'store.failed': { name: string; reason: string; hint: string }
  'download.complete': {
    device: string
    name: string
    digest: string
    size: number
    durationMs: number
    ranges: number
  }
  'download.aborted': {
    device: string
    name: string
    digest: string
    size: number
    sent: number
    durationMs: number
    ranges: number
    cause: string
  }
  'device.looping': { device: string; name: string; version: string; times: number; reason: string }
  'device.rolledback': { device: string; name: string; version: string; running: string; reason: string }
  'device.running': { device: string; name: string; version: string; digest: string | undefined; count: number }
  'device.full': { device: string; name: string; size: number; free: number }
  'auth.failed': { device: string; reason: string; count: number }
  'credentials.readable': { file: string; mode: string }
  'credentials.replaced': { file: string }
  'credentials.kept': { reason: string; hint: string }
  'server.plain': { port: number }
  'download.refused': {
    device: string
    name: string
    /** Why no build can be told to be the one that the device has begun. */
    reason: string
    count: number
  }
  'handshake.failed': {
    device: string
    servername: string | undefined
    code: string
    cause: string
    fix: string
    /** How often since it was told last: the first of a kind is told at once, more of them by their number. */
    count: number
  }
  'client.refused': { device: string; code: string; cause: string; fix: string; count: number }
  'certificate.created': { file: string; fingerprint: string; validUntil: string }
  'certificate.issued': { names: readonly string[]; validUntil: string; reason: string }
  'certificate.asked': { name: string; device: string }
  'certificate.replaced': { file: string; fingerprint: string; validUntil: string; isAnotherAnchor: boolean }
  'certificate.kept': { reason: string; hint: string }
  'certificate.ending': {
    file: string
    validFrom: string
    validUntil: string
    /** Left; negative when it has ended. */
    days: number
    source: 'ca' | 'self-signed' | 'own'
  }
  'certificate.early': { file: string; validFrom: string; validUntil: string }
  'certificate.names': { file: string; host: string; names: readonly string[] }
  'address.changed': { urls: readonly string[]; host: string }
  /** `name` is the one of the service, `host` ends in `.local`. */
  'mdns.announced': { name: string; host: string }
  'mdns.failed': { reason: string; hint: string }
  bug: { err: unknown }
}

export type EventName = keyof Events

/** How rooms speak: an event with its fields. Level and sentence come from the table in tellings.ts. */
export type Report = <E extends EventName>(event: E, fields: Events[E]) => void
