import { type FileHandle, open, readFile, rename } from 'node:fs/promises'
import { writeFileAtomically } from '../atomic-file.js'
import { systemErrorCode } from '../errors.js'
import type { DeviceRecord, Happening } from './device-record.js'
import { Ledger, type LedgerOptions } from './ledger.js'
import { readLedgerJournal, writeDeviceLines, writeEventLine, writeFactsLine } from './ledger-journal.js'

export interface LedgerFileOptions extends Omit<LedgerOptions, 'onChange'> {
  readonly file: string
  /** Told once each time the file cannot be written any more: devices are still told of, but not over a restart. */
  readonly onFailure: (code: string) => void
  /** Told of a file of which lines were left out. */
  readonly onDamaged?: (lines: number) => void
}

/** What has happened is handed to the operating system after this long. */
const FLUSH_MS = 500
/** A file that could not be written is tried again after this long: all of it has to be written then. */
const RETRY_MS = 10_000
/** Bytes of lines that others have made needless, on top of as much again as all devices need, before the file is written anew. */
const SLACK = 4 * 1024 * 1024

/**
 * The ledger with its file, `state/devices.jsonl`. It is only ever appended to, and written anew aside: however the process ends, what was told
 * half a second before is there the next time. A file that cannot be read or written is no reason not to serve.
 */
export class LedgerFile {
  readonly ledger: Ledger
  readonly #options: LedgerFileOptions
  /** Devices whose facts have changed. */
  readonly #changed = new Set<DeviceRecord>()
  readonly #events: { readonly record: DeviceRecord; readonly event: Happening }[] = []
  #handle: FileHandle | undefined
  #length = 0
  #lengthWhenNew = 0
  #writing: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #hasFailed = false

  static async open(options: LedgerFileOptions): Promise<LedgerFile> {
    const { records, damaged } = readLedgerJournal(await readText(options.file))
    const kept = new LedgerFile(options, records)
    if (damaged > 0) options.onDamaged?.(damaged)
    await kept.#attempt(() => kept.#rewrite())
    return kept
  }

  private constructor(options: LedgerFileOptions, records: readonly DeviceRecord[]) {
    this.#options = options
    const onChange = (record: DeviceRecord, event?: Happening): void => {
      if (event === undefined) this.#changed.add(record)
      else this.#events.push({ record, event })
      this.#timer ??= setTimeout(() => void this.#flush(), this.#hasFailed ? RETRY_MS : FLUSH_MS).unref()
    }
    this.ledger = new Ledger({ ...options, onChange }, records)
  }

  /** Writes everything that has been told, and closes the file. */
  async close(): Promise<void> {
    await this.#flush()
    await this.#handle?.close()
    this.#handle = undefined
  }

  #flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#attempt(() => this.#write()))
    return this.#writing
  }

  async #write(): Promise<void> {
    if (this.#changed.size === 0 && this.#events.length === 0 && !this.#hasFailed) return
    const facts = [...this.#changed].map(writeFactsLine)
    const events = this.#events.map(({ record, event }) => writeEventLine(record.id, event))
    this.#changed.clear()
    this.#events.length = 0
    // What could not be written before is written now, and a line that broke off does not spoil the next.
    if (this.#hasFailed || this.#length > 2 * this.#lengthWhenNew + SLACK) return this.#rewrite()
    const text = facts.join('') + events.join('')
    this.#handle ??= await open(this.#options.file, 'a', 0o600)
    await this.#handle.appendFile(text)
    this.#length += text.length
  }

  async #rewrite(): Promise<void> {
    const text = [...this.ledger.records].map(writeDeviceLines).join('')
    // Closed first: Windows renames nothing over an open file.
    await this.#handle?.close()
    this.#handle = undefined
    await writeFileAtomically(this.#options.file, text, 0o600)
    this.#length = text.length
    this.#lengthWhenNew = text.length
  }

  async #attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act()
      this.#hasFailed = false
    } catch (error) {
      const code = systemErrorCode(error)
      if (code === undefined) throw error
      this.#fail(code)
    }
  }

  #fail(code: string): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#options.onFailure(code)
  }
}

/** What cannot be read is set aside, and not written over. */
async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === undefined) throw error
    if (code !== 'ENOENT') await rename(file, `${file}.damaged`).catch(() => {})
    return ''
  }
}
