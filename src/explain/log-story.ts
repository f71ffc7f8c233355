import { Attempt, type Hit } from './attempt.js'
import { decodeNumbers } from './decode.js'
import { findRules } from './find-rules.js'
import type { LogLine } from './log-line.js'
import { isSoftwareReset, loadedOffset, type Mark, markOf } from './marks.js'
import { Notebook } from './noticed.js'
import { UNCHANGED_CODES } from './rules.js'

/** An update that was installed, and what became of it. */
export interface Installed {
  readonly line: LogLine
  /** No line said so: the device had checked the image and then started it. */
  readonly isInferred: boolean
  /** Flash offset of its slot. */
  readonly offset: number | null
  /** What was said on the way that is worth knowing. */
  readonly hits: readonly Hit[]
  started: LogLine | null
  confirmed: LogLine | null
  /** What took it back. */
  undone: Hit | LogLine | null
}

/** Programs that connect too, and fail too. */
const OTHERS = /mqtt|websocket|\bsntp\b|Guru Meditation|abort\(\) was/i

/** The time in the head of a line. */
const TIME = /\(\d{1,12}\)|^\[ *\d{1,12}\]/
const REMEMBERED = 1_000

/** How many of the last lines are kept for a log that no rule knows. */
const LAST = 5

/**
 * Reads the lines of a log one by one and remembers of each attempt what matters: how the last failure, the last success and the last
 * refusal came about. What it keeps does not grow with the log.
 */
export class LogStory {
  readonly notebook = new Notebook()
  /** The attempt that is under way. */
  current: Attempt | null = null
  lastFailed: Attempt | null = null
  /** The failure before the last one. */
  failedBefore: Attempt | null = null
  lastUnchanged: Attempt | null = null
  /** It began, and the log says neither that it failed nor that it succeeded. */
  lastUnfinished: Attempt | null = null
  installed: Installed | null = null
  /** Errors that belong to no update, of a program that does more than that. */
  lastStray: Attempt | null = null
  /** Another program of the device has connections of its own. */
  hasOthers = false
  failed = 0
  succeeded = 0
  readonly lastErrors: LogLine[] = []
  readonly lastLines: LogLine[] = []
  /** What was said and meant nothing: programs say the same again and again. */
  readonly #meaningless = new Set<string>()
  /** An attempt that a restart broke off, until the bootloader says what it starts. */
  #broken: { readonly attempt: Attempt; readonly line: LogLine } | null = null

  read(line: LogLine): void {
    this.notebook.read(line)
    remember(this.lastLines, line)
    this.hasOthers ||= OTHERS.test(line.text)
    if (line.level === 'E') remember(this.lastErrors, line)
    const mark = markOf(line)
    // The first line of a start says what ended the run before it.
    if (mark !== undefined && mark !== 'boot') this.#note(mark, line)
    if (mark !== 'success' && mark !== 'confirmed') this.#find(line)
    if (mark === 'boot') this.#note(mark, line)
    const offset = loadedOffset(line.text)
    if (offset !== undefined) this.#start(offset, line)
  }

  #find(line: LogLine): void {
    const said = line.text.replace(TIME, '')
    if (this.#meaningless.has(said)) return
    const decoded = decodeNumbers(line.text, this.notebook.idf)
    const found = findRules(line, decoded)
    if (found.length === 0) this.#remember(said)
    for (const { rule, match } of found)
      this.#add({ rule, match, line, decoded, imageEnd: this.notebook.imageEndAbove(line.number) })
  }

  #remember(said: string): void {
    if (this.#meaningless.size >= REMEMBERED) this.#meaningless.clear()
    this.#meaningless.add(said)
  }

  /** Call it when the log ends. */
  end(): void {
    this.#close()
  }

