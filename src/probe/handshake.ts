import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { addAbortSignal } from 'node:stream'
import {
  connect as connectTls,
  type DetailedPeerCertificate,
  rootCertificates,
  type SecureVersion,
  type TLSSocket
} from 'node:tls'
import { deviceHello } from './hello.js'
import { createFlightReader, type ServerFlight } from './server-flight.js'
import type { Target } from './target.js'

/** How a handshake with one version of TLS alone went. */
export interface Handshake {
  readonly version: SecureVersion
  readonly isDone: boolean
  /** Node's code, where it failed. */
  readonly failure: string | undefined
}

/** All that is to be seen of a server before HTTP begins. */
export interface TlsFacts {
  readonly handshakes: readonly Handshake[]
  /** Without certificates where the server does not speak TLS 1.2, in which they are to be read in the open. */
  readonly flight: ServerFlight
  /** The certificates that it shows, the leaf first. */
  readonly chain: readonly X509Certificate[]
}

/** A version as people write it. */
export function spokenVersion({ version }: Handshake): string {
  return version === 'TLSv1' ? 'TLS 1.0' : version.replace('TLSv', 'TLS ')
}

const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const
const PATIENCE_MS = 10_000

export interface TlsOptions {
  /** For what the server says to a hello as a whole, and for each handshake. */
  readonly patienceMs?: number
  /** Ends it: what was seen until then is given back. */
  readonly signal?: AbortSignal | undefined
}

/** Listens to what the server says to the hello of a device, and shakes hands once for each version of TLS; no request is sent. */
export async function readTls(
  target: Target,
  { patienceMs = PATIENCE_MS, signal }: TlsOptions = {}
): Promise<TlsFacts> {
  const until = (): AbortSignal => {
    const timeout = AbortSignal.timeout(patienceMs)
    return signal === undefined ? timeout : AbortSignal.any([timeout, signal])
  }
  const flight = await hearFlight(target, until())
  const handshakes: Handshake[] = []
  let shown: readonly X509Certificate[] = []
  for (const version of VERSIONS) {
    // Whoever leaves one handshake unanswered is not waited for with every other version.
    const isSilent = handshakes.at(-1)?.failure === SILENT.failure
    const { failure, chain } = isSilent ? SILENT : await shakeHands(target, version, until())
    handshakes.push({ version, isDone: failure === undefined, failure })
    if (chain.length > 0) shown = chain
  }
  const chain = flight.certificates.length > 0 ? readable(flight.certificates) : shown
  return { handshakes, flight, chain }
}

/** Says hello as a device does, and hangs up when the server has shown its certificates. */
async function hearFlight({ host, port }: Target, until: AbortSignal): Promise<ServerFlight> {
  const socket = connectTcp({ host, port })
  const reader = createFlightReader()
  socket.on('error', () => {})
  // As a whole: one that says a byte now and then is no better than one that says nothing.
  addAbortSignal(until, socket)
  socket.write(deviceHello(host))
  socket.on('data', piece => {
    reader.take(piece)
    if (reader.flight.isOver) socket.destroy()
  })
  // Not `once`, which rejects with whatever ends the connection.
  await new Promise(resolve => socket.once('close', resolve))
  return reader.flight
}

interface Shaken {
  readonly failure: string | undefined
  readonly chain: readonly X509Certificate[]
}

const SILENT: Shaken = { failure: 'ABORT_ERR', chain: [] }

async function shakeHands({ host, port }: Target, version: SecureVersion, until: AbortSignal): Promise<Shaken> {
  const socket = connectTls({
    host,
    port,
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    // OpenSSL 3 has the old versions only without a floor; what the server agrees to is the question here.
    ...(version < 'TLSv1.2' && { ciphers: 'DEFAULT@SECLEVEL=0' })
  })
  socket.on('error', () => {})
  // As in raw-http: devices send the host of the URL, an address too.
  ;(socket as unknown as { setServername(name: string): void }).setServername(host)
  try {
    await once(socket, 'secureConnect', { signal: until })
    return { failure: undefined, chain: shownBy(socket) }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { failure: code ?? message, chain: [] }
  } finally {
    socket.destroy()
  }
}

/** The certificates of an open connection, the leaf first; the trust store of Node may have put its root behind them. */
export function shownBy(socket: TLSSocket): readonly X509Certificate[] {
  const chain: Buffer[] = []
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
  while (certificate?.raw !== undefined && !chain.includes(certificate.raw)) {
    chain.push(certificate.raw)
    certificate = certificate.issuerCertificate === certificate ? undefined : certificate.issuerCertificate
  }
  return readable(chain)
}

/** The public authorities, as ESP-IDF's certificate bundle has them too. */
export function publicRoots(): readonly X509Certificate[] {
  return readable(rootCertificates)
}

/** What is no certificate is left out: a device could not read it either. */
export function readable(chain: readonly (Buffer | string)[]): readonly X509Certificate[] {
  return chain.flatMap(certificate => {
    try {
      return [new X509Certificate(certificate)]
    } catch {
      return []
    }
  })
}
