import { createSecureContext, type SecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls'

/** A certificate with what links it to its root, and its key; both PEM. */
export interface CertificatePair {
  readonly certificate: string
  readonly key: string
}

/** What TLS is served with. */
export interface TlsCredentials extends CertificatePair {
  /** Certificates whose clients are asked for one of theirs, PEM. */
  readonly clientCa: string | undefined
  /** 48 bytes that session tickets are sealed with. */
  readonly ticketKeys: Buffer
}

/** The certificate for a name that a client asks for, where it is not the common one. */
export type LeafFor = (
  servername: string,
  device: string
) => CertificatePair | Promise<CertificatePair | undefined> | undefined

export interface Tls {
  readonly options: TlsOptions
  /** The options for other credentials; leaves are served under these from then on. */
  renew(credentials: TlsCredentials): SecureContextOptions
}

/** AEAD with forward secrecy only; GCM first, which chips have hardware for. TLS 1.3 suites first for those who have it. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305'
].join(':')

/** X25519 first: a handshake costs this side a quarter less than with P-256 (npm run bench -- --only handshake); all of mbedTLS speaks both. */
const CURVES = 'X25519:P-256:P-384:P-521'

/** Seconds that a session can be resumed for: as long as its ticket keys live. */
const SESSION_SECONDS = 24 * 60 * 60

/** How the server speaks TLS: what it offers, and which certificate each client is shown. */
export function createTls(first: TlsCredentials, leafFor: LeafFor): Tls {
  let contexts = new WeakMap<CertificatePair, SecureContext>()
  let credentials = first
  const contextOf = (leaf: CertificatePair): SecureContext => {
    const known = contexts.get(leaf)
    if (known !== undefined) return known
    const made = createSecureContext(contextOptions({ ...credentials, ...leaf }))
    contexts.set(leaf, made)
    return made
  }
  return {
    options: {
      ...contextOptions(first),
      // Asked for and not demanded: whoever has none gets a 403 that says so (clients.md 15.6).
      requestCert: first.clientCa !== undefined,
      rejectUnauthorized: false,
      SNICallback(this: unknown, servername, done) {
        const leaf = leafFor(servername, deviceOf(this))
        if (leaf === undefined) done(null)
        else if (leaf instanceof Promise)
          leaf.then(
            made => (made === undefined ? done(null) : done(null, contextOf(made))),
            () => done(null)
          )
        else done(null, contextOf(leaf))
      }
    },
    renew: renewed => {
      credentials = renewed
      contexts = new WeakMap()
      return contextOptions(renewed)
    }
  }
}

function contextOptions({ certificate, key, clientCa, ticketKeys }: TlsCredentials): SecureContextOptions {
  return {
    cert: certificate,
    key,
    // Without any, Node would load the roots of the whole web, which verify nothing here.
    ca: clientCa ?? certificate,
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    honorCipherOrder: true,
    ecdhCurve: CURVES,
    ticketKeys,
    sessionTimeout: SESSION_SECONDS,
    // Node would make it from the command line: a restart with another flag would end all sessions.
    sessionIdContext: 'otad'
  }
}

/** Node calls back on the socket, which its types do not say. */
function deviceOf(socket: unknown): string {
  const address = typeof socket === 'object' && socket !== null && 'remoteAddress' in socket ? socket.remoteAddress : ''
  return String(address ?? '').replace(/^::ffff:/, '')
}
