import type { Caller, DeskAnswer, FirmwareDesk } from './firmware-desk.js'

/** How a device asks for firmware (clients.md 5.2 and 5.3). */
export interface Manners {
  /**
   * `plain` asks for the whole; `stream` is `ota_resumption`, `bytes=F-` from 0 on; `partial` is `partial_http_download`; `curl` asks for the
   * whole, and for what is missing of it when that broke off.
   */
  readonly flow: 'plain' | 'stream' | 'partial' | 'curl'
  /** Bytes of a range in the partial flow. */
  readonly most: number
  /** Ranges on one connection, as from v5.4.4, v5.5.2 and v6.0 on. */
  readonly isPersistent: boolean
  /** Goes on after a reboot. */
  readonly resumes: boolean
  /** Learns the length by `bytes=0-0`, as v6.0 may. */
  readonly probes: boolean
  /** A 200 to `bytes=F-` is appended, as v5.5 to v5.5.3 do. */
  readonly appends200: boolean
  /** What follows a 416 to a resumption: from 0 on with the length known already, from 0 on with a new HEAD, or nothing but an error. */
  readonly after416: 'range' | 'head' | 'failure'
}

/** Bytes [start, end) of a build, as they lie in flash one behind the other. */
export interface Piece {
  readonly build: string
  readonly start: number
  readonly end: number
}

/** How much of what it had an application knows after a reboot: whole KiB in reality, and smaller here like everything else. */
const SAVED_STEP = 16
/** A HEAD is followed at once; a device that takes longer was off, and begins anew. */
const LONGEST_AFTER_HEAD = 12_000
const LONGEST_BETWEEN_RANGES = 12_000
/** What a device had counted as a whole image. */
export type OnComplete = (slot: readonly Piece[]) => void

/**
 * A device that behaves by the letter of ESP-IDF, one step after another, so that anything may happen between two steps. What it
 * writes are not bytes but where they come from.
 */
export class ModelDevice {
  /** Answers that the server has not noticed to be over. */
  readonly lingering: (() => void)[] = []
  /** How often it was answered 416. */
  refusals = 0
  completed = 0
  readonly caller: Caller
  readonly manners: Manners
  readonly #desk: FirmwareDesk
  readonly #onComplete: OnComplete
  #slot: Piece[] = []
  #written = 0
  #phase: 'idle' | 'told' | 'ranges' | 'over' = 'idle'
  #imageLength = 0
  #connection: object | undefined
  #answer: DeskAnswer | undefined
  /** The server has handed over all of the answer already. */
  #isHandedOver = false
  #lastStepAt: number
  #lastBytesAt = 0

  constructor(desk: FirmwareDesk, caller: Caller, manners: Manners, onComplete: OnComplete) {
    this.#desk = desk
    this.caller = caller
    this.manners = manners
    this.#onComplete = onComplete
    this.#lastStepAt = desk.now
  }

