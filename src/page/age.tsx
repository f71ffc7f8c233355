import { useEffect, useState } from 'preact/hooks'
import { spokenAge } from '../words.js'
import { momentOf } from './wording.js'

const TICK_MS = 1000

/** One clock for all ages on the page. */
const tickers = new Set<() => void>()
setInterval(() => {
  for (const tick of tickers) tick()
}, TICK_MS)

/** How long ago something was, as long as it is shown. */
export function Age({ at }: { readonly at: string }) {
  const [age, setAge] = useState('')
  useEffect(() => {
    // The same text again draws nothing.
    const tick = (): void => setAge(spokenAge(Date.now() - Date.parse(at)))
    tick()
    tickers.add(tick)
    return () => void tickers.delete(tick)
  }, [at])
  return (
    <time dateTime={at} title={momentOf(at)}>
      {age || spokenAge(Date.now() - Date.parse(at))}
    </time>
  )
}
