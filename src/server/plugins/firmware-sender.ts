import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ArtifactReader } from '../../releases/artifact-store.js'
import { type NameEntry, releasesOf } from '../../releases/catalog.js'
import type { Release } from '../../releases/release.js'
import type { Answering, RunTable } from '../../runs/run-table.js'
import { type ArduinoClient, answerArduino, fileSystemNames, isFileSystem } from '../arduino.js'
import { addressOf, type Identified, identify, readAsked } from '../asker.js'
import type { Downloads } from '../downloads.js'
import {
  answerFirmware,
  answerUnchanged,
  answerVersion,
  type FirmwareAnswer,
  type Freshness,
  refuseRange,
  withDigests
} from '../firmware-answer.js'
import type { LiveDownloads, Sending } from '../live-downloads.js'
import type { Progress, Pump } from '../pump.js'
import { Reading } from '../reading.js'
import { sendText } from '../text-answer.js'
import type { Visit } from '../visit.js'

/** How the bytes of an artifact are had: touches no disk by itself. */
export type ReadArtifact = (digest: string, size: number) => ArtifactReader

/** Which build each device is on its way through. */
export interface Runs {
  readonly table: RunTable
  /** Resolves when what has begun until now outlives the process. */
  kept(): Promise<void>
}

/** Somebody begins to be sent a release. */
export interface Begun extends Sending {
  readonly start: number
}

