import { type FileHandle, open, readFile, truncate } from 'node:fs/promises'
import { isDiskFull, writeFileAtomically } from '../atomic-file.js'
import { systemErrorCode } from '../errors.js'
import type { RunRecord } from './run-record.js'
import { RunTable } from './run-table.js'
import { type KeptRuns, readRunsJournal, writeForgottenLine, writeRecordLine } from './runs-journal.js'

export interface RunsFileOptions {
  readonly file: string
  readonly now: () => number
  /** Told once when the file cannot be written: runs are remembered, but not over a restart. */
  readonly onFailure: (code: string) => void
  readonly mostRecords?: number
}

/** What did not have to be kept at once is, after this long. */
const FLUSH_MS = 1_000
/** Lines beyond twice the records that are borne before the file is written anew. */
const SLACK_LINES = 5_000
const FORGET_EVERY_MS = 60 * 60_000
/** What a file of runs is cut to that cannot be kept up: it says that something was, and is not known any more (`readRunsJournal`). */
const CUT_LENGTH = 1

/**
 * The run table with its file, `state/runs.jsonl`. Handed to the operating system before a run's first byte goes out, so that it outlives
 * the process however that ends; not flushed to the disk each time: after the power went, devices may have to begin again.
 */
export class RunsFile {
  readonly table: RunTable
  readonly #options: RunsFileOptions
  readonly #changed = new Set<RunRecord>()
  #handle: FileHandle | undefined
  #lines = 0
  #writing: Promise<void> | undefined
  #waiting: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  readonly #forgetting: NodeJS.Timeout
  #hasFailed = false

  /**
   * A full disk is no reason not to serve: that is told, and runs are not kept until there is room.
   * @throws the system error when the file is there and cannot be read, or cannot be made for another reason
   */
  static async open(options: RunsFileOptions): Promise<RunsFile> {
    const kept = readRunsJournal(await readIfThere(options.file), options.now())
    const runs = new RunsFile(options, kept)
    // Written anew as open: from now on things happen to these runs that are not written one by one.
    try {
      await runs.#rewrite('open')
    } catch (error) {
      if (!isDiskFull(error)) {
        clearInterval(runs.#forgetting)
        throw error
      }
      await runs.#fail(systemErrorCode(error) ?? 'ENOSPC')
    }
    return runs
  }

  private constructor(options: RunsFileOptions, kept: KeptRuns) {
    this.#options = options
    const { now, mostRecords } = options
    const onChange = (record: RunRecord): void => {
      this.#changed.add(record)
      this.#timer ??= setTimeout(() => void this.kept(), FLUSH_MS).unref()
    }
    this.table = new RunTable({ now, onChange, ...(mostRecords === undefined ? {} : { mostRecords }) }, kept)
    this.#forgetting = setInterval(() => this.table.forgetOld(), FORGET_EVERY_MS).unref()
  }

  /** Resolves when everything that has changed until now outlives the process. A failure is told, and not thrown: devices go on. */
  kept(): Promise<void> {
    if (this.#writing === undefined) {
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined
      })
      return this.#writing
    }
    // One runs that may have begun before the change: the one behind it has all of them.
    this.#waiting ??= this.#writing
      .catch(() => {})
      .then(() => {
        this.#waiting = undefined
        return this.kept()
      })
    return this.#waiting
  }

  /** Writes everything as it is now, and closes the file. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    clearInterval(this.#forgetting)
    await this.kept()
    await this.#attempt(() => this.#rewrite('exact'))
    await this.#handle?.close()
    this.#handle = undefined
  }

  async #write(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#changed.size === 0) return
    const lines = [...this.#changed].map(record => writeRecordLine(record, 'open'))
    this.#changed.clear()
    await this.#attempt(async () => {
      // What could not be written before is written now, and a line that broke off does not spoil the next.
      if (this.#hasFailed) return this.#rewrite('open')
      this.#handle ??= await open(this.#options.file, 'a', 0o600)
      await this.#handle.appendFile(lines.join(''))
      this.#lines += lines.length
      if (this.#lines > 2 * this.table.size + SLACK_LINES) await this.#rewrite('open')
    })
  }

  async #rewrite(how: 'exact' | 'open'): Promise<void> {
    const lines = [writeForgottenLine(this.table.forgottenAt)]
    for (const record of this.table.records) lines.push(writeRecordLine(record, how))
    // Closed first: Windows renames nothing over an open file.
    await this.#handle?.close()
    this.#handle = undefined
    await writeFileAtomically(this.#options.file, lines.join(''), 0o600)
    this.#lines = lines.length
  }

  async #attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act()
      this.#hasFailed = false
    } catch (error) {
      const code = systemErrorCode(error)
      if (code === undefined) throw error
      await this.#fail(code)
    }
  }

  /** From here on the file is behind what happens: whoever reads it must not take it for what devices have. */
  async #fail(code: string): Promise<void> {
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#options.onFailure(code)
    // One byte is a line that broke off. Where there is no file, or it cannot be cut either, nothing more can be done.
    await truncate(this.#options.file, CUT_LENGTH).catch(() => {})
  }
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return ''
    throw error
  }
}
