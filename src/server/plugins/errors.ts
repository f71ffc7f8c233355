import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
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

/** Answers what Fastify refuses before any route or hook: a path that cannot be decoded. */
export function answerUnroutable(_error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  sendText(reply, 400, 'the path of the request cannot be decoded')
}
