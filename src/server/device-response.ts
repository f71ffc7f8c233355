import { type IncomingMessage, type OutgoingHttpHeader, type OutgoingHttpHeaders, ServerResponse } from 'node:http'

type HeadFields = OutgoingHttpHeaders | OutgoingHttpHeader[]

/**
 * A response whose header names go out in their canonical case, whoever set them. Fastify writes them in lower case,
 * and widely copied Arduino sketches compare `Content-Length: ` letter by letter (clients.md R3, 7.4).
 */
export class DeviceResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  override setHeader(name: string, value: number | string | readonly string[]): this {
    return super.setHeader(canonicalName(name), value)
  }

  override writeHead(statusCode: number, reason?: string | HeadFields, fields?: HeadFields): this {
    const given = typeof reason === 'string' ? fields : (reason ?? fields)
    const canonical = Array.isArray(given) || given === undefined ? given : inCanonicalCase(given)
    return typeof reason === 'string'
      ? super.writeHead(statusCode, reason, canonical)
      : super.writeHead(statusCode, canonical)
  }
}

/** Names whose canonical case is not a capital after every hyphen. */
const IRREGULAR: Readonly<Record<string, string>> = {
  etag: 'ETag',
  'www-authenticate': 'WWW-Authenticate',
  'x-md5': 'x-MD5',
  'x-sha256': 'x-SHA256',
  'x-sha512': 'x-SHA512',
  'x-version': 'x-version'
}

const known = new Map<string, string>()

/** `content-length` → `Content-Length`, `etag` → `ETag`. */
export function canonicalName(name: string): string {
  const seen = known.get(name)
  if (seen !== undefined) return seen
  const lower = name.toLowerCase()
  const canonical = IRREGULAR[lower] ?? lower.replace(/(^|-)[a-z]/g, start => start.toUpperCase())
  known.set(name, canonical)
  return canonical
}

function inCanonicalCase(fields: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [canonicalName(name), value]))
}
