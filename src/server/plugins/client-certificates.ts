import type { TLSSocket } from 'node:tls'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { sendText } from '../text-answer.js'

/** A client that firmware was not given to. */
export interface RefusedClient {
  readonly device: string
  /** OpenSSL's code for what is wrong with its certificate, or `NO_CLIENT_CERTIFICATE`. */
  readonly code: string
  readonly cause: string
}

const OF_ANOTHER_CA = 'has a client certificate of another CA'

/** What is wrong, in words that follow "it". */
const COMPLAINTS: Readonly<Record<string, string>> = {
  NO_CLIENT_CERTIFICATE: 'showed no client certificate',
  CERT_HAS_EXPIRED: 'has a client certificate that expired',
  CERT_NOT_YET_VALID: 'has a client certificate that is not valid yet',
  CERT_SIGNATURE_FAILURE: 'has a client certificate with a wrong signature',
  INVALID_PURPOSE: 'has a certificate that is not for clients',
  UNABLE_TO_GET_ISSUER_CERT: OF_ANOTHER_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: OF_ANOTHER_CA,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: OF_ANOTHER_CA,
  SELF_SIGNED_CERT_IN_CHAIN: OF_ANOTHER_CA,
  DEPTH_ZERO_SELF_SIGNED_CERT: 'has a client certificate that it signed itself'
}

/**
 * Lets in whom the client CA knows. Handshakes without a certificate succeed, and are told here what they lack: a device would print no more
 * than a number (clients.md 15.6).
 */
export default fp<{ onRefusedClient: (refused: RefusedClient) => void }>(
  async (fastify, { onRefusedClient }) => {
    fastify.addHook('onRequest', async (request, reply) => {
      const code = complaintOf(request)
      if (code === undefined) return
      const complaint = COMPLAINTS[code] ?? `has a client certificate that is not accepted (${code})`
      const device = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
      onRefusedClient({ device, code, cause: `it ${complaint}` })
      return sendText(reply, 403, `firmware is for devices with a client certificate; this one ${complaint}`)
    })
  },
  { name: 'otad-client-certificates', fastify: '5.x' }
)

/** Without TLS there is no certificate. A resumed session of TLS 1.3 counts as authorized for Node even when there never was a certificate: it has to be there. */
function complaintOf(request: FastifyRequest): string | undefined {
  const socket = request.raw.socket as TLSSocket
  if (!socket.encrypted || socket.getPeerX509Certificate() === undefined) return 'NO_CLIENT_CERTIFICATE'
  return socket.authorized ? undefined : String(socket.authorizationError)
}