  #note(mark: Mark, line: LogLine): void {
    switch (mark) {
      case 'boot':
        this.#restart(line)
        return
      case 'start':
        if (this.current === null || this.current.hasFailed || this.current.isOver) this.#open(line)
        return
      case 'download':
        if (this.current === null || this.current.isOver) this.#open(line)
        if (this.current !== null) this.current.isDownloading = true
        return
      case 'check':
        if (this.current?.isDownloading === true) this.current.isChecked = true
        return
      case 'success':
        this.#succeed(line, false)
        return
      case 'confirmed':
        this.#confirm(line)
        return
    }
  }

  #open(line: LogLine): void {
    this.#close()
    this.current = new Attempt(line.number, true)
  }

  #succeed(line: LogLine, isInferred: boolean): void {
    // Several lines say it: the component, and then the program.
    if (this.current === null && this.installed !== null && line.number - this.installed.line.number < 50) return
    const hits = (this.current ?? this.#broken?.attempt)?.hits ?? []
    this.current = null
    this.#broken = null
    this.succeeded++
    this.lastUnfinished = null
    const { slotOffset: offset } = this.notebook
    this.installed = { line, isInferred, offset, hits, started: null, confirmed: null, undone: null }
  }

  #confirm(line: LogLine): void {
    if (this.installed === null) {
      // ESPHome says so on every start, and it means nothing where no update went before.
      if (/Boot seems successful/i.test(line.text)) return
      this.#succeed(line, true)
    }
    if (this.installed !== null) this.installed.confirmed ??= line
  }

  #restart(line: LogLine): void {
    const { current } = this
    if (current === null) {
      this.#resume(line)
      return
    }
    if (current.hasFailed || !current.isStarted) {
      this.#close()
      return
    }
    this.current = null
    this.lastUnfinished = current
    this.#broken = { attempt: current, line }
    this.#resume(line)
  }

  /** The stock examples of ESP-IDF 3.3 to 4.3 restart without a word when all is well. */
  #resume(line: LogLine): void {
    if (this.#broken?.attempt.isChecked === true && isSoftwareReset(line.text)) this.#succeed(line, true)
  }

  #start(offset: number, line: LogLine): void {
    if (this.#broken !== null) {
      if (offset === this.notebook.slotOffset) this.#succeed(this.#broken.line, true)
      this.#broken = null
    }
    const { installed } = this
    if (installed === null || installed.offset === null) return
    if (offset === installed.offset) installed.started ??= line
    else installed.undone ??= line
  }

  #add(hit: Hit): void {
    if (this.#takesBack(hit)) return
    if (this.current?.isBefore(hit) === true) this.#close()
    this.current ??= new Attempt(hit.line.number, false)
    this.current.add(hit)
    if (hit.rule.ends === true) this.current.isOver = true
  }

  /** Whether an error is about an update that was installed: it does not start, or does not stay. */
  #takesBack(hit: Hit): boolean {
    const { installed, current } = this
    if (installed === null || current !== null) return false
    if (hit.rule.step !== 'boot' && hit.rule.step !== 'image') return false
    if (UNCHANGED_CODES.has(hit.rule.code)) return false
    if (installed.undone === null || (hit.rule.rank === 'root' && !('rule' in installed.undone))) installed.undone = hit
    return true
  }

  #close(): void {
    const attempt = this.current
    this.current = null
    if (attempt === null) return
    const { root } = attempt
    if (root === undefined || root.rule.rank === 'notice') {
      if (attempt.isStarted || root !== undefined) this.lastUnfinished = attempt
    } else if (UNCHANGED_CODES.has(root.rule.code)) {
      this.lastUnchanged = attempt
    } else if (attempt.isUpdate) {
      this.failed++
      this.failedBefore = this.lastFailed
      this.lastFailed = attempt
      this.lastUnfinished = null
    } else {
      this.lastStray = attempt
    }
  }
}

function remember(lines: LogLine[], line: LogLine): void {
  lines.push(line)
  if (lines.length > LAST) lines.shift()
}
