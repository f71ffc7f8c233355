/** R37 to R39: TLS as small devices need it (clients.md 4.5), and the certificate as they look at it. */
import type { X509Certificate } from 'node:crypto'
import { type Anchors, judgeChain, matchName, namesOf } from './device-trust.js'
import { spokenVersion, type TlsFacts } from './handshake.js'
import { broken, type Judgement, judgeFaults, kept, notSeen } from './judgement.js'
import { unfinished } from './looking.js'
import type { Scene } from './scene.js'

const PLAIN = notSeen('the URL is http: there is no TLS')

/** Whether a device goes on behind the handshake: its CA. */
export function checkTrust(tls: TlsFacts | undefined, anchors: Anchors): Judgement {
  if (tls === undefined) return PLAIN
  if (tls.chain.length === 0) return notSeen('the server shows no certificate (R37)')
  const verdict = judgeChain(tls.chain, anchors)
  const by = anchors.isBundle ? 'a public authority' : 'the CA that the device holds'
  return verdict === undefined ? kept(`the certificate is by ${by}`) : broken(`${verdict.seen}: ${verdict.device}`)
}

/** Whether a device of any age finds the host of the URL in the certificate (clients.md 15.3). */
export function checkName(tls: TlsFacts | undefined, host: string): Judgement {
  const [leaf] = tls?.chain ?? []
  if (tls === undefined) return PLAIN
  if (leaf === undefined) return notSeen('the server shows no certificate')
  switch (matchName(host, leaf)) {
    case 'all':
      return kept(`${host} stands in the certificate as devices of any age read it`)
    case 'new':
      return broken(
        `${host} stands there as iPAddress alone, which mbedTLS before 3.5 does not read (${namesOf(leaf)})`
      )
    case 'none':
      return broken(`the certificate is for ${namesOf(leaf)}`)
  }
}

/** R37. */
export function checkVersions(tls: TlsFacts | undefined): Judgement {
  if (tls === undefined) return PLAIN
  const faults = tls.handshakes.flatMap(handshake => {
    const isOld = handshake.version < 'TLSv1.2'
    if (isOld === handshake.isDone)
      return [`${spokenVersion(handshake)} ${isOld ? 'is spoken' : `is not spoken (${handshake.failure})`}`]
    return []
  })
  return judgeFaults(faults, 'TLS 1.2 and 1.3, nothing older')
}

/** Most that a device with 4 KiB of input can hold of one message (clients.md R38). */
const LONGEST_CERTIFICATES = 3584
const LONGEST_CLIENT_CAS = 1024

/** R38. */
export function checkChain(tls: TlsFacts | undefined): Judgement {
  if (tls === undefined) return PLAIN
  const { flight, chain } = tls
  if (flight.certificates.length === 0) return notSeen('the chain can be read under TLS 1.2 only (R37)')
  const faults: string[] = []
  const root = chain.slice(1).find(isSelfSigned)
  if (root !== undefined) faults.push('the root is sent along')
  if (flight.certificateLength >= LONGEST_CERTIFICATES)
    faults.push(`the Certificate message has ${flight.certificateLength} bytes`)
  if ((flight.clientCaLength ?? 0) > LONGEST_CLIENT_CAS)
    faults.push(`the list of client CAs has ${flight.clientCaLength} bytes`)
  return judgeFaults(
    faults,
    `${chain.length === 1 ? 'the leaf alone' : `${chain.length} certificates`}, ${flight.certificateLength} bytes`
  )
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.issuer === certificate.subject && certificate.verify(certificate.publicKey)
}

const LARGEST_RECORD = 4096

/** R39, over everything that came: each piece off the socket is the plaintext of one record. */
export async function checkRecords(scene: Scene): Promise<Judgement> {
  if (!scene.target.isSecure) return PLAIN
  if (scene.firmware.answer === undefined) return notSeen('nothing came')
  if (unfinished(scene) === undefined) await scene.ask({ take: 8 * LARGEST_RECORD }, { maxVersion: 'TLSv1.3' })
  let largest = 0
  let received = 0
  for (const { answer } of scene.visits) {
    if (answer === undefined) continue
    largest = Math.max(largest, ...answer.reads)
    received = Math.max(received, answer.rawHead.length + answer.body.length)
  }
  if (received === 0) return notSeen('nothing came')
  if (largest > LARGEST_RECORD) return broken(`a record of ${largest} bytes`)
  return received > LARGEST_RECORD
    ? kept(`the largest record has ${largest} bytes`)
    : notSeen(`no answer has more than ${received} bytes`)
}
