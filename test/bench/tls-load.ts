import { constants } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connectTo, createContext, describeNegotiated, type Target } from './connection.js'
import type { HandshakesJob } from './load-job.js'
import { createTally, type Load, repeatUntil, type Tally } from './load-tally.js'

/** Clients that only shake hands. They run in the load process. */
export function createHandshakes(job: HandshakesJob): Load {
  const context = createContext(
    readFileSync(job.ca),
    job.protocol,
    job.session === 'full' ? constants.SSL_OP_NO_TICKET : 0
  )
  const lanes = Array.from({ length: job.lanes }, () => createLane(job, context))
  return {
    run: async seconds => {
      const tally = createTally()
      const until = performance.now() + seconds * 1000
      await Promise.all(lanes.map(shake => repeatUntil(until, tally, () => shake(tally))))
      return tally
    },
    close: () => {}
  }
}

/** The first connection of a lane that resumes brings its ticket; that is while warming up. */
function createLane({ port, session: wanted }: HandshakesJob, context: Target['context']) {
  let session: Buffer | undefined

  return async (tally: Tally): Promise<void> => {
    const offered = session
    const lacksSession = wanted === 'resumed' && offered === undefined
    const shaken = await shakeHands({ port, context, ...(offered && { session: offered }) }, lacksSession)
    if (shaken.resumed !== (offered !== undefined)) {
      session = undefined
      throw new Error(offered === undefined ? 'a session was resumed unasked' : 'the session was not resumed')
    }
    if (lacksSession) session = shaken.session
    tally.negotiated = shaken.negotiated
    tally.answered++
  }
}

interface Handshake {
  readonly resumed: boolean
  readonly negotiated: string
  readonly session: Buffer | undefined
}

/**
 * Ends the connection in order and waits until the server has done so too. In TLS 1.3, and wherever a session is
 * resumed, the client has finished before the server has: one that vanished then would measure half a handshake.
 */
function shakeHands(target: Target, awaitsSession: boolean): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const socket = connectTo(target)
    let shaken: Omit<Handshake, 'session'> | undefined
    let session: Buffer | undefined
    const endWhenDone = (): void => {
      if (shaken === undefined || (session === undefined && awaitsSession)) return
      // From within the event of the session OpenSSL sends no close-notify, and s_server answers that with an alert.
      setImmediate(() => socket.end())
    }
    socket.on('secureConnect', () => {
      shaken = { resumed: socket.isSessionReused(), negotiated: describeNegotiated(socket) }
      endWhenDone()
    })
    socket.on('session', ticket => {
      session = ticket
      endWhenDone()
    })
    socket.on('error', reject)
    socket.on('close', () => {
      if (shaken === undefined) reject(new Error('the server closed the connection within the handshake'))
      else resolve({ ...shaken, session })
    })
    // Unread, the end of the connection would never be seen.
    socket.resume()
  })
}
