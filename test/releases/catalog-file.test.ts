import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Catalog, Change } from '../../src/releases/catalog.js'
import { CatalogFile } from '../../src/releases/catalog-file.js'
import { lacksSmallDisks, mountSmallDisk, type SmallDisk } from '../stories/small-disk.js'
import { aRelease } from '../support/asked-daemon.js'
import { temporaryFolder } from '../support/daemon.js'

const open = (file: string) => CatalogFile.open(file, 10, () => false)
const published = (build: number): Change => ({
  type: 'publish',
  release: aRelease('app.bin', `1.${build}`, { number: build })
})
const currentOf = (catalog: Catalog): string | undefined => catalog.entry('app.bin')?.current?.version

async function onSmallDisk(): Promise<{ disk: SmallDisk; file: string }> {
  const folder = await temporaryFolder()
  const disk = await mountSmallDisk(folder, 1)
  return { disk, file: disk.seen(path.join(folder, 'catalog.jsonl')) }
}

describe.skipIf(lacksSmallDisks)('the journal of the catalog on a disk that runs full', () => {
  it('is after a failed append as it was before, whichever byte was the last to fit', { timeout: 60_000 }, async () => {
    for (const room of [0, 4096]) {
      const { disk, file } = await onSmallDisk()
      const { file: journal } = await open(file)
      await journal.append([published(1)])
      const before = await readFile(file)
      await disk.fill(room)
      // More than what is left of the last block, and than the room.
      const many = Array.from({ length: 20 }, (_, index) => published(2 + index))
      await expect(journal.append(many)).rejects.toThrow('ENOSPC')
      expect(await readFile(file)).toEqual(before)
      await expect(journal.append(many)).rejects.toThrow('ENOSPC')
      await disk.makeRoom()
      await journal.append(many)
      await journal.close()
      const { catalog, damagedLines, file: again } = await open(file)
      expect([currentOf(catalog), damagedLines]).toEqual(['1.21', 0])
      await again.close()
    }
  })

  it('is opened with its damage, which goes when there is room', async () => {
    const { disk, file } = await onSmallDisk()
    const { file: journal } = await open(file)
    await journal.append([published(1), published(2), published(3)])
    await journal.close()
    const { size } = await stat(file)
    await disk.inside('truncate', `--size=${size - 5}`, path.join('/', path.relative(disk.seen('/'), file)))
    await disk.fill()
    const first = await open(file)
    expect([currentOf(first.catalog), first.damagedLines]).toEqual(['1.2', 1])
    await disk.makeRoom()
    await first.file.append([published(4)])
    await first.file.close()
    const second = await open(file)
    expect([currentOf(second.catalog), second.damagedLines]).toEqual(['1.4', 0])
    await second.file.close()
  })
})
