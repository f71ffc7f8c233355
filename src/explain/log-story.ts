import { Attempt, type Hit } from './attempt.js'
import { decodeNumbers } from './decode.js'
import type { Step } from './explanation.js'
import { findRules } from './find-rules.js'
import { Installed } from './installed.js'
import { type LogLine, withoutTime } from './log-line.js'
import { isOnline, isSoftwareReset, loadedOffset, type Mark, markOf } from './marks.js'
import { Notebook } from './noticed.js'
import { UNCHANGED_CODES } from './rules.js'

/** Programs that connect too, and fail too. */
const OTHERS = /mqtt|websocket|\bsntp\b|Guru Meditation|abort\(\) was/i
/** Their own errors: what failed around them is theirs. */
const CLIENTS = /mqtt|websocket/i

/** What the loss of Wi-Fi breaks. */
const NEEDS_WIFI: ReadonlySet<Step> = new Set(['reach', 'tls', 'http', 'download'])

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
  /** Updates in a row behind which the same version ran; 1 for the first one. */
  alike = 0
  /** Errors that belong to no update, of a program that does more than that. */
  lastStray: Attempt | null = null
  /** Another program of the device has connections of its own. */
  hasOthers = false
  /** It says itself that one of them failed. */
  hasOtherFailed = false
  failed = 0
  succeeded = 0
  readonly lastErrors: LogLine[] = []
  readonly lastLines: LogLine[] = []
  /** What was said and meant nothing: programs say the same again and again. */
  readonly #meaningless = new Set<string>()
  /** An attempt that a restart broke off, until the bootloader says what it starts. */
  #broken: { readonly attempt: Attempt; readonly line: LogLine } | null = null
  /** The attempt that was closed last: a restart says once more what ended it. */
  #closed: Attempt | null = null
  /** Wi-Fi was lost, and has not come back. */
  #offline: Hit | null = null
  /** Flash offset of the app that was started last. */
  #loaded: number | null = null
  #ranBefore: string | null = null

  read(line: LogLine): void {
    this.notebook.read(line)
    if (this.#offline !== null && isOnline(line.text)) this.#offline = null
    if (this.notebook.versionSaid !== null) this.#run(this.notebook.versionSaid, line)
    remember(this.lastLines, line)
    this.hasOthers ||= OTHERS.test(line.text)
    if (line.level === 'E') {
      remember(this.lastErrors, line)
      this.hasOtherFailed ||= CLIENTS.test(line.text)
    }
    const mark = markOf(line)
    // The first line of a start says what ended the run before it.
    if (mark !== undefined && mark !== 'boot') this.#note(mark, line)
    if (mark !== 'success' && mark !== 'confirmed') this.#find(line)
    if (mark === 'boot') this.#note(mark, line)
    const offset = loadedOffset(line.text)
    if (offset !== undefined) this.#start(offset, line)
  }

  #find(line: LogLine): void {
    const text = withoutTime(line.text)
    if (this.#meaningless.has(text)) return
    const decoded = decodeNumbers(line.text, this.notebook.idf)
    const found = findRules(line, decoded)
    if (found.length === 0) this.#remember(text)
    const isEnd = found.some(({ rule }) => rule.ends === true)
    for (const { rule, match } of found)
      this.#add({ rule, match, line, decoded, isEnd, imageEnd: this.notebook.imageEndAbove(line.number) })
  }

  #remember(text: string): void {
    if (this.#meaningless.size >= REMEMBERED) this.#meaningless.clear()
    this.#meaningless.add(text)
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
        this.#offline = null
        return
      case 'received':
        this.current?.receive()
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
    this.current = new Attempt(line.number, true, this.installed)
  }

  #succeed(line: LogLine, isInferred: boolean): void {
    // Several lines say it: the component, and then the program.
    if (this.current === null && this.installed !== null && line.number - this.installed.at.line.number < 50) return
    const hits = (this.current ?? this.#broken?.attempt)?.hits ?? []
    this.current = null
    this.#broken = null
    this.succeeded++
    this.lastUnfinished = null
    const { slotOffset: offset, facts: noticed } = this.notebook
    this.notebook.slotOffset = null
    this.installed = new Installed({ line, isInferred, offset, offsetBefore: this.#loaded, hits, noticed })
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
    this.installed?.restart()
    this.#offline = null
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
    this.installed?.start(offset, line)
    this.#loaded = offset
  }

  #run(version: string, line: LogLine): void {
    const { installed } = this
    if (installed === null || installed.ran !== null) return
    installed.run(version, line)
    if (installed.ran === null) return
    this.alike = installed.ran === this.#ranBefore ? this.alike + 1 : 1
    this.#ranBefore = installed.ran
  }

  #add(hit: Hit): void {
    if (hit.rule.waits === true) {
      this.#offline = hit
      return
    }
    if (this.#takesBack(hit) || this.#repeats(hit)) return
    if (this.current?.isBefore(hit) === true) this.#close()
    this.current ??= new Attempt(hit.line.number, false, this.installed)
    // Without Wi-Fi nothing else can be right.
    if (this.#offline !== null && NEEDS_WIFI.has(hit.rule.step) && hit.rule.rank !== 'notice')
      this.current.add(this.#offline)
    this.current.add(hit)
    if (hit.rule.ends === true) this.current.end(withoutTime(hit.line.text))
  }

  /** Whether an error is about an update that was installed. */
  #takesBack(hit: Hit): boolean {
    if (this.installed === null || this.current !== null || UNCHANGED_CODES.has(hit.rule.code)) return false
    return this.installed.takes(hit)
  }

  /** Whether the start of the chip says what the run before it ended with: a brownout is printed, and is the reset reason too. */
  #repeats({ rule }: Hit): boolean {
    return this.current === null && rule.step === 'boot' && this.#closed?.has(rule.code) === true
  }

  #close(): void {
    const attempt = this.current
    this.current = null
    if (attempt === null) return
    this.#closed = attempt
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
