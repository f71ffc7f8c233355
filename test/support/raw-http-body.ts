/** How the end of a body is found (RFC 9112, section 6.3). */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'to-fin' }

/** Collects one body as it arrives and knows when it is whole. */
export interface BodyReader {
  /** Bytes taken so far; with chunked coding the framing counts too. */
  readonly received: number
  readonly complete: boolean
  take(piece: Buffer): void
  /** The body so far, without the framing, and whatever came behind its end. */
  split(): { readonly body: Buffer; readonly rest: Buffer }
}

/** Starts collecting a body of that framing. */
export function createBodyReader(framing: Framing): BodyReader {
  const pieces: Buffer[] = []
  let received = 0
  let complete = framing.kind === 'none'
  const split = () => {
    const bytes = Buffer.concat(pieces)
    if (framing.kind === 'chunked') return readChunks(bytes)
    const end = framing.kind === 'length' ? framing.length : framing.kind === 'none' ? 0 : bytes.length
    return { body: bytes.subarray(0, end), rest: bytes.subarray(end) }
  }
  const reader = {
    get received() {
      return received
    },
    get complete() {
      return complete
    },
    take(piece: Buffer) {
      pieces.push(piece)
      received += piece.length
      if (framing.kind === 'length') complete = received >= framing.length
      if (framing.kind === 'chunked') complete = readChunks(Buffer.concat(pieces)).complete
    },
    split
  }
  reader.take(Buffer.alloc(0))
  return reader
}

function readChunks(bytes: Buffer): { body: Buffer; rest: Buffer; complete: boolean } {
  const chunks: Buffer[] = []
  let offset = 0
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', offset)
    if (lineEnd < 0) break
    const length = Number.parseInt(bytes.toString('latin1', offset, lineEnd), 16)
    if (Number.isNaN(length)) throw new Error(`chunk at byte ${offset} has no length`)
    if (length === 0) {
      const end = bytes.indexOf('\r\n', lineEnd + 2)
      if (end < 0) break
      return { body: Buffer.concat(chunks), rest: bytes.subarray(end + 2), complete: true }
    }
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length))
    offset = lineEnd + 2 + length + 2
  }
  return { body: Buffer.concat(chunks), rest: Buffer.alloc(0), complete: false }
}
