import { authorityIn, originForm } from './request-target.js'

/** Longest path that is given back; that of a device has to fit its request buffer of 512 bytes. */
const LONGEST_PATH = 500

/**
 * The URL that a request without TLS should have gone to: at the host that it asked for, else at the address it came to.
 * Undefined where none of them makes a URL.
 */
export function httpsUrlOf(head: Buffer, localHost: string): string | undefined {
  const [requestLine = '', ...fields] = head.toString('latin1').split('\r\n')
  const [, target = '/'] = /^\S+ ([\x21-\x7e]+) HTTP\/1\.[01]$/.exec(requestLine) ?? []
  const path = originForm(target)
  const asked = fields
    .find(field => /^host:/i.test(field))
    ?.slice('host:'.length)
    .trim()
  const host = [authorityIn(target), asked, localHost].find(isUrlHost)
  if (host === undefined) return undefined
  return `https://${host}${path.startsWith('/') && path.length <= LONGEST_PATH ? path : '/'}`
}

/** More is a Host than is a host of a URL: `a:99999`, `999.999.999.999`. */
function isUrlHost(host: string | undefined): host is string {
  return host !== undefined && /^[\w.:[\]-]{1,262}$/.test(host) && URL.canParse(`https://${host}/`)
}

/** The whole answer to a request without TLS: short, plain, with a length, and the last on its connection. */
export function plainHttpAnswer(head: Buffer, url: string | undefined): string {
  const body = `400 this port speaks HTTPS only: ${url ?? 'the URL has to begin with https://'}\n`
  const isHead = head.toString('latin1', 0, 5) === 'HEAD '
  const lines = [
    'HTTP/1.1 400 Bad Request',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    `Date: ${new Date().toUTCString()}`,
    'Connection: close'
  ]
  return `${lines.join('\r\n')}\r\n\r\n${isHead ? '' : body}`
}
