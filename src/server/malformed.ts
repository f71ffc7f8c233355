import { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const STATUS_LINES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout'
}

/** How long one that was told so gets to read it: a connection that is closed with bytes unread takes the answer back. */
const LINGER_MS = 2_000

const told = new WeakSet<Socket>()

/** Answers a message that is not HTTP, or too long, or too slow, and ends the connection. */
export function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  // What goes on coming is malformed again with each piece, and not looked at.
  if (told.has(socket) && error.code !== 'ECONNRESET') return
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const answering = responseOn(socket)
  if (answering !== undefined) {
    // What came behind a request must not take away its answer; nothing more is read after it.
    answering.shouldKeepAlive = false
    answering.once('finish', () => socket.destroySoon())
    return
  }
  const status = STATUS_LINES[error.code ?? ''] ?? '400 Bad Request'
  const body = `${status}\n`
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    `Date: ${new Date().toUTCString()}`,
    'Connection: close'
  ]
  told.add(socket)
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/** The response that a connection is busy with; Node keeps it on the socket and shows it nowhere else. */
function responseOn(socket: Socket): ServerResponse | undefined {
  return '_httpMessage' in socket && socket._httpMessage instanceof ServerResponse ? socket._httpMessage : undefined
}
