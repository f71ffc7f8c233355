import path from 'node:path'
import { askDaemon } from '../control/control-client.js'
import { OperatorError, systemErrorCode } from '../errors.js'
import { releasesOf } from '../releases/catalog.js'
import { readCatalog } from '../releases/state.js'
import type { DaemonFacts, ReleaseFact } from './facts.js'

/** One that starts answers when it serves; nobody waits for a minute to hear what is wrong. */
const PATIENCE_MS = 5_000

/** The otad that runs with a home; null where none does, or it is somebody else's. */
export async function lookAtDaemon(home: string): Promise<DaemonFacts | null> {
  const folder = path.join(home, 'state')
  const status = await answerOrNull(askDaemon(folder, { command: 'status' }, PATIENCE_MS))
  if (status === null) return null
  const { hostname, port } = new URL(status.origin)
  return {
    version: status.version,
    since: status.since,
    origin: status.origin,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 443),
    names: status.names,
    pins: status.pins,
    devices: await answerOrNull(askDaemon(folder, { command: 'devices', history: false }, PATIENCE_MS))
  }
}

async function answerOrNull<T>(asking: Promise<T>): Promise<T | null> {
  try {
    return await asking
  } catch (error) {
    if (error instanceof OperatorError) return null
    throw error
  }
}

/** The current releases of a home, whether an otad runs or not. */
export async function lookAtReleases(home: string, keepReleases: number): Promise<readonly ReleaseFact[]> {
  try {
    const catalog = await readCatalog(path.join(home, 'state'), keepReleases)
    return [...catalog.entries].flatMap(entry => {
      const { current } = entry
      if (current === undefined) return []
      const versions = releasesOf(entry).flatMap(({ secureVersion }) => secureVersion ?? [])
      const { name, digest, version, secureVersion, folder, warnings } = current
      const highestSecureVersion = versions.length === 0 ? null : Math.max(...versions)
      return [{ name, digest, version, secureVersion, folder, warnings, highestSecureVersion }]
    })
  } catch (error) {
    // A state that cannot be read is told by the otad that needs it.
    if (systemErrorCode(error) === undefined) throw error
    return []
  }
}
