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
  /** Whether the framing makes no sense any more. */
  readonly malformed: boolean
  take(piece: Buffer): void
  /** The body so far, without the framing, and whatever came behind its end. */
  split(): { readonly body: Buffer; readonly rest: Buffer }
}

/** Starts collecting a body of that framing. */
export function createBodyReader(framing: Framing): BodyReader {
  return framing.kind === 'chunked' ? readerOfChunks() : readerOfBytes(framing)
}

function readerOfBytes(framing: Exclude<Framing, { kind: 'chunked' }>): BodyReader {
  const pieces: Buffer[] = []
  const length = framing.kind === 'length' ? framing.length : framing.kind === 'none' ? 0 : Number.POSITIVE_INFINITY
  let received = 0
  return {
    get received() {
      return received
    },
    get complete() {
      return received >= length
    },
    malformed: false,
    take(piece) {
      pieces.push(piece)
      received += piece.length
    },
    split() {
      const bytes = Buffer.concat(pieces)
      const end = Math.min(length, bytes.length)
      return { body: bytes.subarray(0, end), rest: bytes.subarray(end) }
    }
  }
}

/** Takes the framing off as it comes, so that a long body is not read again with every piece. */
function readerOfChunks(): BodyReader {
  const chunks: Buffer[] = []
  let line: Buffer = Buffer.alloc(0)
  /** Bytes of the chunk that are still to come, with the line end behind it. */
  let left = 0
  let received = 0
  let state: 'length' | 'chunk' | 'trailer' | 'complete' | 'malformed' = 'length'

  /** Reads one line behind what is held back of it; undefined until it is whole. */
  const takeLine = (): string | undefined => {
    const end = line.indexOf('\r\n')
    if (end < 0) return undefined
    const text = line.toString('latin1', 0, end)
    line = line.subarray(end + 2)
    return text
  }
  const takeChunk = (): boolean => {
    const data = Math.max(0, left - 2)
    const piece = line.subarray(0, left)
    if (data > 0) chunks.push(piece.subarray(0, data))
    line = line.subarray(piece.length)
    left -= piece.length
    if (left === 0) state = 'length'
    return left === 0
  }
  const step = (): boolean => {
    if (state === 'chunk') return takeChunk()
    if (state !== 'length' && state !== 'trailer') return false
    const text = takeLine()
    if (text === undefined) return false
    if (state === 'trailer') {
      if (text === '') state = 'complete'
      return true
    }
    const length = /^[0-9a-f]{1,8}/i.exec(text)?.[0]
    state = length === undefined ? 'malformed' : Number.parseInt(length, 16) === 0 ? 'trailer' : 'chunk'
    left = length === undefined ? 0 : Number.parseInt(length, 16) + 2
    return true
  }
  return {
    get received() {
      return received
    },
    get complete() {
      return state === 'complete'
    },
    get malformed() {
      return state === 'malformed'
    },
    take(piece) {
      received += piece.length
      line = Buffer.concat([line, piece])
      while (step()) {}
    },
    split: () => ({ body: Buffer.concat(chunks), rest: state === 'complete' ? line : Buffer.alloc(0) })
  }
}
