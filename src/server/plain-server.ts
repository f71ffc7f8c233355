import { createServer, type Server } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { isTls } from './client-hello.js'
import { DeviceResponse } from './device-response.js'
import { answerMalformed } from './malformed.js'

/** Node gives what could not be read with the error, which its types do not say. */
interface Unreadable extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer
}

/**
 * An HTTP server without TLS whose requests are answered by an HTTPS server: the same routes, the same limits, the same responses. Does not
 * listen yet.
 * @param checkEveryMs how often connections are looked at whose time is over
 * @param onTls one that spoke TLS to it
 */
export function createPlainServer(
  secure: HttpsServer,
  checkEveryMs: number,
  onTls: (socket: Socket, firstBytes: Buffer) => void
): Server {
  const { headersTimeout, requestTimeout, keepAliveTimeout } = secure
  const plain: Server = createServer({
    ServerResponse: DeviceResponse,
    requireHostHeader: false,
    headersTimeout,
    requestTimeout,
    keepAliveTimeout,
    connectionsCheckingInterval: checkEveryMs,
    noDelay: true
  })
  plain.on('request', (request, response) => secure.emit('request', request, response))
  plain.on('checkContinue', (request, response) => secure.emit('request', request, response))
  plain.on('clientError', (error: Unreadable, socket: Socket) => {
    const { rawPacket } = error
    if (rawPacket === undefined || !isTls(rawPacket)) return answerMalformed(error, socket)
    onTls(socket, rawPacket)
    socket.destroy()
  })
  return plain
}
