import type { DeskEvents } from '../desk/desk-facts.js'
import type { DeskEvent } from './desk.js'

/** Whether what the page shows is so now. */
export type ConnectionState =
  | 'connecting'
  | 'live'
  | 'lost'
  /** It wants credentials and was given none. To try again would ask the person for them again. */
  | 'not-allowed'

export interface ConnectionListener {
  readonly onEvent: (event: DeskEvent) => void
  readonly onState: (state: ConnectionState) => void
}

const KINDS = ['desk', 'names', 'devices', 'downloads'] as const satisfies readonly (keyof DeskEvents)[]

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 5000
/** A page that nobody looks at lets go of its connection after this long: a browser has six to one server, for all its windows. */
const UNSEEN_MS = 30_000
/** A connection whose other end has vanished without a word looks like a quiet one: after so long without an event the page asks. */
const QUIET_MS = 15_000

/**
 * Listens to otad as long as somebody looks at the page, and connects again by itself whenever that ends, at growing intervals: a browser
 * gives up for good where it gets another answer than it hoped for. Gives back what ends it.
 */
export function listen({ onEvent, onState }: ConnectionListener): () => void {
  let source: EventSource | undefined
  let retry: ReturnType<typeof setTimeout> | undefined
  let unseen: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  let heardAt = performance.now()

  const close = (): void => {
    clearTimeout(retry)
    source?.close()
    source = undefined
  }
  const lose = (): void => {
    close()
    onState('lost')
    retry = setTimeout(open, Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures++))
  }
  const onError = async ({ currentTarget }: Event): Promise<void> => {
    // Closed for good: there was an answer, and it was another one than events.
    const isAnswered = source?.readyState === EventSource.CLOSED
    if (currentTarget !== source) return
    if (isAnswered && (await wantsCredentials())) {
      close()
      onState('not-allowed')
    } else lose()
  }
  const hear = (event: DeskEvent): void => {
    heardAt = performance.now()
    if (event.is === 'desk') {
      failures = 0
      onState('live')
    }
    onEvent(event)
  }
  const open = (): void => {
    close()
    // When somebody looks again, it is opened.
    if (document.hidden) return
    heardAt = performance.now()
    source = new EventSource('events')
    source.addEventListener('error', onError)
    for (const is of KINDS) source.addEventListener(is, ({ data }) => hear({ is, data: JSON.parse(data) } as DeskEvent))
  }
  const look = (): void => {
    clearTimeout(unseen)
    if (document.hidden) unseen = setTimeout(close, UNSEEN_MS)
    else if (source === undefined) open()
  }
  const ask = async (): Promise<void> => {
    if (source === undefined || document.hidden || performance.now() - heardAt < QUIET_MS) return
    const asked = source
    const answers = await fetch('health', { cache: 'no-store', signal: AbortSignal.timeout(QUIET_MS / 3) }).then(
      () => true,
      () => false
    )
    if (answers) heardAt = performance.now()
    else if (source === asked) lose()
  }

  const asking = setInterval(ask, QUIET_MS / 3)
  document.addEventListener('visibilitychange', look)
  addEventListener('online', open)
  open()
  return () => {
    clearInterval(asking)
    document.removeEventListener('visibilitychange', look)
    removeEventListener('online', open)
    clearTimeout(unseen)
    close()
  }
}

/** Asked without credentials, so that the browser does not ask the person for them. */
async function wantsCredentials(): Promise<boolean> {
  return fetch('events', { method: 'HEAD', credentials: 'omit', cache: 'no-store' }).then(
    ({ status }) => status === 401 || status === 403,
    () => false
  )
}
