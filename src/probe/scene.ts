import { setTimeout as elapse } from 'node:timers/promises'
import { systemErrorCode } from '../errors.js'
import { onceAfter } from './pause.js'
import {
  type Answer,
  type Connection,
  type ConnectionOptions,
  exchange,
  NoAnswer,
  openConnection,
  type Verification
} from './raw-http.js'
import type { Target } from './target.js'

/** How long the probe waits, and for what. */
export interface Patience {
  /** For a head; esp_http_client waits 5 s. */
  readonly headMs: number
  /** For the next byte of a body. */
  readonly silenceMs: number
  /** For the next byte of a body, once one has stalled: the waiting is not done again for every rule. */
  readonly againMs: number
  /** For a whole body. */
  readonly wholeMs: number
  /** For a server to close a connection that it said it would close. */
  readonly closeMs: number
  /** How long a connection lies idle, and a reader stalls, where that is looked at (R12, R13). */
  readonly idleMs: number
  /** For all rules. */
  readonly rulesMs: number
  /** For all flows. */
  readonly flowsMs: number
}

/** Whatever a server does, it is judged within a minute. */
export const PATIENCE: Patience = {
  headMs: 5000,
  silenceMs: 5000,
  againMs: 1000,
  wholeMs: 20_000,
  closeMs: 2000,
  idleMs: 120_000,
  rulesMs: 32_000,
  flowsMs: 20_000
}

/** For `--long`. */
export const LONG_PATIENCE: Patience = {
  ...PATIENCE,
  wholeMs: 300_000,
  rulesMs: Number.POSITIVE_INFINITY,
  flowsMs: Number.POSITIVE_INFINITY
}

/** One request of the probe. Left out: GET of the image by HTTP/1.1, with the fields of esp_http_client. */
export interface Question {
  readonly method?: 'GET' | 'HEAD'
  readonly path?: string
  readonly version?: '1.0' | '1.1'
  /** What Host says; null leaves it out. */
  readonly host?: string | null
  readonly fields?: readonly string[]
  /** Bytes of the body to take before it hangs up; the whole when left out, up to LONGEST_BODY. */
  readonly take?: number
  /** Reads nothing for that long behind the head. */
  readonly stallMs?: number
  /** Whether the credentials of the URL go with it; they do when left out. */
  readonly authorized?: boolean
}

/** One request, and what came of it. */
export interface Visit {
  /** `HEAD /app.bin, Range: bytes=0-9`: for people. */
  readonly what: string
  readonly method: 'GET' | 'HEAD'
  readonly path: string
  readonly answer: Answer | undefined
  /** Why there is no answer. */
  readonly failure: string | undefined
}

/** Everything that a rule may do with the server, and everything that was seen so far. */
export interface Scene {
  readonly target: Target
  readonly patience: Patience
  /** Whether it waits for what takes minutes. */
  readonly isLong: boolean
  /** Ends every connection, and what is waited for. */
  readonly signal: AbortSignal | undefined
  /** Whether the time for the rules is over; what was on its way then is no visit. */
  readonly isOver: boolean
  /** How long a body may be silent by now. */
  readonly silenceMs: number
  readonly visits: readonly Visit[]
  /** The GET that began it: the whole image, as one-shot esp_https_ota asks for it. */
  readonly firmware: Visit
  /** The body of that, where it was a 200 that came to its end. */
  readonly image: Buffer | undefined
  connect(options?: Partial<ConnectionOptions>): Promise<Connection>
  /** Asks on a connection of its own, and closes it. */
  ask(question: Question, options?: Partial<ConnectionOptions>): Promise<Visit>
  /** Asks on a connection that is open already. */
  askOver(connection: Connection, question: Question): Promise<Visit>
}

export interface SceneOptions {
  readonly target: Target
  readonly verification: Verification | undefined
  readonly patience: Patience
  readonly isLong: boolean
  readonly signal: AbortSignal | undefined
}

/** More than any flash holds (product.md, `maxImageBytes`): what is longer is not read to its end. */
export const LONGEST_BODY = 32 * 1024 * 1024

