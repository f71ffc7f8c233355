/** What a server says in the open of a TLS 1.2 handshake (RFC 5246, 7.4.2 and 7.4.4). */
export interface ServerFlight {
  /** The certificates in the order in which they were sent, as DER; none when the server broke off. */
  readonly certificates: readonly Buffer[]
  /** Length of the whole Certificate message; small devices have to hold it at once. */
  readonly certificateLength: number
  /** Length of the list of client CAs; undefined where no client certificate was asked for. */
  readonly clientCaLength: number | undefined
  /** Whether the server has said all that it says before the client goes on, or has refused. */
  readonly isOver: boolean
}

const RECORD = { header: 5, handshake: 22 }
const MESSAGE = { header: 4, certificate: 11, certificateRequest: 13, serverHelloDone: 14 }

/** Reads what a server has sent so far. */
export function readServerFlight(bytes: Buffer): ServerFlight {
  const { handshake, isRefused } = readRecords(bytes)
  let certificates: readonly Buffer[] = []
  let certificateLength = 0
  let clientCaLength: number | undefined
  let isOver = isRefused
  for (let offset = 0; offset + MESSAGE.header <= handshake.length; ) {
    const length = handshake.readUIntBE(offset + 1, 3)
    const body = handshake.subarray(offset + MESSAGE.header, offset + MESSAGE.header + length)
    if (body.length < length) break
    switch (handshake[offset]) {
      case MESSAGE.certificate:
        certificates = readCertificates(body)
        certificateLength = MESSAGE.header + length
        break
      case MESSAGE.certificateRequest:
        clientCaLength = readClientCaLength(body)
        break
      case MESSAGE.serverHelloDone:
        isOver = true
    }
    offset += MESSAGE.header + length
  }
  return { certificates, certificateLength, clientCaLength, isOver }
}

/** The handshake records put together, for a message may be spread over several; anything else ends the conversation. */
function readRecords(bytes: Buffer): { handshake: Buffer; isRefused: boolean } {
  const fragments: Buffer[] = []
  let isRefused = false
  for (let offset = 0; offset + RECORD.header <= bytes.length; ) {
    const length = bytes.readUInt16BE(offset + 3)
    isRefused = bytes[offset] !== RECORD.handshake
    if (isRefused) break
    fragments.push(bytes.subarray(offset + RECORD.header, offset + RECORD.header + length))
    offset += RECORD.header + length
  }
  return { handshake: Buffer.concat(fragments), isRefused }
}

function readCertificates(body: Buffer): readonly Buffer[] {
  const certificates: Buffer[] = []
  for (let offset = 3; offset + 3 <= body.length; ) {
    const length = body.readUIntBE(offset, 3)
    certificates.push(body.subarray(offset + 3, offset + 3 + length))
    offset += 3 + length
  }
  return certificates
}

/** Behind the types of certificates and the algorithms, each with its length before it. */
function readClientCaLength(body: Buffer): number {
  const algorithmsAt = 1 + (body[0] ?? 0)
  if (algorithmsAt + 2 > body.length) return 0
  const listAt = algorithmsAt + 2 + body.readUInt16BE(algorithmsAt)
  return listAt + 2 > body.length ? 0 : body.readUInt16BE(listAt)
}