/** A device that asked for more of a build that is not known, or not kept. */
export interface SentBack extends Sending {
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
  readonly live: LiveDownloads
  /** A body of firmware begins to go out, from this byte on. */
  readonly onBegun: (begun: Begun) => void
  readonly onVisit: (visit: Visit) => void
  readonly onBug: (error: unknown) => void
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
  async (fastify, { pump, downloads, live, readArtifact, runs, pinnedFor, onBegun, onVisit, onSentBack, onBug }) => {
    const reading = new Reading(runs.table)

    const send = (reply: FastifyReply, about: About, answer: FirmwareAnswer, onOver: OnOver): void => {
      const { request, raw: response } = reply
      const { release } = about
      response.writeHead(answer.status, answer.head as string[])
      if (request.method === 'HEAD' || answer.end === answer.start) {
        if (request.method === 'HEAD') response.end()
        else response.end(answer.text)
        if (answer.status === 304) downloads.noteNone(about, 'unchanged')
        else onVisit({ ...about, is: 'head', name: release.name })
        return
      }
      const source = readArtifact(release.digest, release.size)
      const startedAt = performance.now()
      // 'close' comes exactly once, whoever hangs up.
      response.once('close', () => {
        source.close()
        const wasCut = !response.writableFinished
        const { taken, written } = wasCut ? progress : { taken: answer.end, written: answer.end }
        isOver(taken, wasCut)
        onOver({ taken, written, wasCut, durationMs: performance.now() - startedAt })
      })
      const progress = pump.send({ response, source, start: answer.start, end: answer.end })
      const isOver = live.begin(about, answer.start, answer.status === 206, progress)
      onBegun({ ...about, start: answer.start })
    }

    /** Takes note of how an answer with firmware in it ended. */
    const noting = (about: About, { status, start }: FirmwareAnswer): OnOver => {
      const isRange = status === 206
      return ({ taken, wasCut, durationMs }) =>
        downloads.note({ ...about, isRange, start, end: taken, wasCut, durationMs })
    }

    /** What one request gets: of which release, and what to note of it as a run. */
    const choose = (
      request: FastifyRequest,
      asker: Identified,
      entry: NameEntry,
      newest: Release,
      find: Find
    ): Chosen => {
      const answerWith = (release: Release): FirmwareAnswer => answerOf(request, asker, release, 'revalidate')
      const asked = readAsked(request)
      if (asked === undefined) return { release: newest, answer: answerWith(newest) }
      const { name, generations } = entry
      const choice = runs.table.choose(asker, asked, { name, current: newest, hadOthers: generations > 1, find })
      if (choice.is === 'refused') {
        onSentBack({ ...aboutOf(request, asker, newest), reason: choice.reason })
        return { release: newest, answer: refuseRange(choice.reason, newest.size) }
      }
      const release = find(choice.digest) ?? newest
      const answer = answerWith(release)
      const isBegun = answer.status === 200 || answer.status === 206
      if (isBegun) return { release, answer, answering: choice.begin(answer.start, answer.end) }
      if (answer.status === 416)
        onVisit({ ...aboutOf(request, asker, release), is: 'sent-back', name: release.name, answer: BEHIND_END })
      return { release, answer }
    }

    /** The file system of an app, for those who ask at the address of the app. */
    const sendFileSystem = (reply: FastifyReply, { name }: NameEntry): FastifyReply => {
      const names = fileSystemNames(name)
      const answer = (): FastifyReply => {
        for (const other of names) {
          const entry = fastify.currentCatalog().entry(other)
          if (entry?.current !== undefined && isFileSystem(entry.current))
            return reply.sendFirmware(entry, entry.current)
        }
        return sendText(
          reply,
          404,
          `no file system for ${name}: none of ${names.join(', ')} is served (--kinds allows them)`
        )
      }
      const restoring = names.map(other => fastify.restored(other)).filter(promise => promise !== undefined)
      if (restoring.length === 0) return answer()
      Promise.all(restoring).then(answer, error => reply.send(error))
      return reply
    }

    /** Answers HTTPUpdate where what it tells of itself decides: it begins no run then. Undefined where it gets what everybody gets. */
    const sendToArduino = (reply: FastifyReply, client: ArduinoClient, entry: NameEntry, about: About) => {
      const { release } = about
      const is = answerArduino(client, release)
      if (is === 'image') return undefined
      if (is === 'other-image') return sendFileSystem(reply, entry)
      if (is === 'no-room') downloads.noteNone(about, is)
      reply.hijack()
      // To one without room nothing is noted of the bytes: how many the system has taken when it hangs up behind the head tells nothing.
      send(reply, about, ANSWERS[is](reply.request, release), () => {})
      return reply
    }

    fastify.decorateReply('sendArtifact', function (this: FastifyReply, release: Release) {
      const asker = identify(this.request)
      const answer = answerOf(this.request, asker, release, 'immutable')
      const about = aboutOf(this.request, asker, release)
      this.hijack()
      send(this, about, answer, noting(about, answer))
      return this
    })

    fastify.decorateReply('sendFirmware', function (this: FastifyReply, entry: NameEntry, current: Release) {
      const { request } = this
      const asker = identify(request)
      reading.asks(request.raw.socket)
      const kept = releasesOf(entry)
      const find: Find = digest => kept.find(release => release.digest === digest)
      const pinned = pinnedFor(asker.ids, entry.name)
      const newest = (pinned === undefined ? undefined : find(pinned)) ?? current
      // None of these clients asks for ranges; one that does is another, and gets what it asks for.
      if (asker.arduino !== undefined && request.headers.range === undefined) {
        const answered = sendToArduino(this, asker.arduino, entry, aboutOf(request, asker, newest))
        if (answered !== undefined) return answered
      }
      const { release, answer, answering } = choose(request, asker, entry, newest, find)
      const about = aboutOf(request, asker, release)
      const note = noting(about, answer)
      this.hijack()
      if (answering === undefined) {
        send(this, about, answer, note)
        return this
      }
      const onOver: OnOver = over => {
        // Not `taken`: the device can have more than is known of, and would not be known again with it.
        answering.finish(over.written, over.wasCut)
        note(over)
        reading.answered(request.raw.socket)
      }
      if (!answering.mustBeKept) send(this, about, answer, onOver)
      else
        runs
          .kept()
          .then(() => {
            if (this.raw.destroyed) answering.finish(answer.start)
            else send(this, about, answer, onOver)
          })
          // Nobody else hears of it any more, and a device waits for ever on an open socket.
          .catch(error => {
            this.raw.destroy()
            onBug(error)
          })
      return this
    })
  },
  { name: 'otad-firmware-sender', fastify: '5.x', dependencies: ['otad-catalog'] }
)

const BEHIND_END = 'it asked for bytes behind the end of this build: those that it has are of another one'

/** Who was answered about which release. */
type About = Sending

function aboutOf(request: FastifyRequest, { recipient, arduino }: Identified, release: Release): About {
  return { device: addressOf(request), recipient, client: arduino, release }
}

function answerOf(request: FastifyRequest, { arduino }: Identified, release: Release, freshness: Freshness) {
  const answer = answerFirmware(request, release, freshness, Date.now())
  return arduino === undefined ? answer : withDigests(answer, release)
}

/** What HTTPUpdate gets that gets no image. */
const ANSWERS: Readonly<
  Record<'version' | 'unchanged' | 'no-room', (request: FastifyRequest, release: Release) => FirmwareAnswer>
> = {
  version: (_request, release) => answerVersion(release),
  unchanged: (_request, release) => answerUnchanged(release, Date.now()),
  'no-room': (request, release) => withDigests(answerFirmware(request, release, 'revalidate', Date.now()), release)
}

type Find = (digest: string) => Release | undefined
/** How an answer ended, and how far it came. */
interface Over extends Progress {
  readonly wasCut: boolean
  readonly durationMs: number
}
type OnOver = (over: Over) => void

interface Chosen {
  readonly release: Release
  readonly answer: FirmwareAnswer
  readonly answering?: Answering
}
