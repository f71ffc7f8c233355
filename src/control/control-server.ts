import type { Socket } from 'node:net'
import { OperatorError } from '../errors.js'
import type { Operations } from '../operations.js'
import {
  type ControlRequest,
  type ControlResponse,
  LONGEST_REQUEST,
  malformed,
  readRequest,
  writeResponse
} from './protocol.js'

export interface ControlOptions {
  readonly operations: Operations
  readonly onBug: (error: unknown) => void
  /** For a whole request to come, and for its response to be taken. */
  readonly patienceMs?: number
}

const PATIENCE_MS = 10_000
const LINE_END = 0x0a

/** Reads one request from a connection, does what it asks, and answers. Whatever the other end does harms nobody else. */
export function serveControl(
  connection: Socket,
  { operations, onBug, patienceMs = PATIENCE_MS }: ControlOptions
): void {
  const pieces: Buffer[] = []
  let length = 0
  let hasAll = false
  let patience = setTimeout(() => connection.destroy(), patienceMs).unref()
  connection.on('error', () => {})
  connection.once('close', () => clearTimeout(patience))

  const answer = (response: ControlResponse): void => {
    if (connection.destroyed) return
    patience = setTimeout(() => connection.destroy(), patienceMs).unref()
    connection.end(writeResponse(response))
  }

  /** From here on what comes is let through and not looked at, so that the end of the connection is noticed. */
  const stopReading = (): void => {
    hasAll = true
    pieces.length = 0
    clearTimeout(patience)
  }

  connection.on('data', (piece: Buffer) => {
    if (hasAll) return
    const end = piece.indexOf(LINE_END)
    length += end === -1 ? piece.length : end + 1
    if (length > LONGEST_REQUEST) {
      stopReading()
      answer({ error: malformed(`it is longer than ${LONGEST_REQUEST} bytes`) })
      return
    }
    pieces.push(end === -1 ? piece : piece.subarray(0, end))
    if (end === -1) return
    const line = Buffer.concat(pieces).toString('utf8')
    stopReading()
    void respond(line, operations, onBug).then(answer)
  })
  connection.once('end', () => {
    if (hasAll) return
    stopReading()
    answer({ error: malformed('it ends before its line does') })
  })
}

/** Never rejects. */
async function respond(
  line: string,
  operations: Operations,
  onBug: (error: unknown) => void
): Promise<ControlResponse> {
  const read = readRequest(line, Date.now())
  if ('error' in read) return read
  try {
    return { ok: await operate(operations, read.request) }
  } catch (error) {
    if (error instanceof OperatorError) return { error: { code: error.code, message: error.message, hint: error.hint } }
    onBug(error)
    return { error: { message: 'the running otad has met a bug of its own', hint: 'its log has the lines to report' } }
  }
}

function operate(operations: Operations, request: ControlRequest): Promise<unknown> {
  switch (request.command) {
    case 'status':
      return operations.status()
    case 'releases':
      return operations.releases(request.name)
    case 'rollback':
      return operations.rollback(request.name, request.release, request.hold)
    case 'pin':
      return operations.pin(request.device, request.release)
    case 'unpin':
      return operations.unpin(request.what, request.name)
    case 'devices':
      return operations.devices(request.history, request.device)
  }
}
