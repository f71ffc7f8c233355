import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { ArtifactStore } from '../../src/releases/artifact-store.js'
import { temporaryFolder } from '../support/daemon.js'

const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

async function storeWith(cacheBytes: number): Promise<{ store: ArtifactStore; folder: string }> {
  const folder = path.join(await temporaryFolder(), 'artifacts')
  return { store: await ArtifactStore.open(folder, cacheBytes), folder }
}

describe('the artifact store', () => {
  it('keeps bytes in a file named by their digest', async () => {
    const { store, folder } = await storeWith(0)
    const bytes = randomBytes(5000)
    await store.keep(digestOf(bytes), bytes)
    expect(await readFile(path.join(folder, `${digestOf(bytes)}.bin`))).toEqual(bytes)
    expect(await readdir(folder)).toHaveLength(1)
  })

  it.each([
    ['from memory while there is room', 10_000, true],
    ['from disk when there is none', 100, false]
  ])('gives them back %s', async (_where, cacheBytes, isInMemory) => {
    const { store } = await storeWith(cacheBytes)
    const bytes = randomBytes(5000)
    await store.keep(digestOf(bytes), bytes)
    const reader = store.read(digestOf(bytes), bytes.length)
    expect(reader.memory !== undefined).toBe(isInMemory)
    expect(reader.memory?.subarray(10, 30) ?? (await reader.read(10, 20))).toEqual(bytes.subarray(10, 30))
    reader.close()
  })

  it('fails a read past the end instead of giving less', async () => {
    const { store } = await storeWith(0)
    const bytes = randomBytes(100)
    await store.keep(digestOf(bytes), bytes)
    const reader = store.read(digestOf(bytes), 100)
    await expect(reader.read(90, 20)).rejects.toThrow('ends at 100')
    reader.close()
  })

  it('notices damage and absence', async () => {
    const { store, folder } = await storeWith(0)
    const bytes = randomBytes(100)
    const digest = digestOf(bytes)
    expect(await store.verify(digest, 1000)).toBeUndefined()
    await store.keep(digest, bytes)
    expect(await store.verify(digest, 1000)).toBe(true)
    await truncate(path.join(folder, `${digest}.bin`), 99)
    expect(await store.verify(digest, 1000)).toBe(false)
  })

  it('writes an artifact again that was found to be cut', async () => {
    const { store, folder } = await storeWith(0)
    const bytes = randomBytes(100)
    await store.keep(digestOf(bytes), bytes)
    await truncate(path.join(folder, `${digestOf(bytes)}.bin`), 10)
    expect(await store.verify(digestOf(bytes), 1000)).toBe(false)
    await store.keep(digestOf(bytes), bytes)
    expect(await store.verify(digestOf(bytes), 1000)).toBe(true)
  })

  it('removes what is not wanted, but not from under a reader', async () => {
    const { store, folder } = await storeWith(0)
    const [wanted, unwanted, read] = [randomBytes(100), randomBytes(100), randomBytes(100)]
    for (const bytes of [wanted, unwanted, read]) await store.keep(digestOf(bytes), bytes)
    const reader = store.read(digestOf(read), 100)
    await store.prune(digest => digest === digestOf(wanted))
    expect((await readdir(folder)).sort()).toEqual([`${digestOf(wanted)}.bin`, `${digestOf(read)}.bin`].sort())
    expect(await reader.read(50, 50)).toEqual(read.subarray(50))
    reader.close()
    await expect.poll(() => readdir(folder)).toEqual([`${digestOf(wanted)}.bin`])
  })

  it('clears away what was never finished', async () => {
    const { folder } = await storeWith(0)
    await writeFile(path.join(folder, '.unfinished-1-1'), 'half')
    await ArtifactStore.open(folder, 0)
    expect(await readdir(folder)).toEqual([])
  })
})
