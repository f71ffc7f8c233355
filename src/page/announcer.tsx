import { createContext } from 'preact'
import { useContext, useEffect, useRef, useState } from 'preact/hooks'

/** Says something to those who listen to the page instead of looking at it. */
export type Announce = (sentence: string) => void

const Announcing = createContext<Announce>(() => undefined)

export const AnnounceWith = Announcing.Provider
export const useAnnounce = (): Announce => useContext(Announcing)

/** Between two announcements, so that one is heard before the next; what comes in between is said together. */
const PAUSE_MS = 2000

type Timer = ReturnType<typeof setTimeout>

/** What was said last, and the way to say more. */
export function useAnnouncements(): readonly [said: string, announce: Announce] {
  const [said, setSaid] = useState('')
  const waiting = useRef<string[]>([])
  const timer = useRef<Timer | undefined>(undefined)
  const speak = useRef((): void => {
    timer.current = undefined
    if (waiting.current.length === 0) return
    setSaid(waiting.current.splice(0).slice(-3).join(' '))
    timer.current = setTimeout(speak.current, PAUSE_MS)
  })
  const announce = useRef((sentence: string): void => {
    waiting.current.push(sentence)
    if (timer.current === undefined) speak.current()
  })
  useEffect(() => () => clearTimeout(timer.current), [])
  return [said, announce.current]
}
