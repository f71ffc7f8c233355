import type { Socket } from 'node:net'
import type { FastifyError } from 'fastify'
import fp from 'fastify-plugin'
import { sendText } from '../text-answer.js'

/** Turns what goes wrong into short answers: below 500 with the reason, above without, and told to the log as the bug it is. */
export default fp<{ onBug: (error: unknown) => void }>(
  async (fastify, { onBug }) => {
    fastify.setErrorHandler<FastifyError>((error, _request, reply) => {
      const status = error.statusCode ?? 500
      if (status < 500) return sendText(reply, status, error.message)
      onBug(error)
      return sendText(reply, 500, 'otad could not answer this; its log says why')
    })
    fastify.setNotFoundHandler((_request, reply) => sendText(reply, 404, 'there is nothing at this address'))
  },
  { name: 'otad-errors', fastify: '5.x' }
)

const STATUS_LINES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout'
}

/** Answers a message that is not HTTP, or too long, or too slow, and ends the connection. */
export function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  const isAnswering = socket.bytesWritten > 0 && '_httpMessage' in socket && socket._httpMessage !== null
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering) {
    socket.destroy()
    return
  }
  const status = STATUS_LINES[error.code ?? ''] ?? '400 Bad Request'
  const body = `${status}\n`
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
  )
}
