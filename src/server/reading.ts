import type { Socket } from 'node:net'
import type { RunTable } from '../runs/run-table.js'
import { bytesOnWire } from './tcp-socket.js'

/** Tells the run table what a connection says of what was sent on it: that more is asked, or how it ended. */
export class Reading {
  readonly #table: Pick<RunTable, 'asksAgain' | 'hungUp'>
  /** Bytes that had come over the wire when the last answer was over. */
  readonly #bytesBefore = new WeakMap<Socket, number | undefined>()

  constructor(table: Pick<RunTable, 'asksAgain' | 'hungUp'>) {
    this.#table = table
  }

  /** A request has come. */
  asks(socket: Socket): void {
    if (this.#bytesBefore.has(socket)) {
      this.#table.asksAgain(socket)
      return
    }
    this.#bytesBefore.set(socket, undefined)
    socket.once('close', hadError => {
      // What still came, though nothing was asked, is the goodbye of TLS.
      const saidGoodbye = bytesOnWire(socket) !== this.#bytesBefore.get(socket)
      this.#table.hungUp(socket, hadError ? 'broken' : saidGoodbye ? 'goodbye' : 'closed')
    })
  }

  /** An answer is over. */
  answered(socket: Socket): void {
    this.#bytesBefore.set(socket, bytesOnWire(socket))
  }
}
