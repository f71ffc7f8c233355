import { OperatorError, systemErrorCode } from '../errors.js'
import { exchange, NoAnswer, openConnection } from './raw-http.js'
import { otherScheme } from './scheme.js'
import { type Target, targetOf } from './target.js'

const NO_ANSWER = 'nobody answers there; a device says: Software caused connection abort (errno 113)'

/** The codes of a connection that did not come about, with what lwIP makes of the same (clients.md 18). */
const DEVICE_LINES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; a device says: delayed connect error: Connection reset by peer (errno 104)',
  ENOTFOUND: "nobody knows that name; a device says: couldn't get hostname",
  EAI_AGAIN: "nobody knows that name; a device says: couldn't get hostname",
  ABORT_ERR: NO_ANSWER,
  ETIMEDOUT: NO_ANSWER,
  EHOSTUNREACH: NO_ANSWER,
  ENETUNREACH: NO_ANSWER
}

/** Resolves when something listens at the address, and does not speak plain HTTP for TLS or the other way round. @throws OperatorError */
export async function reach(target: Target, signal?: AbortSignal): Promise<void> {
  const { host, port, isSecure } = target
  try {
    const connection = await openConnection({ host, port, tls: isSecure, verification: () => undefined, signal })
    await connection.close()
    if (!isSecure) await refuseOtherScheme(target, signal)
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof OperatorError) throw error
    const code = codeOf(error)
    const line = DEVICE_LINES[code ?? '']
    // A server of plain HTTP may wait for the end of a line that no handshake has.
    if (line === undefined || code === 'ABORT_ERR') await refuseOtherScheme(target, signal)
    // What listens and refuses this handshake has been reached.
    if (line === undefined) return
    if (code === 'ABORT_ERR' && isSecure && (await isListening(target, signal))) throw unanswered(target, error)
    throw new OperatorError(
      'OTAD_ERR_UNREACHABLE',
      `${host} port ${port} cannot be reached: ${line}`,
      'check the address and the port, that the server runs, and that no firewall is between',
      { cause: error }
    )
  }
}

async function isListening({ host, port }: Target, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    const connection = await openConnection({ host, port, tls: false, signal })
    await connection.close()
    return true
  } catch {
    signal?.throwIfAborted()
    return false
  }
}

function unanswered({ host, port }: Target, cause: unknown): OperatorError {
  return new OperatorError(
    'OTAD_ERR_UNREACHABLE',
    `${host} port ${port} takes connections and leaves the handshake unanswered; a device says: Failed to open new connection in specified timeout`,
    'look at what listens there: a server of TLS that serves one by one may be held up by somebody else',
    { cause }
  )
}

async function refuseOtherScheme(target: Target, signal: AbortSignal | undefined): Promise<void> {
  const other = await otherScheme(target, signal)
  signal?.throwIfAborted()
  if (other === undefined) return
  const { host, port, url } = target
  // Without the credentials of the URL, which are for the server alone.
  const mended = `${other}://${url.hostname}:${port}${target.path}`
  const [seen, hint] =
    other === 'https'
      ? [`${host} port ${port} speaks TLS, and the URL says http://`, `write ${mended}`]
      : [
          `${host} port ${port} speaks plain HTTP, and the URL says https://; a device says: mbedtls_ssl_handshake returned -0x7200`,
          `write ${mended}, or let the server speak TLS`
        ]
  throw new OperatorError('OTAD_ERR_UNREACHABLE', seen, hint)
}

/** A name with several addresses fails with all their errors at once. */
function codeOf(error: unknown): string | undefined {
  return error instanceof AggregateError ? systemErrorCode(error.errors[0]) : systemErrorCode(error)
}

/** An image to probe with, and the names of the others that the server lists. */
export interface FoundImage {
  readonly target: Target
  readonly others: readonly string[]
}

/** The image of a URL without a path: the first that otad's /manifest.json lists. @throws OperatorError where there is no such list */
export async function findImage(target: Target, signal?: AbortSignal): Promise<FoundImage> {
  if (target.url.pathname !== '/') return { target, others: [] }
  const urls = await listedUrls(target, signal)
  signal?.throwIfAborted()
  const [first, ...others] = urls
  if (first === undefined)
    throw new OperatorError(
      'OTAD_ERR_USAGE',
      `${target.url.href} names no image, and the server has no /manifest.json that lists any`,
      `give the URL that a device has: ${target.url.href}hello_world.bin`
    )
  // Set as a path it stays one: resolved against the URL, `//host/app.bin` would be another server, and get the credentials too.
  const url = new URL(target.url)
  url.pathname = new URL(first).pathname
  url.search = ''
  url.hash = ''
  return { target: targetOf(url), others: others.map(other => new URL(other).pathname) }
}

/** A list is no firmware: whom the certificate is by is the business of the rules. */
async function listedUrls(target: Target, signal: AbortSignal | undefined): Promise<readonly string[]> {
  const { host, port, isSecure, url, authorization } = target
  try {
    const connection = await openConnection({ host, port, tls: isSecure, verification: () => undefined, signal })
    try {
      const fields = [`Host: ${url.host}`, ...(authorization === undefined ? [] : [`Authorization: ${authorization}`])]
      const text = `GET /manifest.json HTTP/1.1\r\n${fields.join('\r\n')}\r\nConnection: close\r\n\r\n`
      const options = { method: 'GET', chunked: 'decode', stopAfter: LONGEST_LIST, wholeMs: TIMEOUT_MS } as const
      const { status, body } = await exchange(connection, text, options)
      return status === 200 ? urlsIn(body) : []
    } finally {
      connection.socket.destroy()
    }
  } catch (error) {
    if (error instanceof NoAnswer || systemErrorCode(error) !== undefined) return []
    throw error
  }
}

const TIMEOUT_MS = 10_000
/** Ten thousand names have room in it. */
const LONGEST_LIST = 32 * 1024 * 1024

function urlsIn(body: Buffer): readonly string[] {
  let list: unknown
  try {
    list = JSON.parse(body.toString('utf8'))
  } catch {
    return []
  }
  const { releases } = (list ?? {}) as { releases?: unknown }
  if (!Array.isArray(releases)) return []
  return releases
    .map((release: { current?: { url?: unknown } | null } | null) => release?.current?.url)
    .filter((listed): listed is string => typeof listed === 'string' && URL.canParse(listed))
}
