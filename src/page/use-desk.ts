import { useEffect, useState } from 'preact/hooks'
import type { Announce } from './announcer.js'
import { type ConnectionState, listen } from './connection.js'
import { afterEvent, type Desk, type DeskEvent } from './desk.js'
import { newsOf } from './news.js'

export interface Watched {
  /** Undefined until otad has said anything. */
  readonly desk: Desk | undefined
  readonly connection: ConnectionState
}

/** The desk as it is, live. Events that come in between two frames are drawn together. */
export function useDesk(announce: Announce): Watched {
  const [desk, setDesk] = useState<Desk>()
  const [connection, setConnection] = useState<ConnectionState>('connecting')
  useEffect(() => {
    let known: Desk | undefined
    let waiting: DeskEvent[] = []
    let frame = 0
    const draw = (): void => {
      cancelAnimationFrame(frame)
      frame = 0
      const events = waiting
      waiting = []
      const news = newsOf(known, events)
      const before = known
      known = events.reduce(afterEvent, known)
      if (isOtherPage(before, known)) location.reload()
      setDesk(known)
      if (news !== '') announce(news)
    }
    const stop = listen({
      onState: setConnection,
      onEvent(event) {
        waiting.push(event)
        // A page that nobody looks at has no frames: events would pile up until somebody does.
        if (document.hidden) draw()
        else if (frame === 0) frame = requestAnimationFrame(draw)
      }
    })
    return () => {
      stop()
      cancelAnimationFrame(frame)
    }
  }, [announce])
  return { desk, connection }
}

/** Another otad was started in the meantime: its page may be another one too. */
function isOtherPage(before: Desk | undefined, now: Desk | undefined): boolean {
  return before !== undefined && now !== undefined && before.general.version !== now.general.version
}
