import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ArtifactReader } from '../../releases/artifact-store.js'
import { type NameEntry, releasesOf } from '../../releases/catalog.js'
import type { Release } from '../../releases/release.js'
import type { Answering, Asker, RunTable } from '../../runs/run-table.js'
import { addressOf, identify, readAsked } from '../asker.js'
import type { Downloads } from '../downloads.js'
import { answerFirmware, type FirmwareAnswer, refuseRange } from '../firmware-answer.js'
import type { Pump } from '../pump.js'
import { bytesOnWire } from '../tcp-socket.js'

/** How the bytes of an artifact are had: touches no disk by itself. */
export type ReadArtifact = (digest: string, size: number) => ArtifactReader

/** Which build each device is on its way through. */
export interface Runs {
  readonly table: RunTable
  /** Resolves when what has begun until now outlives the process. */
  kept(): Promise<void>
}

/** A device that asked for more of a build that is not known, or not kept. */
export interface SentBack {
  readonly device: string
  readonly release: Release
  readonly reason: string
}

export interface FirmwareSenderOptions {
  readonly pump: Pump
  readonly downloads: Downloads
  readonly readArtifact: ReadArtifact
  readonly runs: Runs
  /** The release that a device is pinned to, of those of a name. */
  readonly pinnedFor: (ids: readonly string[], name: string) => string | undefined
  readonly onSentBack: (sentBack: SentBack) => void
}

declare module 'fastify' {
  interface FastifyReply {
    /** Answers a GET or HEAD for one artifact: preconditions, range, bytes. The reply is out of Fastify's hands then. */
    sendArtifact(release: Release): FastifyReply
    /** The same for a name that has a current release, of the one build that the device's earlier bytes were of. */
    sendFirmware(entry: NameEntry, current: Release): FastifyReply
  }
}

/**
 * Sends firmware past Fastify's own reply: names of the head in canonical case, bytes in pieces as the device takes them,
 * and one note of how it ended.
 */
export default fp<FirmwareSenderOptions>(
  async (fastify, { pump, downloads, readArtifact, runs, pinnedFor, onSentBack }) => {
    const reading = new Reading()

    const send = (reply: FastifyReply, release: Release, answer: FirmwareAnswer, onOver?: OnOver): void => {
      const { request, raw: response } = reply
      response.writeHead(answer.status, answer.head as string[])
      if (request.method === 'HEAD' || answer.end === answer.start) {
        if (request.method === 'HEAD') response.end()
        else response.end(answer.text)
        return
      }
      const source = readArtifact(release.digest, release.size)
      const startedAt = performance.now()
      // 'close' comes exactly once, whoever hangs up.
      response.once('close', () => {
        source.close()
        const wasCut = !response.writableFinished
        const end = wasCut ? progress.taken : answer.end
        onOver?.(end, wasCut)
        downloads.note({
          device: addressOf(request),
          userAgent: request.headers['user-agent'] ?? '',
          release,
          isRange: answer.status === 206,
          start: answer.start,
          end,
          wasCut,
          durationMs: performance.now() - startedAt
        })
      })
      const progress = pump.send({ response, source, start: answer.start, end: answer.end })
    }

    /** What one request gets: of which release, and what to note of it as a run. */
    const choose = (request: FastifyRequest, asker: Asker, entry: NameEntry, newest: Release, find: Find): Chosen => {
      const answerWith = (release: Release): FirmwareAnswer =>
        answerFirmware(request, release, 'revalidate', Date.now())
      const asked = readAsked(request)
      if (asked === undefined) return { release: newest, answer: answerWith(newest) }
      const { name, generations } = entry
      const choice = runs.table.choose(asker, asked, { name, current: newest, hadOthers: generations > 1, find })
      if (choice.is === 'refused') {
        onSentBack({ device: addressOf(request), release: newest, reason: choice.reason })
        return { release: newest, answer: refuseRange(choice.reason, newest.size) }
      }
      const release = find(choice.digest) ?? newest
      const answer = answerWith(release)
      const isBegun = answer.status === 200 || answer.status === 206
      return isBegun ? { release, answer, answering: choice.begin(answer.start, answer.end) } : { release, answer }
    }

    fastify.decorateReply('sendArtifact', function (this: FastifyReply, release: Release) {
      const answer = answerFirmware(this.request, release, 'immutable', Date.now())
      this.hijack()
      send(this, release, answer)
      return this
    })

    fastify.decorateReply('sendFirmware', function (this: FastifyReply, entry: NameEntry, current: Release) {
      const { request } = this
      const { ids, ...asker } = identify(request)
      reading.asksAgain(request.raw.socket)
      const kept = releasesOf(entry)
      const find: Find = digest => kept.find(release => release.digest === digest)
      const pinned = pinnedFor(ids, entry.name)
      const newest = (pinned === undefined ? undefined : find(pinned)) ?? current
      const { release, answer, answering } = choose(request, asker, entry, newest, find)
      this.hijack()
      if (answering === undefined) {
        send(this, release, answer)
        return this
      }
      const onOver: OnOver = (end, wasCut) => {
        answering.finish(end)
        if (wasCut) return
        const { socket } = request.raw
        reading.sentOn(socket, isLikely => runs.table.confirm(socket, asker, entry.name, isLikely))
      }
      if (!answering.mustBeKept) send(this, release, answer, onOver)
      else
        void runs.kept().then(() => {
          if (this.raw.destroyed) answering.finish(answer.start)
          else send(this, release, answer, onOver)
        })
      return this
    })
  },
  { name: 'otad-firmware-sender', fastify: '5.x' }
)

type Find = (digest: string) => Release | undefined
/** An answer is over; `end` is how far it came. */
type OnOver = (end: number, wasCut: boolean) => void

interface Chosen {
  readonly release: Release
  readonly answer: FirmwareAnswer
  readonly answering?: Answering
}

/** `isLikely` where the other end closed the connection without a word, as ESP-IDF does, and as something that was killed does. */
type Confirm = (isLikely: boolean) => void

/**
 * Tells when what was sent to its end on a connection has been read: when more is asked on it, or the other end says goodbye in TLS. A reset
 * tells nothing.
 */
class Reading {
  readonly #sent = new WeakMap<Socket, { readonly confirm: Confirm; readonly bytesBefore: number | undefined }>()

  sentOn(socket: Socket, confirm: Confirm): void {
    const isFirst = !this.#sent.has(socket)
    this.#sent.set(socket, { confirm, bytesBefore: bytesOnWire(socket) })
    if (isFirst) socket.once('close', hadError => this.#isClosed(socket, hadError))
  }

  asksAgain(socket: Socket): void {
    const sent = this.#sent.get(socket)
    if (sent === undefined) return
    sent.confirm(false)
    this.#sent.set(socket, { ...sent, confirm: () => {} })
  }

  #isClosed(socket: Socket, hadError: boolean): void {
    const sent = this.#sent.get(socket)
    // What still came, though nothing was asked, is the goodbye of TLS.
    if (!hadError) sent?.confirm(bytesOnWire(socket) === sent.bytesBefore)
  }
}
