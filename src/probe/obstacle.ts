import { type Handshake, spokenVersion, type TlsFacts } from './handshake.js'

/** What keeps a device from asking anything at all, and what puts it right. */
export interface Obstacle {
  readonly seen: string
  readonly fix: string
}

/** Why no TLS session comes about as a device begins one; undefined where one does, whatever the certificate is. */
export function findObstacle({ handshakes, flight }: TlsFacts): Obstacle | undefined {
  const own = handshakes.find(({ version }) => version === 'TLSv1.2')
  if (own === undefined || own.isDone) return undefined
  if (flight.clientCaLength !== undefined)
    return {
      seen: 'the server lets nobody in without a client certificate, and the probe has none',
      fix: 'probe it where it does not ask for one'
    }
  const spoken = handshakes.filter(({ isDone }) => isDone).map(spokenVersion)
  if (spoken.length > 0)
    return {
      seen: `the server speaks ${spoken.join(' and ')} alone, and devices TLS 1.2: mbedTLS 2.x has no 1.3, and ESP-IDF leaves it off`,
      fix: 'let the server speak TLS 1.2 too'
    }
  return explainSilence(own)
}

function explainSilence({ failure = '' }: Handshake): Obstacle {
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH/.test(failure))
    return { seen: 'what listens there speaks no TLS', fix: 'write http://, or let the server speak TLS' }
  const seen =
    failure === 'ABORT_ERR'
      ? 'the server leaves the handshake unanswered'
      : `the server ends the handshake (${failure})`
  return { seen, fix: 'let the server speak TLS 1.2 with ECDHE and AES, to whatever name a device calls it by' }
}