  /** Sends what comes next, or receives all of the answer to what it sent. `isAhead`: the operating system takes everything at once. */
  step(isAhead: boolean): void {
    if (this.#answer !== undefined) this.#receive()
    else {
      this.#lookAtClock()
      this.#ask()
      if (isAhead && this.#answer !== undefined) this.#handOver(this.#answer)
    }
  }

  /**
   * The connection breaks: of the answer under way the device has this share, the operating system had taken that share of the rest, and
   * the server notices it at once or later.
   */
  cut(received: number, taken: number, isNoticed: boolean): void {
    const answer = this.#answer
    const connection = this.#connection
    let end = (): void => {}
    if (answer !== undefined) {
      const { build, start } = answer
      const has = start + Math.floor((answer.end - start) * received)
      const sent = has + Math.floor((answer.end - has) * taken)
      this.#write({ build, start, end: has })
      if (!this.#isHandedOver) end = () => answer.finish(sent)
    }
    const notice = (): void => {
      end()
      if (connection !== undefined) this.#desk.hangUp(connection, 'broken')
    }
    if (isNoticed) notice()
    else this.lingering.push(notice)
    this.#answer = undefined
    this.#save()
  }

  /** Nothing has moved for so long that the server has let go, and noted what it had handed over. */
  stall(received: number): void {
    if (this.#answer !== undefined) this.cut(received, 0.5, true)
  }

  /** The server has gone: what was on its way is lost, and who counted on the connection has failed. */
  loseConnection(received: number): void {
    if (this.#answer !== undefined) this.cut(received, 1, true)
    else if (this.#connection !== undefined) this.#save()
  }

  /** Forgets all it has, and begins anew. */
  reset(): void {
    this.cut(0, 0, true)
    this.#clear()
  }

  #ask(): void {
    const { flow, most } = this.manners
    const rest = `bytes=${this.#written}-`
    if (flow === 'plain') this.#get(undefined)
    else if (flow === 'curl') this.#get(this.#written === 0 ? undefined : rest)
    else if (flow === 'stream') this.#get(this.#phase === 'over' ? undefined : rest)
    else if (this.#phase === 'told') this.#get(firstRange(this.#written, this.#imageLength, most))
    else if (this.#phase === 'ranges') this.#get(nextRange(this.#written, this.#imageLength, most))
    else this.#learnLength()
  }

  #learnLength(): void {
    const connection = {}
    const { probes } = this.manners
    const answer = this.#desk.request(
      connection,
      this.caller,
      probes ? 'GET' : 'HEAD',
      probes ? 'bytes=0-0' : undefined
    )
    answer.finish(answer.end)
    this.#desk.hangUp(connection)
    this.#imageLength = answer.size
    this.#phase = 'told'
    this.#lastStepAt = this.#desk.now
  }

  #get(range: string | undefined): void {
    const connection = this.#connection ?? {}
    const answer = this.#desk.request(connection, this.caller, 'GET', range)
    this.#lastStepAt = this.#desk.now
    this.#connection = connection
    if (answer.status === 416) this.#sentBack(range)
    else if (answer.status === 200 && this.#written > 0 && !this.#appends200()) {
      answer.finish(answer.start)
      this.#clear()
      this.#phase = 'over'
    } else {
      this.#isHandedOver = false
      this.#answer = answer
      this.#lastBytesAt = this.#desk.now
    }
  }

  #appends200(): boolean {
    return this.manners.flow === 'partial' || (this.manners.flow === 'stream' && this.manners.appends200)
  }

  #sentBack(range: string | undefined): void {
    if (range === undefined || range === 'bytes=0-') throw new Error(`a whole image was refused (${range})`)
    this.refusals++
    this.#desk.hangUp(this.#connection as object)
    this.#connection = undefined
    const { flow, after416, resumes } = this.manners
    const wasResuming = this.#phase !== 'ranges' && this.#written > 0
    // In the middle of a partial download an attempt fails, and what is there stays there.
    if (flow === 'partial' && !wasResuming && resumes && this.#written > 0) {
      this.#save()
      return
    }
    const imageLength = this.#imageLength
    this.#clear()
    if (flow === 'stream') this.#phase = 'over'
    if (flow === 'partial' && wasResuming && after416 === 'range') {
      this.#imageLength = imageLength
      this.#phase = 'told'
    }
  }

  #receive(): void {
    const answer = this.#answer as DeskAnswer
    const { build, start, end } = answer
    this.#handOver(answer)
    this.#answer = undefined
    this.#lastStepAt = this.#desk.now
    this.#write({ build, start, end })
    const { flow, isPersistent } = this.manners
    if (flow !== 'partial' || this.#written === this.#imageLength) {
      this.#complete()
      return
    }
    const isTooMuch = this.#written > this.#imageLength || end === start
    if (isTooMuch || !isPersistent) this.#hangUp()
    if (isTooMuch) this.#clear()
    else this.#phase = 'ranges'
  }

  #complete(): void {
    this.#hangUp()
    this.completed++
    this.#onComplete(this.#slot)
    this.#clear()
  }

  #handOver(answer: DeskAnswer): void {
    if (!this.#isHandedOver) answer.finish(answer.end)
    this.#isHandedOver = true
  }

  #hangUp(): void {
    if (this.#connection !== undefined) this.#desk.hangUp(this.#connection)
    this.#connection = undefined
  }

  #write({ build, start, end }: Piece): void {
    if (end === start) return
    const last = this.#slot.at(-1)
    const goesOn = last !== undefined && last.build === build && last.end === start
    if (goesOn) this.#slot[this.#slot.length - 1] = { build, start: last.start, end }
    else this.#slot.push({ build, start, end })
    this.#written += end - start
  }

  /** What is still there after a reboot. */
  #save(): void {
    const { flow, resumes } = this.manners
    const known = flow === 'curl' ? this.#written : resumes ? this.#written - (this.#written % SAVED_STEP) : 0
    const keeps = flow !== 'plain' && known > 0
    const slot = keeps ? firstBytes(this.#slot, known) : []
    this.#clear()
    if (!keeps) return
    this.#slot = slot
    this.#written = known
  }

  #clear(): void {
    this.#connection = undefined
    this.#slot = []
    this.#written = 0
    this.#imageLength = 0
    this.#phase = 'idle'
  }

  #lookAtClock(): void {
    const waitedMs = this.#desk.now - this.#lastStepAt
    // The one thing that is left to chance: that of two behind one address one comes back after long, at the very byte where the other stands.
    const wasAway = this.#desk.now - this.#lastBytesAt > LONGEST_BETWEEN_RANGES
    if (this.#written > 0 && wasAway && this.#desk.standsAt(this.caller, this.#written)) this.#clear()
    if (this.#phase === 'told' && waitedMs > LONGEST_AFTER_HEAD) this.#save()
    if (this.#phase === 'ranges' && waitedMs > LONGEST_BETWEEN_RANGES) this.#save()
  }
}

function firstBytes(slot: readonly Piece[], count: number): Piece[] {
  const kept: Piece[] = []
  let left = count
  for (const { build, start, end } of slot) {
    if (left === 0) break
    const length = Math.min(left, end - start)
    kept.push({ build, start, end: start + length })
    left -= length
  }
  return kept
}

/** As esp_https_ota_begin: the end is one past the last byte when the rest fits in one request, and a whole image needs no range. */
function firstRange(start: number, imageLength: number, most: number): string | undefined {
  const end = imageLength > most + start ? start + most - 1 : imageLength
  return end - start < imageLength ? `bytes=${start}-${end}` : undefined
}

/** As esp_https_ota_perform: the last range has no end. */
function nextRange(start: number, imageLength: number, most: number): string {
  return imageLength - start > most ? `bytes=${start}-${start + most - 1}` : `bytes=${start}-`
}
