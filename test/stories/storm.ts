// What build tools, copies and people do to a file that is being served, all at once.
import { setTimeout as elapse } from 'node:timers/promises'
import { renameOver, truncateAndWrite, unlinkAndWrite, writeInPlace, writeSlowly } from '../support/build-folder.js'
import { anImage } from '../support/image-builder.js'
import { createChance, digestOf } from './line.js'

/** How long it lasts: 60 in CI. */
export const STORM_SECONDS = Number(process.env.STORM_SECONDS ?? 12)
export const STORM_SEED = Number(process.env.STORM_SEED ?? Date.now() % 1_000_000)

/** Some of one length, as rebuilds mostly are: in place, any mixture of these has the right length too. */
const LENGTHS = [256 * 1024, 256 * 1024, 256 * 1024, 192 * 1024, 320 * 1024]

/** Builds that are written to their end, and builds that never are. */
export const BUILDS = Array.from({ length: 30 }, (_, index) => aBuild(index))
const STOPPED_BUILDS = Array.from({ length: 10 }, (_, index) => aBuild(1000 + index))
/** Without a hash a mixture may have a right checksum by chance, so these are never written over other bytes. */
const BUILDS_WITHOUT_HASH = Array.from({ length: 5 }, (_, index) =>
  anImage({ length: 200 * 1024, seed: 9000 + index * 10, version: `2.${index}.0`, hash: false })
)

function aBuild(index: number): Buffer {
  return anImage({ length: LENGTHS[index % LENGTHS.length] ?? 0, seed: 10 + index * 10, version: `1.${index}.0` })
}

interface Storm {
  readonly file: string
  readonly chance: () => number
  readonly pick: <T>(from: readonly T[]) => T
}

/** One thing that a build tool, a copy or a person does to the file, and what it is called. */
type Gust = readonly [name: string, blow: (storm: Storm) => Promise<void>]

const GUSTS: readonly Gust[] = [
  ['in place', ({ file, pick }) => writeInPlace(file, pick(BUILDS))],
  ['in place, in pieces', ({ file, pick }) => writeInPlace(file, pick(BUILDS), { pieceLength: 10_000, pauseMs: 1 })],
  ['truncate and write', ({ file, pick }) => truncateAndWrite(file, pick(BUILDS), { pieceLength: 65_536 })],
  ['slowly', ({ file, pick }) => writeSlowly(file, pick(BUILDS), 400)],
  ['rename over', ({ file, pick }) => renameOver(file, pick(BUILDS))],
  ['unlink and write', ({ file, pick }) => unlinkAndWrite(file, pick(BUILDS), { pieceLength: 50_000 })],
  ['without a hash', ({ file, pick }) => truncateAndWrite(file, pick(BUILDS_WITHOUT_HASH), { pieceLength: 65_536 })],
  ['without a hash, rename over', ({ file, pick }) => renameOver(file, pick(BUILDS_WITHOUT_HASH))],
  [
    'in place, stops half way',
    async ({ file, pick, chance }) => {
      const build = pick(STOPPED_BUILDS)
      await writeInPlace(file, build, { stopAfter: Math.floor(build.length * (0.05 + 0.9 * chance())) })
      // Longer than the file has to hold still: the torn bytes are looked at, not only passed by.
      await elapse(100 + 600 * chance())
    }
  ],
  [
    'truncate and write, stops half way',
    async ({ file, pick, chance }) => {
      const build = pick(STOPPED_BUILDS)
      await truncateAndWrite(file, build, { stopAfter: Math.floor(build.length * 0.95 * chance()) })
      await elapse(100 + 600 * chance())
    }
  ]
]

/** Every digest that a device may end with. */
export const WHOLE: ReadonlySet<string> = new Set([...BUILDS, ...BUILDS_WITHOUT_HASH].map(digestOf))

/** Blows until then, and says how often what was done. */
export async function blow(file: string, until: number): Promise<ReadonlyMap<string, number>> {
  const chance = createChance(STORM_SEED)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(chance() * from.length)] as T
  const counts = new Map<string, number>()
  while (performance.now() < until) {
    const [name, gust] = pick(GUSTS)
    await gust({ file, chance, pick })
    counts.set(name, (counts.get(name) ?? 0) + 1)
    await elapse(chance() < 0.3 ? 350 * chance() : 60 * chance())
  }
  return counts
}
