/** What the first message of a TLS client says about it (RFC 5246, 7.4.1.2; RFC 8446, 4.1.2). */
export interface ClientHello {
  /** The highest version that it offers, as TLS numbers them: 0x0301 is TLS 1.0, 0x0304 is TLS 1.3. */
  readonly maxVersion: number
  readonly cipherSuites: readonly number[]
  readonly servername: string | undefined
  /** Bytes of the records that it can take, where it asks for less than 16 KiB (RFC 6066, 4). */
  readonly maxFragmentLength: number | undefined
  /** The groups that it offers for the key exchange; undefined when it does not say. */
  readonly groups: readonly number[] | undefined
}

const HANDSHAKE = 22
const CLIENT_HELLO = 1
const EXTENSION = { serverName: 0, maxFragmentLength: 1, supportedGroups: 10, supportedVersions: 43 } as const

/** Whether bytes begin as a TLS record of a handshake does. */
export function isTls(bytes: Buffer): boolean {
  return bytes[0] === HANDSHAKE && (bytes[1] === undefined || bytes[1] === 3)
}

/** Whether the first handshake message is there to its end. What is no ClientHello is: TLS says what is wrong with it. */
export function isWholeHello(bytes: Buffer): boolean {
  const message = withoutRecords(bytes)
  if (message.length === 0) return bytes.length > LONGEST_HELLO
  if (message[0] !== CLIENT_HELLO || bytes.length > LONGEST_HELLO) return true
  return message.length >= 4 && message.length >= 4 + message.readUIntBE(1, 3)
}

/** Far more than any client sends, post-quantum keys included. */
const LONGEST_HELLO = 64 * 1024

/**
 * Reads a ClientHello out of the first bytes of a connection; undefined when they are none. Of one that is cut, what is there is read:
 * it serves to explain, and TLS itself reads it again.
 */
export function readClientHello(bytes: Buffer): ClientHello | undefined {
  const reader = new Reader(withoutRecords(bytes))
  if (reader.number(1) !== CLIENT_HELLO) return undefined
  reader.number(3)
  const version = reader.number(2)
  if (version === undefined) return undefined
  reader.bytes(32)
  reader.vector(1)
  const cipherSuites = numbers(reader.vector(2))
  reader.vector(1)
  const extensions = readExtensions(reader.vector(2))
  const versions = numbers(extensions.get(EXTENSION.supportedVersions)?.subarray(1)).filter(isVersion)
  const groups = extensions.get(EXTENSION.supportedGroups)
  return {
    maxVersion: Math.max(version, ...versions),
    cipherSuites,
    servername: readServername(extensions.get(EXTENSION.serverName)),
    maxFragmentLength: readMaxFragmentLength(extensions.get(EXTENSION.maxFragmentLength)),
    groups: groups === undefined ? undefined : numbers(groups.subarray(2))
  }
}

/** GREASE values (RFC 8701) are no versions. */
const isVersion = (version: number): boolean => version >= 0x0300 && version <= 0x0304

/** The handshake message, which may stand in several records; a client that asks for small ones sends it so. */
function withoutRecords(bytes: Buffer): Buffer {
  const pieces: Buffer[] = []
  for (let offset = 0; offset + 5 <= bytes.length && bytes[offset] === HANDSHAKE; ) {
    const end = offset + 5 + bytes.readUInt16BE(offset + 3)
    pieces.push(bytes.subarray(offset + 5, end))
    offset = end
  }
  return Buffer.concat(pieces)
}

function readExtensions(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const extensions = new Map<number, Buffer>()
  const reader = new Reader(bytes)
  for (let type = reader.number(2); type !== undefined; type = reader.number(2)) extensions.set(type, reader.vector(2))
  return extensions
}

/** The first entry of the list that is a host name (RFC 6066, 3). */
function readServername(extension: Buffer | undefined): string | undefined {
  if (extension === undefined) return undefined
  const reader = new Reader(extension.subarray(2))
  if (reader.number(1) !== 0) return undefined
  const name = reader.vector(2).toString('latin1')
  return name === '' ? undefined : name
}

function readMaxFragmentLength(extension: Buffer | undefined): number | undefined {
  const code = extension?.[0]
  return code !== undefined && code >= 1 && code <= 4 ? 256 << code : undefined
}

function numbers(bytes: Buffer | undefined): number[] {
  const found: number[] = []
  if (bytes !== undefined) for (let at = 0; at + 2 <= bytes.length; at += 2) found.push(bytes.readUInt16BE(at))
  return found
}

/** Reads what is there and never past the end. */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  number(length: 1 | 2 | 3): number | undefined {
    if (this.#at + length > this.#bytes.length) return undefined
    this.#at += length
    return this.#bytes.readUIntBE(this.#at - length, length)
  }

  bytes(length: number): Buffer {
    const found = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += found.length
    return found
  }

  /** Bytes with their length before them. */
  vector(lengthBytes: 1 | 2): Buffer {
    return this.bytes(this.number(lengthBytes) ?? 0)
  }
}
