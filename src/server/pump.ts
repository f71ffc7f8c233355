import type { ServerResponse } from 'node:http'
import { readSendQueues, type SendQueues } from './send-queues.js'

/** Bytes that can be had in pieces: in memory, or from a file. */
export interface PieceSource {
  /** All of them, when they are in memory. */
  readonly memory: Buffer | undefined
  read(offset: number, length: number): Promise<Buffer>
}

/** One body on its way to a device. */
export interface Transfer {
  readonly response: ServerResponse
  readonly source: PieceSource
  /** The bytes [start, end). */
  readonly start: number
  readonly end: number
}

/** How far a transfer has come, as far as is known while it runs. */
export interface Progress {
  /** Every byte before this has been taken by the operating system. */
  readonly taken: number
  /** No byte behind this has been; of those between the two, a connection that breaks does not tell. */
  readonly written: number
}

const SMALLEST_PIECE = 16 * 1024
const LARGEST_PIECE = 128 * 1024
/** Memory for all pieces under way together. TLS holds each piece once more, encrypted. */
const BUDGET = 16 * 1024 * 1024
/** Pieces are whole TLS records of the default size. */
const RECORD = 4096
/** A device that takes nothing at all for this long is gone; a slow one takes something (clients.md R12: erasing flash takes up to 120 s). */
const STALL_MS = 150_000
const SWEEP_MS = 5_000
/** Without a word from the stream for this long, the kernel is asked whether the device takes anything. */
const DOUBT_MS = 30_000

interface Active {
  readonly response: ServerResponse
  movedAt: number
  /** What the kernel held for it when that was last asked. */
  queue: number | undefined
}

/**
 * Sends bodies in pieces, the next one when the last has been taken ('drain'), so that memory does not grow with slow devices:
 * one large write would be encrypted at once and held for each of them (performance.md 1.2). Piece length follows from the number of
 * transfers under way.
 */
export class Pump {
  readonly #active = new Set<Active>()
  #sweep: NodeJS.Timeout | undefined

  /** Transfers under way. */
  get active(): number {
    return [...this.#active].filter(transfer => !isLost(transfer)).length
  }

  /**
   * Ends the responses whose connections have gone without a word: Node 20 now and then does not tell that one has closed which is reset while it is
   * written to.
   */
  endLost(): void {
    for (const transfer of [...this.#active]) {
      if (!isLost(transfer)) continue
      transfer.response.destroy()
      transfer.response.emit('close')
    }
  }

  /** Sends [start, end) and ends the response. A source that fails ends the connection: a device waits for ever on an open socket. */
  send({ response, source, start, end }: Transfer): Progress {
    const { memory } = source
    const length = end - start
    if (memory !== undefined && length <= SMALLEST_PIECE) {
      response.end(memory.subarray(start, end))
      return { taken: end, written: end }
    }
    const transfer: Active = { response, movedAt: performance.now(), queue: undefined }
    this.#begin(transfer)
    const progress = { taken: start, written: start }
    const step = (piece: Buffer): boolean => {
      transfer.movedAt = performance.now()
      progress.taken = progress.written
      progress.written += piece.length
      if (progress.written < end) return response.write(piece)
      response.end(piece)
      return false
    }
    const nextEnd = (): number => Math.min(end, progress.written + this.#pieceLength())
    const fromMemory = (bytes: Buffer): void => {
      while (step(bytes.subarray(progress.written, nextEnd())));
      if (progress.written < end) response.once('drain', () => fromMemory(bytes))
    }
    const fromFile = async (): Promise<void> => {
      try {
        let isTaking = true
        while (isTaking && !response.destroyed)
          isTaking = step(await source.read(progress.written, nextEnd() - progress.written))
        if (progress.written < end) response.once('drain', fromFile)
      } catch {
        response.destroy()
      }
    }
    if (memory !== undefined) fromMemory(memory)
    else void fromFile()
    return progress
  }

  #pieceLength(): number {
    const share = BUDGET / Math.max(1, this.#active.size)
    return Math.floor(Math.min(LARGEST_PIECE, Math.max(SMALLEST_PIECE, share)) / RECORD) * RECORD
  }

  #begin(transfer: Active): void {
    this.#active.add(transfer)
    transfer.response.once('close', () => this.#finish(transfer))
    this.#sweep ??= setInterval(() => void this.#cutStalled(), SWEEP_MS).unref()
  }

  #finish(transfer: Active): void {
    this.#active.delete(transfer)
    if (this.#active.size > 0) return
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }

  async #cutStalled(): Promise<void> {
    this.endLost()
    const now = performance.now()
    const doubtful = [...this.#active].filter(({ movedAt }) => now - movedAt > DOUBT_MS)
    if (doubtful.length === 0) return
    const ports = [...new Set(doubtful.map(portOf))]
    const queuesOf = new Map(await Promise.all(ports.map(async port => [port, await readSendQueues(port)] as const)))
    for (const transfer of doubtful) {
      if (isTaking(transfer, queuesOf.get(portOf(transfer)))) transfer.movedAt = now
      else if (now - transfer.movedAt > STALL_MS) transfer.response.destroy()
    }
  }
}

const isLost = ({ response }: Active): boolean => response.socket?.destroyed === true

/** A response that waits its turn on a pipelined connection has no socket yet. */
const portOf = ({ response }: Active): number => response.socket?.localPort ?? 0

/** Whether the kernel's queue for a transfer has become shorter since it was last looked at. */
function isTaking(transfer: Active, queues: SendQueues | undefined): boolean {
  const before = transfer.queue
  transfer.queue = queues?.get(transfer.response.socket?.remotePort ?? 0)
  return before !== undefined && transfer.queue !== undefined && transfer.queue < before
}
