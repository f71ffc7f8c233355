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

/** Takes what a server says as it comes: however small the pieces are, each byte is looked at once. */
export interface FlightReader {
  readonly flight: ServerFlight
  take(piece: Buffer): void
}

const RECORD = { header: 5, handshake: 22 }
const MESSAGE = { header: 4, certificate: 11, certificateRequest: 13, serverHelloDone: 14 }
/** Room for every certificate that a device could hold, many times over: whoever says more has said enough. */
const LONGEST_FLIGHT = 256 * 1024

/** Reads the flight of one connection. */
export function createFlightReader(): FlightReader {
  const records = createShelf()
  const messages = createShelf()
  let flight: ServerFlight = { certificates: [], certificateLength: 0, clientCaLength: undefined, isOver: false }

  /** Bytes of the record that are still to come. */
  let left = 0

  /** Handshake records are put together, for a message may be spread over several; anything else ends the conversation. */
  const takeHeader = (): boolean => {
    const header = records.front(RECORD.header)
    if (header === undefined) return false
    if (header[0] === RECORD.handshake) left = header.readUInt16BE(3)
    else flight = { ...flight, isOver: true }
    records.drop(RECORD.header)
    return !flight.isOver
  }
  const takeFragment = (): boolean => {
    const fragment = records.upTo(left)
    messages.put(fragment)
    records.drop(fragment.length)
    left -= fragment.length
    return left === 0
  }
  const takeMessage = (): boolean => {
    const header = messages.front(MESSAGE.header)
    const message = header && messages.front(MESSAGE.header + header.readUIntBE(1, 3))
    if (message === undefined) return false
    flight = { ...flight, ...readMessage(message) }
    messages.drop(message.length)
    return true
  }
  return {
    get flight() {
      return flight
    },
    take(piece) {
      const hasRoom = records.put(piece)
      while (!flight.isOver && (left > 0 || takeHeader()) && takeFragment()) {}
      while (takeMessage()) {}
      if (!hasRoom) flight = { ...flight, isOver: true }
    }
  }
}

/** Bytes in the order in which they came, read from the front; LONGEST_FLIGHT of them in all. */
function createShelf() {
  const bytes = Buffer.alloc(LONGEST_FLIGHT)
  let [start, end] = [0, 0]
  return {
    /** Keeps what there is room for, and says whether that was all. */
    put(piece: Buffer): boolean {
      const copied = piece.copy(bytes, end)
      end += copied
      return copied === piece.length
    },
    front: (length: number): Buffer | undefined =>
      end - start < length ? undefined : bytes.subarray(start, start + length),
    upTo: (length: number): Buffer => bytes.subarray(start, Math.min(end, start + length)),
    drop(length: number): void {
      start += length
    }
  }
}

function readMessage(message: Buffer): Partial<ServerFlight> {
  const body = message.subarray(MESSAGE.header)
  switch (message[0]) {
    case MESSAGE.certificate:
      return { certificates: readCertificates(body), certificateLength: message.length }
    case MESSAGE.certificateRequest:
      return { clientCaLength: readClientCaLength(body) }
    case MESSAGE.serverHelloDone:
      return { isOver: true }
    default:
      return {}
  }
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
