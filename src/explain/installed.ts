import type { Hit } from './attempt.js'
import type { Noticed } from './explanation.js'
import type { LogLine } from './log-line.js'

/** What is known when an update has been installed. */
export interface Installation {
  readonly line: LogLine
  /** No line said so: the device had checked the image and then started it. */
  readonly isInferred: boolean
  /** Flash offset of its slot, where the log says it. */
  readonly offset: number | null
  /** Flash offset of the app that was started before it. */
  readonly offsetBefore: number | null
  /** What was said on the way that is worth knowing. */
  readonly hits: readonly Hit[]
  /** What the log had told until then. */
  readonly noticed: Noticed
}

/** Errors of a program that works: they say nothing of an update that was marked valid before. */
const LATER: ReadonlySet<string> = new Set(['crash', 'watchdog', 'brownout'])

/** An update that was installed, and what became of it. */
export class Installed {
  readonly at: Installation
  started: LogLine | null = null
  confirmed: LogLine | null = null
  /** What took it back. */
  undone: Hit | LogLine | null = null
  /** What broke after it had been marked valid. */
  broke: Hit | null = null
  /** The version that ran after the restart. */
  ran: string | null = null
  #isRestarted = false

  constructor(at: Installation) {
    this.at = at
  }

  restart(): void {
    this.#isRestarted = true
  }

  /** The bootloader starts the app at an offset: that of the update, or another one. An update never goes to the slot that runs. */
  start(offset: number, line: LogLine): void {
    this.restart()
    const isNew = this.at.offset === null ? offset !== this.at.offsetBefore : offset === this.at.offset
    if (this.at.offset === null && this.at.offsetBefore === null) return
    if (isNew) this.started ??= line
    else this.undone ??= line
  }

  /** The program names its version. The one that ran before says after the restart that the old firmware runs, unless the slot is known. */
  run(version: string, line: LogLine): void {
    if (!this.#isRestarted || this.ran !== null) return
    this.ran = version
    const { runningVersion, newVersion } = this.at.noticed
    if (version === runningVersion && version !== newVersion && this.started === null) this.undone ??= line
  }

  /** Takes an error that is about this update: it does not start, or does not stay. */
  takes(hit: Hit): boolean {
    const { code, step, rank } = hit.rule
    if (step !== 'boot' && step !== 'image') return false
    if (this.confirmed !== null && step === 'image') return false
    if (this.confirmed !== null && LATER.has(code)) {
      this.broke ??= hit
      return true
    }
    if (this.undone === null || (rank === 'root' && !('rule' in this.undone))) this.undone = hit
    return true
  }
}
