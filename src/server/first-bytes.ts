import type { Socket } from 'node:net'
import { isTls, isWholeHello } from './client-hello.js'

/** What a connection begins with. */
export type FirstBytes =
  | { readonly is: 'tls'; readonly bytes: Buffer }
  /** The head of a request without TLS, as far as it came. */
  | { readonly is: 'http'; readonly bytes: Buffer }
  | { readonly is: 'other'; readonly bytes: Buffer }
  /** It said nothing, or not enough to be a beginning, until it hung up, or until the time was over. */
  | { readonly is: 'silent' | 'unfinished'; readonly bytes: Buffer; readonly end: 'closed' | 'reset' | 'timeout' }

const METHOD = /^(GET|HEAD|POST|PUT|OPTIONS|DELETE|PATCH|TRACE|CONNECT) /
const LONGEST_METHOD = 8
const LONGEST_HEAD = 8 * 1024

/**
 * Looks at the first bytes of a connection before TLS does, and puts them back: a ClientHello tells what a failed handshake does not, and a
 * request without TLS can be answered. Calls back once.
 */
export function peek(socket: Socket, timeoutMs: number, done: (first: FirstBytes) => void): void {
  let bytes: Buffer = Buffer.alloc(0)
  const finish = (first: FirstBytes): void => {
    clearTimeout(timer)
    socket.off('data', onData).off('end', onClose).off('close', onClose).off('error', onError)
    socket.pause()
    if (bytes.length > 0 && !socket.destroyed) socket.unshift(bytes)
    done(first)
  }
  const end = (how: 'closed' | 'reset' | 'timeout'): void => {
    if (isRequest(bytes)) finish({ is: 'http', bytes })
    else if (bytes.length === 0 || isTls(bytes))
      finish({ is: bytes.length === 0 ? 'silent' : 'unfinished', bytes, end: how })
    else finish({ is: 'other', bytes })
  }
  const onData = (piece: Buffer): void => {
    bytes = bytes.length === 0 ? piece : Buffer.concat([bytes, piece])
    if (isTls(bytes)) {
      if (isWholeHello(bytes)) finish({ is: 'tls', bytes })
    } else if (mayBeRequest(bytes)) {
      if (bytes.includes('\r\n\r\n') || bytes.length >= LONGEST_HEAD) finish({ is: 'http', bytes })
    } else finish({ is: 'other', bytes })
  }
  const onClose = (): void => end('closed')
  const onError = (): void => end('reset')
  const timer = setTimeout(() => end('timeout'), timeoutMs)
  timer.unref()
  socket.on('data', onData).once('end', onClose).once('close', onClose).once('error', onError)
}

const isRequest = (bytes: Buffer): boolean => METHOD.test(bytes.toString('latin1', 0, LONGEST_METHOD))

/** A method, or the beginning of one. */
function mayBeRequest(bytes: Buffer): boolean {
  return isRequest(bytes) || (bytes.length < LONGEST_METHOD && /^[A-Z]+$/.test(bytes.toString('latin1')))
}
