import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { anImage } from '../support/image-builder.js'
import { type Connection, createContext, openConnection } from './connection.js'
import { KIB, MIB, writeImage } from './images.js'
import { makeFolder, removeFolder } from './leftovers.js'
import { type ServerKind, startServer } from './servers.js'
import type { Setting, Workload } from './workload.js'

const POLL_MS = 1
const LIMIT_MS = 10_000
const PAUSE_MS = 150
const PIECE = 128 * KIB
const PIECE_PAUSE_MS = 5

/** From the last write of a build to the first answer with it. Only otad: nginx serves what lies in the folder, whole or not. */
export const publishWorkload: Workload = {
  name: 'publish',
  on: 'own',
  long: false,
  servers: ['otad'],
  measure: measurePublish
}

/** The ways in which tools put a build into the folder. Each settles directly after the last byte is written. */
const ways = { rename: writeAside, write: writeAtOnce, pieces: writeInPieces }

async function measurePublish(setting: Setting, kind: ServerKind): Promise<void> {
  const folder = makeFolder()
  const first = writeImage(folder, 'build.bin', { length: MIB, seed: 100 })
  const server = await startServer(setting.startOptions(kind, folder), [first])
  let seed = 100
  try {
    const context = createContext(readFileSync(server.ca), 'TLSv1.2')
    const connection = await openConnection({ port: server.port, context })
    for (const [way, write] of Object.entries(ways)) {
      const times: number[] = []
      for (let turn = 0; turn < (setting.quick ? 3 : 6); turn++) {
        const bytes = anImage({ length: MIB, seed: ++seed })
        const tag = readTag((await connection.ask({ path: '/build.bin' })).head)
        await write(first.file, bytes)
        const took = await waitForBuild(connection, tag, bytes)
        if (typeof took === 'number') times.push(took)
        else setting.complain(`publish ${way}: ${took}`)
        // The next build is not to fall into what is still going on about this one.
        await sleep(PAUSE_MS)
      }
      setting.figures.record(`publish-${way}`, kind, times)
    }
    connection.close()
  } finally {
    await server.stop()
    removeFolder(folder)
  }
}

/** Milliseconds until an answer has another tag than before, or what went wrong. */
async function waitForBuild(connection: Connection, tag: string, expected: Buffer): Promise<number | string> {
  const beganAt = performance.now()
  while (performance.now() - beganAt < LIMIT_MS) {
    // With the old tag, since a whole GET begins a new run: ranges could rightly go on with the old build.
    const answer = await connection.ask({ path: '/build.bin', fields: `If-None-Match: ${tag}\r\n`, expected })
    if (answer.status === 200) return answer.right ? answer.firstByteAt - beganAt : 'wrong bytes'
    if (answer.status !== 304) return `status ${answer.status}`
    await sleep(POLL_MS)
  }
  return `not served within ${LIMIT_MS} ms`
}

function readTag(head: string): string {
  const tag = /\r\netag: *(.+)/i.exec(head)?.[1]
  if (tag === undefined) throw new Error('the image was served without an ETag')
  return tag.trim()
}

async function writeAside(file: string, bytes: Buffer): Promise<void> {
  const aside = join(file, '..', '.aside')
  writeFileSync(aside, bytes)
  renameSync(aside, file)
}

async function writeAtOnce(file: string, bytes: Buffer): Promise<void> {
  const output = openSync(file, 'w')
  writeAll(output, bytes)
  closeSync(output)
}

async function writeInPieces(file: string, bytes: Buffer): Promise<void> {
  const output = openSync(file, 'w')
  for (let start = 0; start < bytes.length; start += PIECE) {
    if (start > 0) await sleep(PIECE_PAUSE_MS)
    writeAll(output, bytes.subarray(start, start + PIECE))
  }
  closeSync(output)
}

function writeAll(output: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(output, bytes, written)
}
