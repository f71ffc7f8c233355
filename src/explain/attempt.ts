import type { Decoded, Evidence, Meaning, Noticed, Step } from './explanation.js'
import type { Installed } from './installed.js'
import { type LogLine, withoutCredentials, withoutTime } from './log-line.js'
import { RANKS, type Rule } from './rule.js'

/** A line that a rule fits. */
export interface Hit {
  readonly rule: Rule
  readonly match: RegExpExecArray
  readonly line: LogLine
  readonly decoded: readonly Decoded[]
  /** The line ends its attempt. */
  readonly isEnd: boolean
  /** `Seen.imageEnd` when it was read. */
  readonly imageEnd: number | null
}

/** Many lines of one attempt say the same; more than these are not kept. */
const KEPT = 40

/** One try of a device to update itself, as far as the log goes. */
export class Attempt {
  readonly first: number
  readonly hits: Hit[] = []
  /** A line said that it begins; else it begins with its first error. */
  readonly isStarted: boolean
  /** A line said that it failed: what comes now belongs to another one. */
  isOver = false
  /** A line of it is about an update: any program has network errors, above all one that was updated and works. */
  isUpdate: boolean
  /** It got as far as writing. */
  isDownloading = false
  /** The device has looked at the segments of what it wrote. */
  isChecked = false
  /** The body has come to an end that the device took for the right one. */
  isReceived = false
  /** The lines that said that it failed, each once. */
  readonly #ends = new Set<string>()
  readonly #installed: Installed | null

  /** `installed` is the update before it, if there was one. */
  constructor(first: number, isStarted: boolean, installed: Installed | null) {
    this.first = first
    this.isStarted = isStarted
    this.isUpdate = isStarted
    this.#installed = installed
  }

  add(hit: Hit): void {
    this.isUpdate ||= this.#isOfUpdate(hit.line.text)
    const known = this.hits.findIndex(({ rule }) => rule.code === hit.rule.code)
    if (known === -1 && this.hits.length < KEPT) this.hits.push(hit)
    // The same said again with a number says more.
    if (hit.rule.rank === 'echo' && hit.decoded.length > 0 && this.hits[known]?.decoded.length === 0)
      this.hits[known] = hit
  }

  /** A line says that it failed. */
  end(text: string): void {
    this.isOver = true
    if (this.#ends.size < KEPT) this.#ends.add(text)
  }

  /** The server closed without a goodbye, and the device says that all is well. */
  receive(): void {
    this.isReceived = true
    const read = this.hits.findIndex(({ rule }) => rule.code === 'read-error')
    if (read !== -1) this.hits.splice(read, 1)
  }

  has(code: string): boolean {
    return this.hits.some(({ rule }) => rule.code === code)
  }

  get hasFailed(): boolean {
    return this.hits.some(({ rule }) => rule.rank !== 'notice')
  }

  /** The hit that is nearest to the root: by rank, then by place. */
  get root(): Hit | undefined {
    return this.hits.toSorted((a, b) => RANKS.indexOf(a.rule.rank) - RANKS.indexOf(b.rule.rank))[0]
  }

  /** Whether an error opens another attempt: one that is a cause, where this one has a cause and its consequences already. */
  isBefore({ rule, line, isEnd }: Hit): boolean {
    if (rule.step === 'boot' || rule.rank === 'echo' || rule.rank === 'notice') return false
    if (this.isOver) {
      if (REPEATED.test(line.text)) return false
      // The component says it, then the program, then its callback: the same words again are another attempt.
      if (isEnd) return this.#ends.has(withoutTime(line.text))
      // The program asks for the image to be started all the same, and that fails too.
      return rule.rank === 'root' || !WRITTEN.has(rule.step) || this.has(rule.code)
    }
    if (rule.rank === 'symptom' || REPEATED.test(line.text)) return false
    const ranks = this.hits.map(hit => hit.rule.rank)
    return ranks.includes('echo') && ranks.some(rank => rank === 'root' || rank === 'general')
  }

  #isOfUpdate(text: string): boolean {
    if (this.#installed === null || this.#installed.undone !== null) return UPDATE.test(text)
    const { host } = this.#installed.at.noticed
    return SURELY_UPDATE.test(text) || (host !== null && text.includes(host))
  }
}

/** The steps that come when bytes have been written. */
const WRITTEN: ReadonlySet<Step> = new Set(['image', 'flash'])
const UPDATE = /ota\b|_ota|ota_|update|upgrade|firmware|esp_image|HTTP_CLIENT|http/i
/** What only an update says: a program that works has an HTTP client of its own. */
const SURELY_UPDATE = /ota\b|_ota|ota_|HTTP_?UPDATE|\bupdate|upgrade|firmware|esp_image/i
/** What a program asks for once more after it has failed (esp_tls_get_and_clear_last_error). */
const REPEATED = /\blast (?:esp|mbedtls|tls|ssl|errno)/i

/** What a hit means, with what the whole log tells. */
export function meaningOf({ rule, match, imageEnd }: Hit, noticed: Noticed): Meaning {
  return typeof rule.says === 'function' ? rule.says(match, { ...noticed, imageEnd }) : rule.says
}

const SHOWN = 240

/** A line as evidence: no longer than a person reads, and without passwords. */
export function evidenceOf(line: LogLine, decoded: readonly Decoded[] = []): Evidence {
  const text = withoutCredentials(line.text)
  return { line: line.number, text: text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text, decoded }
}
