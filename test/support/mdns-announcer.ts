import { createInterface } from 'node:readline'
import { announce } from '../../src/mdns/announce.js'

/** A process that announces what its first argument says, tells each event as a line of JSON, and obeys the lines `update` and `close`. */
const { listensOn = '::', hostName = 'bench', port = 8070 } = JSON.parse(process.argv[2] ?? '{}')
const tell = (told: unknown): unknown => process.stdout.write(`${JSON.stringify(told)}\n`)
let fingerprint = '3F:9A:01:02:03'
const announcement = announce({
  listensOn,
  hostName,
  port,
  version: '1.2.3',
  caFingerprint: () => fingerprint,
  report: (event, fields) => tell({ event, ...fields })
})
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'update') {
    fingerprint = 'AB:CD:EF:01:23'
    announcement.update()
  }
  if (line !== 'close') continue
  const from = performance.now()
  await announcement.close()
  tell({ closedMs: performance.now() - from })
  // Nothing may be left that keeps the process.
  process.stdin.unref()
  break
}