/** Meets the server, and fetches the image once. */
export async function openScene(options: SceneOptions): Promise<Scene> {
  const { target, verification, patience, isLong, signal } = options
  const visits: Visit[] = []
  const limit = timeLimit(patience.rulesMs)
  const ending = eitherOf(signal, limit)
  let { silenceMs } = patience
  const isOver = (): boolean => limit?.aborted === true
  const keep = (visit: Visit): Visit => {
    if (!isOver()) visits.push(visit)
    if (visit.answer?.bodyEnd === 'stalled') silenceMs = Math.min(silenceMs, patience.againMs)
    return visit
  }
  const connect = (more: Partial<ConnectionOptions> = {}): Promise<Connection> =>
    openConnection({
      host: target.host,
      port: target.port,
      tls: target.isSecure,
      verification,
      maxVersion: 'TLSv1.2',
      signal: ending,
      ...more
    })
  const askOver = async (connection: Connection, question: Question): Promise<Visit> =>
    keep(await visitOver(connection, question, { ...options, patience: { ...patience, silenceMs }, signal: ending }))
  const ask = async (question: Question, more: Partial<ConnectionOptions> = {}): Promise<Visit> => {
    let connection: Connection
    try {
      connection = await connect(more)
    } catch (error) {
      return keep({ ...describe(question, target), answer: undefined, failure: explainConnecting(error) })
    }
    try {
      return await askOver(connection, question)
    } finally {
      connection.socket.destroy()
    }
  }
  const firmware = await ask({})
  const { answer } = firmware
  const isWhole = answer?.status === 200 && ['complete', 'to-fin'].includes(answer.bodyEnd) && answer.body.length > 0
  const image = isWhole ? answer.body : undefined
  return {
    target,
    patience,
    isLong,
    signal,
    get isOver() {
      return isOver()
    },
    get silenceMs() {
      return silenceMs
    },
    visits,
    firmware,
    image,
    connect,
    ask,
    askOver
  }
}

/** Aborted when that time is over; undefined where it never is. */
export function timeLimit(ms: number): AbortSignal | undefined {
  return Number.isFinite(ms) ? AbortSignal.timeout(ms) : undefined
}

export function eitherOf(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter(signal => signal !== undefined))
}

/** The bytes of a request. */
function requestText(question: Question, target: Target): string {
  const { method = 'GET', path = target.path, version = '1.1', host = target.url.host, fields = [] } = question
  const lines = [
    `${method} ${path} HTTP/${version}`,
    'User-Agent: ESP32 HTTP Client/1.0',
    ...(host === null ? [] : [`Host: ${host}`]),
    ...(target.authorization === undefined || question.authorized === false
      ? []
      : [`Authorization: ${target.authorization}`]),
    ...fields
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

async function visitOver(
  connection: Connection,
  question: Question,
  { target, patience, signal }: SceneOptions
): Promise<Visit> {
  const { method = 'GET', take = LONGEST_BODY, stallMs } = question
  const described = describe(question, target)
  try {
    const answer = await exchange(connection, requestText(question, target), {
      method,
      timeoutMs: patience.headMs,
      bodyTimeoutMs: patience.silenceMs,
      wholeMs: patience.wholeMs,
      chunked: 'decode',
      stopAfter: take,
      ...(stallMs !== undefined && { pause: onceAfter(0, () => elapse(stallMs, undefined, { signal })) })
    })
    return { ...described, answer, failure: undefined }
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    return { ...described, answer: undefined, failure: explainSilence(error, patience) }
  }
}

function describe(question: Question, target: Target): Pick<Visit, 'what' | 'method' | 'path'> {
  const { method = 'GET', path = target.path, version = '1.1', host, fields = [] } = question
  const what = [
    `${method} ${path}${version === '1.0' ? ' HTTP/1.0' : ''}`,
    ...(host === null ? ['no Host'] : host === undefined ? [] : [`Host: ${host}`]),
    ...fields.slice(0, 1)
  ]
  return { what: what.join(', '), method, path }
}

function explainSilence({ reason, received }: NoAnswer, { headMs }: Patience): string {
  switch (reason) {
    case 'timeout':
      return `no answer within ${headMs / 1000} s`
    case 'closed':
      return received.length === 0 ? 'the connection was closed without an answer' : 'the head was cut off'
    case 'malformed':
      return 'what came is not HTTP'
  }
}

/** Why there is no connection, in the words of the system. */
export function explainConnecting(error: unknown): string {
  const code = systemErrorCode(error) ?? (error instanceof Error ? error.message : String(error))
  return code === 'ABORT_ERR' ? 'no connection within 10 s' : `no connection (${code})`
}
