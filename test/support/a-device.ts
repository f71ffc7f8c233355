import type { ReleaseFacts, Status } from '../../src/answers.js'
import type { DeviceEvent, DeviceHistory, LiveDownload, RunningRelease } from '../../src/devices/device-facts.js'

/** Noon of a day, in the time of no machine. */
export const NOON = Date.parse('2026-03-04T12:00:00.000Z')

/** Something that happened to a device; at noon when nothing else is said. */
export function anEvent(fields: Partial<DeviceEvent> & Pick<DeviceEvent, 'is'>): DeviceEvent {
  return { at: new Date(NOON).toISOString(), sentence: '', fix: null, name: null, digest: null, count: 1, ...fields }
}

/** A device as the daemon tells of it: one at 192.168.1.50 that has come and done nothing. */
export function aDevice(fields: Partial<DeviceHistory> = {}): DeviceHistory {
  const at = new Date(NOON).toISOString()
  return {
    id: '192.168.1.50',
    identity: 'address',
    label: null,
    address: '192.168.1.50',
    mac: null,
    vendor: null,
    client: 'ESP-IDF',
    userAgent: 'ESP32 HTTP Client/1.0',
    sdk: null,
    chip: null,
    firstSeen: at,
    lastSeen: at,
    asked: null,
    running: null,
    verdict: null,
    downloads: [],
    history: [],
    ...fields
  }
}

/** What a device runs, as it confirmed itself. */
export function isRunning(digest: string, fields: Partial<RunningRelease> = {}): RunningRelease {
  const at = new Date(NOON).toISOString()
  return { name: 'app.bin', digest, version: '1.0', at, source: 'confirmed', ...fields }
}

/** A download that is half done. */
export function aDownload(fields: Partial<LiveDownload> = {}): LiveDownload {
  return {
    id: 1,
    device: '192.168.1.50',
    name: 'app.bin',
    digest: 'a'.repeat(64),
    version: '1.0',
    size: 1000 * 1024,
    from: 0,
    reached: 505 * 1024,
    rate: 99 * 1024,
    secondsLeft: 5,
    startedAt: new Date(NOON).toISOString(),
    isStalled: false,
    ...fields
  }
}

/** A release of app.bin as the daemon tells of it. */
export function releaseFacts(digest: string, fields: Partial<ReleaseFacts> = {}): ReleaseFacts {
  return {
    name: 'app.bin',
    number: 1,
    version: '1.0',
    project: 'app',
    kind: 'app',
    chip: 'esp32',
    digest,
    size: 1000 * 1024,
    slotSize: null,
    publishedAt: new Date(NOON).toISOString(),
    warnings: [],
    ...fields
  }
}

/** What a daemon answers that serves app.bin, or nothing under that name. */
export function aStatus(current: ReleaseFacts | null, fields: Partial<Status> = {}): Status {
  return {
    status: 'serving',
    version: '9.8.7',
    since: new Date(NOON).toISOString(),
    origin: 'https://192.168.1.8:8070',
    activeTransfers: 0,
    names: [{ name: 'app.bin', current, refusal: null, rollback: null }],
    pins: [],
    ...fields
  }
}
