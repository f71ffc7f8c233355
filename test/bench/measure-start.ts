import { setTimeout as sleep } from 'node:timers/promises'
import { MIB, writeImage } from './images.js'
import { makeFolder, removeFolder } from './leftovers.js'
import { readMemory } from './process-tree.js'
import { waitUntilServed } from './readiness.js'
import { launchServer, type ServerKind } from './servers.js'
import type { Setting, Workload } from './workload.js'

const POLL_MS = 2

/** From the start of the process to a whole image, and what the process holds when nothing happens. */
export const startWorkload: Workload = {
  name: 'start',
  on: 'own',
  long: false,
  servers: ['otad', 'nginx'],
  measure: measureStart
}

/** The certificates are there already, as at every start but the first; otad's state is empty, which is its slower case. */
async function measureStart(setting: Setting, kind: ServerKind): Promise<void> {
  const folder = makeFolder()
  const image = writeImage(folder, 'start.bin', { length: MIB, seed: 3 })
  const options = setting.startOptions(kind, folder)
  const server = await launchServer(options)
  try {
    await waitUntilServed({
      port: server.port,
      path: `/${image.name}`,
      expected: image.bytes,
      ca: server.ca,
      running: server.running,
      limitMs: 15_000,
      intervalMs: POLL_MS
    })
    setting.figures.record('start', kind, [performance.now() - server.launchedAt])
    await sleep(setting.quick ? 1000 : 3000)
    setting.figures.record('idle', kind, [readMemory(server.id).rss / MIB])
  } finally {
    await server.stop()
    removeFolder(folder)
  }
}
