/** The clients of the bench, run by load-process.ts in a process of its own. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SecureContext } from 'node:tls'
import { type Answer, type Ask, type Connection, createContext, openConnection } from './connection.js'
import type { ArrivalsJob, FromLoad, LoadJob, LoadReport, RequestsJob, ToLoad } from './load-job.js'
import { createTally, FAILURES_TOLD, type Load, noteFailure, repeatUntil, type Tally } from './load-tally.js'
import { createHandshakes } from './tls-load.js'

const WARM_UP_SECONDS = 0.2

let prepared: { load: Load; seconds: number; warmUp: LoadReport } | undefined

process.on('message', (message: ToLoad) => {
  if (message.type === 'prepare') void prepare(message.job)
  else void go()
})
process.on('disconnect', () => process.exit())
// Ctrl-C reaches the whole group of processes; the bench itself ends this one.
process.on('SIGINT', () => {})

async function prepare(job: LoadJob): Promise<void> {
  const load = createLoad(job)
  const warmUp = job.kind === 'arrivals' ? createTally() : await load.run(WARM_UP_SECONDS)
  prepared = { load, seconds: job.seconds, warmUp }
  tell({ type: 'ready' })
}

async function go(): Promise<void> {
  if (prepared === undefined) throw new Error('go came before prepare')
  const { load, seconds, warmUp } = prepared
  const report = await load.run(seconds)
  load.close()
  // What is answered while warming up is not measured, but a byte that is wrong there is as wrong as any.
  const wrong = report.wrong + warmUp.wrong
  const failed = report.failed + warmUp.failed
  const failures = [...warmUp.failures, ...report.failures].slice(0, FAILURES_TOLD)
  tell({ type: 'report', report: { ...report, wrong, failed, failures } })
}

function tell(message: FromLoad): void {
  process.send?.(message)
}

function createLoad(job: LoadJob): Load {
  switch (job.kind) {
    case 'requests':
      return createRequests(job)
    case 'arrivals':
      return createArrivals(job)
    case 'handshakes':
      return createHandshakes(job)
  }
}

function createRequests(job: RequestsJob): Load {
  const image = readFileSync(job.image)
  const context = createContext(readFileSync(job.ca), job.protocol)
  const lanes = Array.from({ length: job.lanes }, (_, index) => createLane({ job, image, context, index }))
  return {
    run: async seconds => {
      const tally = createTally()
      const until = performance.now() + seconds * 1000
      await Promise.all(lanes.map(lane => lane.run(until, tally)))
      return tally
    },
    close: () => {
      for (const lane of lanes) lane.close()
    }
  }
}

interface LaneOptions {
  readonly job: RequestsJob
  readonly image: Buffer
  readonly context: SecureContext
  readonly index: number
}

function createLane({ job, image, context, index }: LaneOptions) {
  let kept: Connection | undefined
  let session: Buffer | undefined
  let turn = index

  const connect = async (tally: Tally): Promise<Connection> => {
    if (kept !== undefined) return kept
    const connection = await openConnection({ port: job.port, context, ...(session && { session }) })
    if (job.connection === 'resumed') {
      if (session === undefined) session = connection.session
      else if (!connection.resumed) {
        connection.close()
        session = undefined
        throw new Error('the session was not resumed')
      }
    }
    tally.negotiated = connection.negotiated
    if (job.connection === 'kept') kept = connection
    return connection
  }

  const once = async (tally: Tally): Promise<void> => {
    const { status, ask } = planRequest(job, image, turn++)
    const connection = await connect(tally)
    try {
      count(tally, await connection.ask(ask), status)
    } catch (error) {
      kept?.close()
      kept = undefined
      throw error
    } finally {
      if (connection !== kept) connection.close()
    }
  }

  return {
    run: (until: number, tally: Tally) => repeatUntil(until, tally, () => once(tally)),
    close: () => kept?.close()
  }
}

function planRequest(job: RequestsJob, image: Buffer, turn: number): { status: number; ask: Ask } {
  if (job.rangeLength === 'whole') return { status: 200, ask: { path: job.path, expected: image } }
  const start = (turn % Math.floor(image.length / job.rangeLength)) * job.rangeLength
  return { status: 206, ask: planRange(job.path, image, start, job.rangeLength) }
}

function planRange(path: string, image: Buffer, start: number, length: number): Ask {
  const expected = image.subarray(start, start + length)
  return { path, expected, fields: `Range: bytes=${start}-${start + expected.length - 1}\r\n` }
}

function createArrivals(job: ArrivalsJob): Load {
  const image = readFileSync(job.image)
  const context = createContext(readFileSync(job.ca), job.protocol)

  const arrive = async (index: number, tally: Tally): Promise<void> => {
    const beganAt = performance.now()
    const localAddress = `127.1.${(index >> 7) & 255}.${(index & 127) + 1}`
    const connection = await openConnection({ port: job.port, context, localAddress })
    try {
      const answer = await connection.ask(planRange(job.path, image, 0, job.rangeLength))
      count(tally, answer, 206)
      tally.firstByteMs.push(answer.firstByteAt - beganAt)
      tally.negotiated = connection.negotiated
    } finally {
      connection.close()
    }
  }

  return {
    run: async seconds => {
      const tally = createTally()
      const arrivals: Promise<void>[] = []
      const beganAt = performance.now()
      for (let index = 0; index < seconds * job.perSecond; index++) {
        // By the clock and not by pauses, so that a slow server does not thin out those who come.
        await sleep(Math.max(0, beganAt + (index * 1000) / job.perSecond - performance.now()))
        arrivals.push(arrive(index, tally).catch((error: Error) => noteFailure(tally, error.message)))
      }
      await Promise.all(arrivals)
      return tally
    },
    close: () => {}
  }
}

function count(tally: Tally, answer: Answer, status: number): void {
  if (answer.status !== status) throw new Error(`status ${answer.status}, expected ${status}`)
  tally.answered++
  tally.bodyLength += answer.bodyLength
  if (!answer.right) tally.wrong++
}
