import type { Status } from '../answers.js'
import { askDaemon } from '../control/control-client.js'
import type { DeviceHistory } from '../devices/device-facts.js'
import { normalDevice } from '../devices/normal-device.js'
import { OperatorError } from '../errors.js'
import { printable, spokenDuration } from '../words.js'
import { askAgain } from './ask-again.js'
import { describeStanding, explainTimeout, fixFor, nameWanted } from './report-standing.js'
import { type Arrived, type Standing, standingOf, type Unsaid, type Wanted } from './standing.js'

export interface WaitingOptions {
  readonly wanted: Wanted
  /** Whether it is enough that it was handed all of it. */
  readonly countsDownload: boolean
  readonly timeoutMs: number
  readonly stateFolder: string
  /** Told a line whenever something is another way than before. */
  readonly tell: (line: string) => void
  readonly signal: AbortSignal
}

/** What was heard of the daemon at one time. */
interface Answer {
  readonly status: Status
  /** Those that are meant. */
  readonly devices: readonly DeviceHistory[]
}

const EVERY_MS = 250
/** A script starts otad in one line, and waits in the next. */
const START_MS = 5_000
/**
 * A build that was written just before is taken in by then: a folder is looked through every 2 s, and a file settles in 300 ms (product.md 3).
 * Until then its name may be unknown, and a device that runs the build before it is behind.
 */
const TAKE_IN_MS = 2_500
/** An answer is worth waiting for, however little time is left. */
const SHORTEST_PATIENCE_MS = 2_000
const LONGEST_PATIENCE_MS = 15_000

/**
 * Waits until a device runs the release that it would get, whichever that is by then, and over restarts of the daemon. Undefined when the signal
 * comes first.
 * @throws OperatorError when the time is over, and for a name or a device that cannot be meant
 */
export async function waitForDevice(options: WaitingOptions): Promise<Arrived | undefined> {
  const { wanted, countsDownload, timeoutMs, tell, signal } = options
  const begunAt = performance.now()
  const until = begunAt + timeoutMs
  const chronicle = createChronicle(wanted, tell)
  let isKnown = false
  let standing: Unsaid | undefined
  for await (const heard of askAgain(() => askBoth(options, until), { everyMs: EVERY_MS, signal })) {
    const now = performance.now()
    if ('away' in heard) {
      if (!isKnown && now - begunAt >= Math.min(START_MS, timeoutMs)) throw heard.away
      chronicle.tellAway(heard.away)
    } else if (heard.said.status.status !== 'starting') {
      const mayBeEarly = now - begunAt < Math.min(TAKE_IN_MS, timeoutMs)
      if (!isKnown && !mayBeEarly) {
        await expectKnown(heard.said, options)
        isKnown = true
      }
      const found = standingOf(heard.said.status, heard.said.devices, wanted)
      if (found.is === 'runs' || (found.is === 'received' && countsDownload)) {
        if (!mayBeEarly) return found
      } else {
        chronicle.tellStanding(found)
        standing = found
      }
    }
    if (now >= until) throw tooLate(options, standing, 'away' in heard ? heard.away : undefined)
  }
  return undefined
}

async function askBoth(
  { wanted: { device }, stateFolder, countsDownload }: WaitingOptions,
  until: number
): Promise<Answer> {
  const left = until - performance.now()
  const patienceMs = Math.min(LONGEST_PATIENCE_MS, Math.max(SHORTEST_PATIENCE_MS, left))
  const [status, devices] = await Promise.all([
    askDaemon(stateFolder, { command: 'status' }, patienceMs),
    // A whole download may have been followed by something else.
    askDaemon(stateFolder, { command: 'devices', history: countsDownload, device }, patienceMs)
  ])
  return { status, devices }
}

/** @throws OperatorError for a name that there is not, and for what is no device */
async function expectKnown(
  { status, devices }: Answer,
  { wanted: { name, device }, stateFolder }: WaitingOptions
): Promise<void> {
  // The daemon says which name is nearest to it.
  if (!status.names.some(known => known.name === name)) await askDaemon(stateFolder, { command: 'releases', name })
  if (normalDevice(device) !== undefined || devices.length > 0) return
  throw new OperatorError(
    'OTAD_ERR_USAGE',
    `"${printable(device)}" is no device: neither MAC, nor address, nor fingerprint of a certificate, nor the label of one that has come`,
    'otad devices lists those that have come'
  )
}

/** Tells how it goes: each thing once, until it is another. */
function createChronicle(wanted: Wanted, tell: (line: string) => void) {
  const since = Date.now()
  let release: string | undefined
  let told: string | undefined
  const tellOnce = (lines: readonly string[]): void => {
    const text = lines.join('\n')
    if (text === told) return
    told = text
    for (const line of lines) tell(line)
  }
  return {
    tellAway: ({ message }: OperatorError): void => tellOnce([`${message}: waits for it`]),
    tellStanding: (standing: Standing): void => {
      if (standing.release !== null && standing.release.digest !== release) {
        const named = nameWanted(standing.release)
        tell(
          release === undefined
            ? `waits for ${printable(wanted.device)} to run ${named}`
            : `it would get ${named} now: waits for that`
        )
        release = standing.release.digest
      }
      const fix = fixFor(standing)
      tellOnce([describeStanding(standing, wanted, since), ...(fix === undefined ? [] : [fix])])
    }
  }
}

function tooLate(
  { wanted, timeoutMs, countsDownload }: WaitingOptions,
  standing: Unsaid | undefined,
  away: OperatorError | undefined
): OperatorError {
  const what = standing?.release ? nameWanted(standing.release) : printable(wanted.name)
  const waited = timeoutMs === 0 ? '' : ` after ${spokenDuration(timeoutMs)}`
  const verb = countsDownload ? 'has not downloaded' : 'does not run'
  const { reason, hint } =
    away !== undefined
      ? { reason: away.message, hint: away.hint }
      : standing === undefined
        ? { reason: 'otad is still starting', hint: 'look at its log, or give it more time: --timeout' }
        : explainTimeout(standing, wanted)
  return new OperatorError(
    'OTAD_ERR_TIMEOUT',
    `${printable(wanted.device)} ${verb} ${what}${waited}: ${reason}`,
    hint,
    away === undefined ? undefined : { cause: away }
  )
}
