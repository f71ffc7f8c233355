import {
  createWire,
  type Device,
  type DeviceRun,
  explainUnreachable,
  type FlowOptions,
  type Question,
  type Reply
} from './device.js'
import { createIdfAuth, type IdfCredentials, MAX_AUTH_RETRIES } from './device-idf-auth.js'
import { IDF, type IdfManners, type IdfRelease } from './device-idf-releases.js'
import { explainNoAnswer, judgeStart, judgeStatus } from './device-idf-verdicts.js'
import type { Answer, Head } from './raw-http.js'

export interface IdfOptions extends FlowOptions {
  /** '5.5' when left out. */
  readonly release?: IdfRelease
  /** None when left out; userinfo of the URL goes before them. */
  readonly credentials?: IdfCredentials
  /** Headers that the application adds in `http_client_init_cb`, such as If-None-Match. */
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

/** How `_http_connect` of esp_https_ota ended. */
export type Connect =
  | { readonly kind: 'body'; readonly answer: Answer }
  | { readonly kind: 'not-modified' | 'range-refused' | 'failed' }

/** One esp_https_ota handle: a connection, a slot being written and the serial log. */
export interface IdfClient {
  readonly manners: IdfManners
  readonly written: number
  readonly print: (...lines: string[]) => void
  /** GET as `_http_connect` does it: follows redirects, looks at the status, reads a body that is going to be written. */
  connect(range?: string): Promise<Connect>
  /** HEAD or GET as `esp_http_client_perform` does it: any status is an answer. */
  perform(method: 'GET' | 'HEAD', range?: string): Promise<Answer | undefined>
  /** Writes a body behind what the slot holds. False when the device gave up; the log says why. */
  write(answer: Answer): boolean
  /** Falls back to a download without resumption: hangs up, forgets the slot, asks for no 206 any more. */
  startOver(): Promise<void>
  hangUp(): Promise<void>
  end(outcome: DeviceRun['outcome']): Promise<DeviceRun>
}

export interface IdfClientOptions {
  readonly slot?: Buffer
  readonly manners: IdfManners
  /** In resume mode a 200 counts as a refused range (v5.5.4 and later). */
  readonly requires206?: boolean
}

/** Requests after which a device that would go on for ever is taken from the line. */
const FOR_EVER = 200

type Reading = Pick<Question, 'readsBody' | 'inspect'>

/** The bytes of one esp_http_client request (clients.md 5.1). */
export function idfRequest(
  manners: IdfManners,
  request: {
    method: string
    target: URL
    range?: string | undefined
    headers?: IdfOptions['headers']
    authorization?: string | undefined
  }
): string {
  const { method, target, range, headers = [], authorization } = request
  const lines = [
    `${method} ${target.pathname}${target.search} HTTP/1.1`,
    'User-Agent: ESP32 HTTP Client/1.0',
    // URL drops the default ports and keeps the brackets of IPv6, as esp_http_client does.
    `Host: ${manners.portInHost ? target.host : target.hostname}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
    ...(manners.emptyContentLength ? ['Content-Length: 0'] : []),
    ...(range === undefined ? [] : [`Range: ${range}`])
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** Opens an esp_https_ota handle; nothing is sent yet. */
export function createIdfClient(device: Device, options: IdfOptions, own: IdfClientOptions): IdfClient {
  const { manners } = own
  const log: string[] = []
  const wire = createWire(device, options)
  const auth = createIdfAuth(wire.target, manners, options.credentials)
  const print = (...lines: string[]) => void log.push(...lines)
  const giveUp = (...lines: string[]) => {
    print(...lines)
    return false
  }
  let slot = own.slot ?? Buffer.alloc(0)
  let requires206 = own.requires206 ?? false
  let retriesLeft = MAX_AUTH_RETRIES
  const judge = (status: number) => judgeStatus(status, manners, requires206)

  const ask = (method: 'GET' | 'HEAD', range: string | undefined, reading: Reading) =>
    wire.ask({
      method,
      range,
      text: idfRequest(manners, {
        method,
        target: wire.target,
        range,
        headers: options.headers,
        authorization: auth.prepare(wire.target)
      }),
      timeoutMs: 5000,
      chunked: 'decode',
      written: slot.length,
      ...reading
    })
  // What is not going to be written is not read either: the device closes behind the head.
  const reading = (): Reading => ({
    readsBody: head => ['body', 'redirect', 'unauthorized'].includes(judge(head.status).kind),
    inspect: slot.length > 0 ? undefined : { length: 1024, accepts: isWritable }
  })
  const isWritable = (start: Buffer, head: Head) =>
    judge(head.status).kind !== 'body' || judgeStart(start, device, manners).length === 0

  /** Whether esp_https_ota asks again after a 401. */
  const authorized = (challenge: string | undefined): boolean => {
    if (manners.on401 !== 'for-ever' && retriesLeft-- === 0)
      return giveUp('esp_https_ota: Reached max_authorization_retries (401)')
    const added = auth.addAuth(challenge, 'GET')
    if (added === 'unsupported') print(`HTTP_CLIENT: This authentication method is not supported: ${challenge}`)
    if (added === 'exhausted') print(`HTTP_CLIENT: Error, reached max_authorization_retries count=${MAX_AUTH_RETRIES}`)
    return added === 'again' || manners.on401 !== 'while-supported' || giveUp('esp_https_ota: Authorization Failed')
  }
  const answered = async (range: string | undefined): Promise<Reply | undefined> => {
    for (let asked = 0; asked < FOR_EVER; asked++) {
      const reply = await followed('GET', range, reading())
      if (reply.kind !== 'answer' || judge(reply.answer.status).kind !== 'unauthorized') return reply
      if (!authorized(reply.answer.header('www-authenticate'))) return undefined
    }
    print('(the device asks for ever)')
    return undefined
  }
  /** `esp_http_check_response` and the loop around it. */
  const performed = async (method: 'GET' | 'HEAD', range: string | undefined): Promise<Reply> => {
    for (;;) {
      const reply = await followed(method, range, {})
      if (reply.kind !== 'answer') return reply
      const { status } = reply.answer
      if (status >= 200 && status < 300) auth.succeeded()
      if (status !== 401) return reply
      const added = auth.addAuth(reply.answer.header('www-authenticate'), method)
      if (added === 'unsupported') return reply
      if (added === 'exhausted') {
        print(`HTTP_CLIENT: Error, reach max_redirection_count count=${MAX_AUTH_RETRIES}`)
        return { kind: 'no-answer', reason: 'malformed' }
      }
    }
  }

  const followed = async (method: 'GET' | 'HEAD', range: string | undefined, reading: Reading): Promise<Reply> => {
    // esp_http_client stops after 10 in perform(); esp_https_ota's own loop never does (clients.md 5.5).
    for (let hop = 0; hop < 10; hop++) {
      const reply = await ask(method, range, reading)
      if (reply.kind !== 'answer' || judge(reply.answer.status).kind !== 'redirect') return reply
      const next = redirectTarget(reply.answer.header('location'), wire.target, manners)
      if (next === undefined) return reply
      if (next.host !== wire.target.host) await wire.hangUp()
      wire.target = next
    }
    print('HTTP_CLIENT: Error, reach max_redirection_count count=10')
    return { kind: 'no-answer', reason: 'malformed' }
  }

  return {
    manners,
    print,
    get written() {
      return slot.length
    },
    async connect(range) {
      const reply = await answered(range)
      if (reply === undefined) return { kind: 'failed' }
      if (reply.kind === 'unreachable') {
        print(explainUnreachable(reply.code), 'esp_https_ota: Failed to open HTTP connection: ESP_ERR_HTTP_CONNECT')
      }
      if (reply.kind === 'no-answer') print(...explainNoAnswer(reply.reason))
      if (reply.kind !== 'answer') return { kind: 'failed' }
      const verdict = judge(reply.answer.status)
      print(...verdict.lines)
      if (verdict.kind === 'body') return { kind: 'body', answer: reply.answer }
      return { kind: verdict.kind === 'redirect' || verdict.kind === 'unauthorized' ? 'failed' : verdict.kind }
    },
    async perform(method, range) {
      const reply = await performed(method, range)
      if (reply.kind === 'answer') return reply.answer
      if (reply.kind === 'unreachable') print(explainUnreachable(reply.code))
      else print(...explainNoAnswer(reply.reason))
      // ESP_ERR_HTTP_CONNECT is 28674, ESP_ERR_HTTP_EAGAIN 28679 (real-client.md 2).
      print(`esp_https_ota: ESP HTTP client perform failed: ${reply.kind === 'unreachable' ? 28674 : 28679}`)
      return undefined
    },
    write(answer) {
      const refusal = slot.length > 0 ? [] : judgeStart(answer.body.subarray(0, 1024), device, manners)
      if (refusal.length > 0) return giveUp(...refusal)
      const room = (device.slotLength ?? Number.POSITIVE_INFINITY) - slot.length
      slot = Buffer.concat([slot, answer.body.subarray(0, room)])
      // 0x104 is ESP_ERR_INVALID_SIZE (real-client.md 7).
      if (answer.body.length > room) return giveUp('esp_https_ota: Error: esp_ota_write failed! err=0x104')
      switch (answer.bodyEnd) {
        case 'complete':
        case 'to-fin':
          return true
        case 'stopped':
          return giveUp('(the plug was pulled)')
        case 'stalled':
          return giveUp('(the device waits for ever)')
        case 'slow':
          return giveUp('(the device goes on for longer than the stand-in)')
        case 'cut':
          print(manners.shortBody ?? 'esp_https_ota: Connection closed,all data received')
          return manners.shortBody === null
      }
    },
    async startOver() {
      // 28682 is ESP_ERR_HTTP_RANGE_NOT_SATISFIABLE.
      print(
        'esp_https_ota: OTA resumption failed with err: 28682.',
        'esp_https_ota: Falling back to OTA without resumption and restarting download from beginning'
      )
      slot = Buffer.alloc(0)
      requires206 = false
      await wire.hangUp()
    },
    hangUp: wire.hangUp,
    async end(outcome) {
      await wire.hangUp()
      return { outcome, slot, requests: wire.requests, log }
    }
  }
}

/** The manners of a release, '5.5' when none is named. */
export function mannersOf(options: IdfOptions): IdfManners {
  return IDF[options.release ?? '5.5']
}

/** What of an earlier attempt can be gone on with: below 1024 bytes the header would be missing, and it starts again. */
export function resumable(slot: Buffer | undefined): Buffer {
  return slot !== undefined && slot.length >= 1024 ? slot : Buffer.alloc(0)
}

function redirectTarget(location: string | undefined, from: URL, manners: IdfManners): URL | undefined {
  if (location === undefined) return undefined
  if (manners.absoluteRedirectsOnly && !location.startsWith('https://')) return undefined
  if (!URL.canParse(location, from.href)) return undefined
  const next = new URL(location, from)
  return /^https?:$/.test(next.protocol) ? next : undefined
}
