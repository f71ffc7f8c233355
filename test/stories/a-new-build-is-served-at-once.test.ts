// The wait between "build finished" and "the device gets it" is felt at every turn of the work.
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { renameOver, truncateAndWrite, unlinkAndWrite, writeInPlace, writeSlowly } from '../support/build-folder.js'
import { startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { becomesServed, createLine, etagOf, percentile } from './line.js'

const MIB = 1024 * 1024
const NAME = 'hello_world.bin'
const BUILDS = 9
/** The bar is the daemon's, not that of a machine that does other things too: it has to be met in one of so many rounds. */
const ROUNDS = 4
const MEDIAN_MS = 100

const ways = [
  ['truncated and written', truncateAndWrite],
  ['written in place', writeInPlace],
  ['renamed into place', renameOver],
  ['removed and made anew', unlinkAndWrite]
] as const

describe('a complete image of 1 MiB with a hash', () => {
  for (const [way, write] of ways) {
    it(`is served within ${MEDIAN_MS} ms (median) after it was ${way}`, { timeout: 60_000 }, async () => {
      const folder = await temporaryFolder()
      const file = path.join(folder, NAME)
      let seed = 1
      const nextBuild = () => anImage({ length: MIB, seed: seed++ * 10, version: `1.${seed}.0` })
      await truncateAndWrite(file, nextBuild())
      const daemon = await startDaemon({ folders: [folder] })
      const line = createLine(daemon)

      const publish = async () => {
        const build = nextBuild()
        const etag = etagOf(build)
        await write(file, build, { pieceLength: 65_536 })
        const writtenAt = performance.now()
        for (;;) {
          const { status, header } = await line.head(NAME)
          expect(status).toBe(200)
          const tookMs = performance.now() - writtenAt
          if (header('etag') === etag) return tookMs
          if (tookMs > 5000) throw new Error('a new build is not served within 5 s')
          await elapse(2)
        }
      }
      const medians: number[] = []
      while (medians.length < ROUNDS && !medians.some(median => median <= MEDIAN_MS)) {
        const times: number[] = []
        for (let build = 0; build < BUILDS; build++) {
          // A build follows the one before it after any time, not in step with the daemon's own clock.
          await elapse(40 + 37 * build)
          times.push(await publish())
        }
        medians.push(percentile(times, 0.5))
        console.log(`${way}: ${times.map(Math.round).join(' ')} ms`)
      }
      await line.close()
      expect(Math.min(...medians)).toBeLessThanOrEqual(MEDIAN_MS)
    })
  }

  it('is served within 1 s after a rename, also right behind another change', { timeout: 60_000 }, async () => {
    const folder = await temporaryFolder()
    const file = path.join(folder, NAME)
    let seed = 1
    const nextBuild = () => anImage({ length: MIB, seed: seed++ * 10, version: `1.${seed}.0` })
    await truncateAndWrite(file, nextBuild())
    const daemon = await startDaemon({ folders: [folder] })
    const times: number[] = []
    for (let build = 0; build < BUILDS; build++) {
      const inPlace = nextBuild()
      await writeInPlace(file, inPlace)
      await becomesServed(daemon, NAME, inPlace, 5000)
      const renamed = nextBuild()
      await renameOver(file, renamed)
      times.push(Math.round(await becomesServed(daemon, NAME, renamed, 5000)))
    }
    console.log(`renamed right behind a write in place: ${times.join(' ')} ms`)
    expect(Math.max(...times)).toBeLessThanOrEqual(1000)
  })

  it('is served within 3 s after the last write of a slow copy, and not before it', async () => {
    const folder = await temporaryFolder()
    const file = path.join(folder, NAME)
    const before = anImage({ length: MIB, seed: 10 })
    await truncateAndWrite(file, before)
    const daemon = await startDaemon({ folders: [folder] })
    const build = anImage({ length: MIB, seed: 20, version: '1.1.0' })
    const line = createLine(daemon)
    const etags = new Set<string | undefined>()
    const isWritten = writeSlowly(file, build, 2500)
    let writing = true
    void isWritten.then(() => {
      writing = false
    })
    while (writing) {
      const { header } = await line.head(NAME)
      if (writing) etags.add(header('etag'))
      await elapse(10)
    }
    await isWritten
    await line.close()
    expect([...etags]).toEqual([etagOf(before)])
    await becomesServed(daemon, NAME, build, 3000)
  })
})
