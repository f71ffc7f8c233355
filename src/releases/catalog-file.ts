import { createReadStream } from 'node:fs'
import { type FileHandle, open, stat, truncate } from 'node:fs/promises'
import { isDiskFull, writeFileAtomically } from '../atomic-file.js'
import { systemErrorCode } from '../errors.js'
import { Catalog, type Change, type IsHeld } from './catalog.js'
import { countLines, JournalReader, writeLine, writeLines } from './journal.js'
import { beThrifty, LONG_JOURNAL } from './thrift.js'

/** Lines beyond twice the shortest journal that are borne before it is written anew. */
const SLACK_LINES = 1000

const compactionAfter = (shortest: number): number => 2 * shortest + SLACK_LINES

/**
 * The catalog's journal, `state/catalog.jsonl`: appended to and flushed before a change counts, written anew when it has grown old.
 * One process writes it at a time.
 */
export class CatalogFile {
  readonly #file: string
  /** Closed while the journal is written anew; the next append opens it again. */
  #handle: FileHandle | undefined
  #length: number
  #lines: number
  /** Whether something may stand behind `#length` that was never promised. */
  #mayBeTorn = false
  /** As many lines are worth a look at how short the journal could be. */
  #compactAt: number

  private constructor(file: string, handle: FileHandle, length: number, lines: number) {
    this.#file = file
    this.#handle = handle
    this.#length = length
    this.#lines = lines
    this.#compactAt = compactionAfter(lines)
  }

  /** The catalog that a journal amounts to; an empty one where there is none. */
  static async read(file: string, keepReleases: number): Promise<Catalog> {
    return Catalog.empty.after((await readIfThere(file)).changes, keepReleases)
  }

  /**
   * Reads the journal and opens it for appending. What is damaged stays in it while the disk is full: that is no reason not to serve.
   * @throws the system error when it can be neither read nor made
   */
  static async open(
    file: string,
    keepReleases: number,
    isHeld: IsHeld
  ): Promise<{ file: CatalogFile; catalog: Catalog; damagedLines: number }> {
    if (await isLong(file)) beThrifty()
    const { changes, damagedLines, length, wholeLength } = await readIfThere(file)
    const read = Catalog.empty.after(changes, keepReleases, isHeld)
    // A line that was left out may have been of any name: none counts as one that only ever had one build.
    const counts = [...read.entries].map(({ name }) => ({ type: 'count' as const, name, generations: 2 }))
    const catalog = damagedLines > 0 ? read.after(counts, keepReleases, isHeld) : read
    const shortest = countLines(catalog)
    const isGood = damagedLines === 0 && changes.length <= compactionAfter(shortest)
    // Written anew only where something is to be dropped: a full disk is no reason not to serve what there is.
    const isAnew = !isGood && (await isWrittenAnew(file, catalog))
    // A line that broke off must not stand before the next whole one.
    if (!isAnew && wholeLength < length) await truncate(file, wholeLength)
    // Whether the file can be written is found out before anything is promised.
    const handle = await open(file, 'a')
    const { size } = await handle.stat()
    return { file: new CatalogFile(file, handle, size, isAnew ? shortest : changes.length), catalog, damagedLines }
  }

  /**
   * Appends the changes that are kept; when it returns they survive a crash.
   * @throws the system error (ENOSPC, EIO); the journal is then as it was before
   */
  async append(changes: readonly Change[]): Promise<void> {
    const lines = changes.map(writeLine).filter(line => line !== undefined)
    if (lines.length === 0) return
    const bytes = Buffer.from(lines.join(''))
    try {
      const handle = await this.#opened()
      await handle.appendFile(bytes)
      await handle.datasync()
    } catch (error) {
      // Half a line must not stand before the next whole one. Where it cannot be cut now, it is before the next append.
      await this.#handle?.close().catch(() => {})
      this.#handle = undefined
      await truncate(this.#file, this.#length).catch(cause => {
        this.#mayBeTorn = systemErrorCode(cause) !== 'ENOENT'
      })
      throw error
    }
    this.#length += bytes.length
    this.#lines += lines.length
  }

  /** Writes the journal anew when most of its lines no longer matter. A failure leaves the old one in use. */
  async compact(catalog: Catalog): Promise<void> {
    if (this.#lines <= this.#compactAt) return
    const lines = [...writeLines(catalog)]
    this.#compactAt = compactionAfter(lines.length)
    if (this.#lines <= this.#compactAt) return
    // Closed first: Windows renames nothing over an open file.
    await this.#handle?.close()
    this.#handle = undefined
    const text = lines.join('')
    await writeFileAtomically(this.#file, text)
    this.#lines = lines.length
    this.#length = Buffer.byteLength(text)
    this.#mayBeTorn = false
  }

  /** The journal, open for appending; its length is asked for, since nobody knows how far a failed rewriting came. */
  async #opened(): Promise<FileHandle> {
    if (this.#handle !== undefined) return this.#handle
    if (this.#mayBeTorn) await truncate(this.#file, this.#length)
    this.#mayBeTorn = false
    this.#handle = await open(this.#file, 'a')
    this.#length = (await this.#handle.stat()).size
    return this.#handle
  }

  async close(): Promise<void> {
    await this.#handle?.close()
  }
}

async function isLong(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined)
  return found !== undefined && found.size >= LONG_JOURNAL
}

/** Whether there was room for it. */
async function isWrittenAnew(file: string, catalog: Catalog): Promise<boolean> {
  try {
    await writeFileAtomically(file, [...writeLines(catalog)].join(''))
    return true
  } catch (error) {
    if (!isDiskFull(error)) throw error
    return false
  }
}

interface FoundJournal extends Pick<JournalReader, 'changes' | 'damagedLines'> {
  /** In bytes. */
  readonly length: number
  /** Up to the end of the last line that has one. */
  readonly wholeLength: number
}

/** In pieces: with ten thousand names a journal has tens of MiB, and is only needed line by line. */
async function readIfThere(file: string): Promise<FoundJournal> {
  const reader = new JournalReader()
  let length = 0
  try {
    for await (const piece of createReadStream(file, { highWaterMark: PIECE })) {
      length += (piece as Buffer).length
      reader.read(piece as Buffer)
    }
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error
  }
  const { changes, damagedLines, unfinishedLength } = reader
  return { changes, damagedLines, length, wholeLength: length - unfinishedLength }
}

const PIECE = 1024 * 1024
