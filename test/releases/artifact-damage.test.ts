import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { ArtifactStore } from '../../src/releases/artifact-store.js'
import { temporaryFolder } from '../support/daemon.js'

const LENGTH = 100_000

interface Kept {
  readonly store: ArtifactStore
  readonly file: string
  readonly digest: string
  readonly bytes: Buffer
  /** What the store has told of damage, in its order. */
  readonly told: readonly string[]
}

/** A store without memory that keeps one artifact. */
async function keptOnDisk(): Promise<Kept> {
  const folder = path.join(await temporaryFolder(), 'artifacts')
  const store = await ArtifactStore.open(folder, 0)
  const bytes = randomBytes(LENGTH)
  const digest = createHash('sha256').update(bytes).digest('hex')
  const told: string[] = []
  store.onDamaged = (_digest, how) => void told.push(how)
  await store.keep(digest, bytes)
  return { store, file: path.join(folder, `${digest}.bin`), digest, bytes, told }
}

async function readOnce({ store, digest }: Kept): Promise<Buffer> {
  const reader = store.read(digest, LENGTH)
  try {
    return await reader.read(1000, 5000)
  } finally {
    reader.close()
  }
}

async function flipAt(file: string, offset: number): Promise<void> {
  const bytes = await readFile(file)
  bytes[offset] = (bytes[offset] ?? 0) ^ 1
  await writeFile(file, bytes)
}

describe('an artifact on disk', () => {
  it.each([
    ['has a bit turned, though not where it is read', (file: string) => flipAt(file, 90_000), 'is damaged'],
    ['is cut short', (file: string) => truncate(file, 50_000), 'is damaged'],
    ['is gone', (file: string) => rm(file), 'is missing'],
    [
      'is a folder',
      (file: string) => rm(file).then(() => mkdir(path.join(file, 'in it'), { recursive: true })),
      'is damaged'
    ]
  ])('that %s is not read from, told once, and kept anew', async (_what, damage, how) => {
    const kept = await keptOnDisk()
    expect(await readOnce(kept)).toEqual(kept.bytes.subarray(1000, 6000))
    await damage(kept.file)
    for (let count = 0; count < 3; count++) await expect(readOnce(kept)).rejects.toThrow()
    expect(kept.told).toEqual([how])
    await kept.store.keep(kept.digest, kept.bytes)
    expect(await readOnce(kept)).toEqual(kept.bytes.subarray(1000, 6000))
    expect(await readFile(kept.file)).toEqual(kept.bytes)
    expect(kept.told).toHaveLength(1)
  })

  it('that is written to while somebody reads it gives no byte more, and the next reader another file', async () => {
    const kept = await keptOnDisk()
    const reader = kept.store.read(kept.digest, LENGTH)
    expect(await reader.read(0, 1000)).toEqual(kept.bytes.subarray(0, 1000))
    await flipAt(kept.file, 500)
    await expect(reader.read(1000, 1000)).rejects.toThrow('changed')
    await kept.store.keep(kept.digest, kept.bytes)
    expect(await readOnce(kept)).toEqual(kept.bytes.subarray(1000, 6000))
    await expect(reader.read(1000, 1000)).rejects.toThrow('changed')
    reader.close()
    expect(kept.told).toEqual(['is damaged'])
  })

  it('that is removed while somebody reads it is read to its end', async () => {
    const kept = await keptOnDisk()
    const reader = kept.store.read(kept.digest, LENGTH)
    expect(await reader.read(0, 1000)).toEqual(kept.bytes.subarray(0, 1000))
    await rm(kept.file)
    expect(await reader.read(1000, LENGTH - 1000)).toEqual(kept.bytes.subarray(1000))
    reader.close()
    expect(kept.told).toEqual([])
  })

  it('whose owner or mode changes is what it was', async () => {
    const kept = await keptOnDisk()
    await readOnce(kept)
    await chmod(kept.file, 0o600)
    expect(await readOnce(kept)).toEqual(kept.bytes.subarray(1000, 6000))
    expect(kept.told).toEqual([])
  })

  it('is loaded into memory only as it was kept', async () => {
    const folder = path.join(await temporaryFolder(), 'artifacts')
    const bytes = randomBytes(2000)
    const digest = createHash('sha256').update(bytes).digest('hex')
    await (await ArtifactStore.open(folder, 0)).keep(digest, bytes)
    const store = await ArtifactStore.open(folder, 10_000)
    expect(await store.verify(digest, bytes.length)).toBe(true)
    await flipAt(path.join(folder, `${digest}.bin`), 100)
    await store.warm(digest, bytes.length)
    const reader = store.read(digest, bytes.length)
    expect(reader.memory).toBeUndefined()
    await expect(reader.read(0, 10)).rejects.toThrow()
    reader.close()
  })

  it('that a folder stands in the place of goes when nobody wants it', async () => {
    const kept = await keptOnDisk()
    await rm(kept.file)
    await mkdir(path.join(kept.file, 'in it'), { recursive: true })
    await kept.store.prune(() => false)
    await expect(readFile(kept.file)).rejects.toThrow('ENOENT')
  })
})
