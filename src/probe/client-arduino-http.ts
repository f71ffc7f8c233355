/** HTTPClient of arduino-esp32 (libraries/HTTPClient/src/HTTPClient.cpp), as its libraries for updates use it: HTTP/1.1, no redirects. */
import type { Asking } from './client-image.js'
import { createWire, type Reply } from './device.js'
import type { Answer } from './raw-http.js'

/** HTTPCLIENT_DEFAULT_TCP_TIMEOUT. */
const TIMEOUT_MS = 5000

/** The bytes of `begin(url)` and `GET()`, in the order of sendHeader. */
function arduinoGet(target: URL): string {
  const lines = [
    `GET ${target.pathname}${target.search} HTTP/1.1`,
    // The port is left out where it is 80 or 443.
    `Host: ${target.host}`,
    'User-Agent: ESP32HTTPClient',
    'Connection: keep-alive',
    'Accept-Encoding: identity;q=1,chunked;q=0.1,*;q=0'
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** One GET on a connection of its own; undefined where GET() would return a negative code. */
export async function fetchWithHttpClient(
  url: string,
  { ca, verification, limits = {} }: Asking,
  timeoutMs = TIMEOUT_MS
): Promise<Answer | undefined> {
  if (!URL.canParse(url)) return undefined
  const wire = createWire({ ca, verification, url }, limits)
  const text = arduinoGet(wire.target)
  // getStream() gives what is on the wire, chunk lengths and all.
  const reply: Reply = await wire.ask({ method: 'GET', text, timeoutMs, chunked: 'raw', written: 0 })
  await wire.hangUp()
  return reply.kind === 'answer' ? reply.answer : undefined
}

/** getSize(): what the server says; -1 where it says nothing. */
export function sizeOf(answer: Answer): number {
  return Number(answer.header('content-length') ?? -1)
}
