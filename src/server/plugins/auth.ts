import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { addressOf } from '../asker.js'
import { challengeOf, judgeAuthorization } from '../authorization.js'
import type { Credentials } from '../credentials.js'
import { Nonces } from '../digest.js'
import { type FailedAuth, Refusals } from '../refusals.js'
import { sendText } from '../text-answer.js'

export interface AuthOptions {
  /** Those of this moment. */
  readonly authCredentials: () => Credentials
  readonly onAuthFailed: (failed: FailedAuth) => void
}

/**
 * Refusals in a row on one connection. esp_http_client gives up after ten retries; ESP-IDF 3.3 and 4.4 answer a 401 with the same request for
 * ever, thousands of times a second, until they are told something else (real-client.md, 1.6).
 */
const MOST_IN_A_ROW = 12

/**
 * Lets in whoever has the credentials, and asks all others for them with a 401 that leaves the connection open: esp_http_client answers on it
 * (clients.md R27).
 */
export default fp<AuthOptions>(
  async (fastify, { authCredentials, onAuthFailed }) => {
    const nonces = new Nonces(randomBytes(32))
    const opaque = randomBytes(8).toString('hex')
    const refusals = new Refusals(onAuthFailed)
    const inARow = new WeakMap<Socket, number>()
    fastify.addHook('onClose', async () => refusals.close())

    fastify.addHook('onRequest', async (request, reply) => {
      const credentials = authCredentials()
      const { scheme } = credentials
      const { method, originalUrl: target, headers } = request
      const { socket } = request.raw
      const now = performance.now()
      const device = addressOf(request)
      const asked = { authorization: headers.authorization, method, target }
      const judgement = judgeAuthorization(credentials, nonces, asked, now)
      if (judgement.is === 'let-in') {
        refusals.letIn(device)
        inARow.delete(socket)
        return
      }
      if (judgement.is === 'asked') refusals.asked(device, judgement.reason, now)
      else await sleep(refusals.refused(device, judgement.reason, now), undefined, { ref: false })

      const refused = (inARow.get(socket) ?? 0) + 1
      inARow.set(socket, refused)
      if (refused > MOST_IN_A_ROW) {
        reply.raw.shouldKeepAlive = false
        return sendText(reply, 403, `this connection was asked for credentials ${MOST_IN_A_ROW} times, in vain`)
      }
      reply.header('www-authenticate', challengeOf(scheme, nonces, opaque, judgement, performance.now()))
      return sendText(reply, 401, `firmware is for devices with credentials (${scheme}), which this request lacks`)
    })
  },
  { name: 'otad-auth', fastify: '5.x' }
)
