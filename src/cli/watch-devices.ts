import type { DeviceHistory } from '../devices/device-facts.js'
import type { OperatorError } from '../errors.js'
import { clockTime } from '../words.js'
import { askAgain, type Heard } from './ask-again.js'
import type { Io } from './io.js'
import { beginRedrawing } from './redraw.js'
import { countDevices } from './report-devices.js'

export interface Watched {
  /** The devices that are watched, as they are now. */
  readonly ask: () => Promise<readonly DeviceHistory[]>
  readonly io: Pick<Io, 'stdout' | 'stderr' | 'terminalRows' | 'signal' | 'unread'>
}

const EVERY_MS = 500
/** Whoever starts otad anew is done by then, and nobody wants to look at what was for longer. */
const PATIENCE_MS = 60_000

/**
 * Shows a page on the terminal and keeps it up to date until somebody stops it; the last one stays behind. A daemon that goes away is said, and
 * waited for a while.
 * @throws OperatorError when there is none at the start, or it does not come back
 */
export async function watchOnTerminal(
  { ask, io }: Watched,
  write: (devices: readonly DeviceHistory[], now: number) => string
): Promise<0> {
  let devices = await ask()
  const screen = beginRedrawing(io.stdout, io.terminalRows)
  const show = (away?: OperatorError): void => {
    const now = Date.now()
    const state = away === undefined ? countDevices(devices) : `${away.message}: waiting for it`
    screen.show(`${clockTime(now)}  ${state}   (Ctrl-C ends)\n\n${write(devices, now)}`)
  }
  try {
    show()
    for await (const heard of askPatiently(ask, io)) {
      if ('said' in heard) devices = heard.said
      show('away' in heard ? heard.away : undefined)
    }
  } finally {
    screen.end()
    io.stdout(write(devices, Date.now()))
  }
  return 0
}

/**
 * Prints a line for each device, and again whenever it has become another one, until somebody stops it or nobody reads it any more.
 * @param print how a line is put out: what is added here is no change
 * @throws OperatorError when there is no daemon at the start, or it does not come back
 */
export async function watchInLines(
  { ask, io }: Watched,
  write: (device: DeviceHistory) => string,
  print: (line: string) => string
): Promise<0> {
  let told: ReadonlyMap<string, string> = new Map()
  const tell = (devices: readonly DeviceHistory[]): void => {
    // The one that was seen last comes last.
    const lines = new Map([...devices].reverse().map(device => [device.id, write(device)]))
    for (const [id, line] of lines) if (told.get(id) !== line) io.stdout(`${print(line)}\n`)
    // Those that the daemon has forgotten are forgotten here.
    told = lines
  }
  tell(await ask())
  let isAway = false
  for await (const heard of askPatiently(ask, io)) {
    if ('said' in heard) tell(heard.said)
    else if (!isAway) io.stderr(`otad: ${heard.away.message}: waiting for it\n`)
    isAway = 'away' in heard
  }
  return 0
}

/** Asks on while the daemon is away, but not for ever. */
async function* askPatiently(
  ask: Watched['ask'],
  { signal, unread }: Watched['io']
): AsyncGenerator<Heard<readonly DeviceHistory[]>, void, void> {
  let heardAt = performance.now()
  const asked = askAgain(ask, { everyMs: EVERY_MS, signal: AbortSignal.any([signal, unread]) })
  for await (const heard of asked) {
    if ('said' in heard) heardAt = performance.now()
    else if (performance.now() - heardAt > PATIENCE_MS) throw heard.away
    yield heard
  }
}
