import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import path from 'node:path'
import { OperatorError, systemErrorCode } from '../errors.js'
import { socketOf } from '../releases/state-socket.js'
import { printable } from '../words.js'
import { type Answers, type ControlRequest, readResponse, writeRequest } from './protocol.js'

/** A daemon that starts answers when it has begun to serve. */
const PATIENCE_MS = 15_000
/** Ten thousand names with ten releases each fit several times. */
const LONGEST_RESPONSE = 512 * 1024 * 1024

/**
 * Asks the daemon that uses a state folder.
 * @throws OperatorError when there is none, it cannot be talked to, or it says that the thing cannot be done
 */
export async function askDaemon<R extends ControlRequest>(
  stateFolder: string,
  request: R,
  patienceMs = PATIENCE_MS
): Promise<Answers[R['command']]> {
  const home = path.dirname(stateFolder)
  const until = Date.now() + patienceMs
  const connection = await open(stateFolder, home)
  const patience = setTimeout(() => connection.destroy(), patienceMs)
  let line: string | undefined
  try {
    connection.write(writeRequest(request, until))
    line = await readLine(connection)
  } finally {
    clearTimeout(patience)
    connection.destroy()
  }
  if (line === undefined) throw Date.now() < until ? hungUp(home) : silent(home)
  const response = readResponse(line)
  if (response === undefined) throw stranger(home)
  if ('ok' in response) return response.ok as Answers[R['command']]
  const { code, message, hint } = response.error
  if (code === undefined) throw new Error(`${printable(message)}: ${printable(hint)}`)
  throw new OperatorError(code, printable(message), printable(hint))
}

async function open(stateFolder: string, home: string): Promise<Socket> {
  const connection = connect(socketOf(stateFolder))
  try {
    await once(connection, 'connect')
    // What goes wrong from here on shows as a line that does not come.
    connection.on('error', () => {})
    return connection
  } catch (error) {
    connection.destroy()
    throw unreachable(home, error)
  }
}

/** The first line of the other end, or undefined when it ends without one. */
function readLine(connection: Socket): Promise<string | undefined> {
  return new Promise(resolve => {
    const pieces: Buffer[] = []
    let length = 0
    connection.on('data', (piece: Buffer) => {
      const end = piece.indexOf('\n')
      pieces.push(end === -1 ? piece : piece.subarray(0, end))
      length += piece.length
      if (end !== -1) resolve(Buffer.concat(pieces).toString('utf8'))
      else if (length > LONGEST_RESPONSE) connection.destroy()
    })
    connection.once('close', () => resolve(undefined))
  })
}

function unreachable(home: string, cause: unknown): OperatorError {
  const code = systemErrorCode(cause)
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ECONNREFUSED':
      return new OperatorError(
        'OTAD_ERR_NOT_RUNNING',
        `no otad is running with the home ${home}`,
        `start it: otad serve --home ${home}; or name the home of the one that runs: --home DIR`,
        { cause }
      )
    case 'EACCES':
    case 'EPERM':
      return new OperatorError(
        'OTAD_ERR_NOT_RUNNING',
        `the otad with the home ${home} belongs to another user: only the user who started it can ask it`,
        'ask as that user',
        { cause }
      )
    default:
      return new OperatorError(
        'OTAD_ERR_NOT_RUNNING',
        `the otad with the home ${home} cannot be reached (${code ?? String(cause)})`,
        'try again; otad serve says where it listens, and why it cannot',
        { cause }
      )
  }
}

function silent(home: string): OperatorError {
  return new OperatorError(
    'OTAD_ERR_NOT_RUNNING',
    `the otad with the home ${home} does not answer`,
    'it may be just starting, or its disk be slow: look at its log before you ask again'
  )
}

function hungUp(home: string): OperatorError {
  return new OperatorError(
    'OTAD_ERR_NOT_RUNNING',
    `the otad with the home ${home} hung up before it answered`,
    'it may be stopping: look at its log'
  )
}

function stranger(home: string): OperatorError {
  return new OperatorError(
    'OTAD_ERR_NOT_RUNNING',
    `what runs with the home ${home} is no otad of this version`,
    'use the otad that was started, or stop it and start this one'
  )
}
