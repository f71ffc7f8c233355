import { distance } from 'fastest-levenshtein'

/** Names compared at most: a folder of ten thousand images must not make one wrong request expensive. */
const MOST_COMPARED = 1000

/**
 * The one of the known words that somebody who typed `word` probably meant, or undefined when none is close:
 * at most a third of its letters may differ, or two that changed places.
 */
export function nearestTo(word: string, known: Iterable<string>): string | undefined {
  if (word.length > 255) return undefined
  let best: string | undefined
  let bestDistance = Math.max(word.length > 3 ? 2 : 1, Math.floor(word.length / 3)) + 1
  let compared = 0
  for (const candidate of known) {
    if (++compared > MOST_COMPARED) break
    const letters = distance(word.toLowerCase(), candidate.toLowerCase())
    if (letters < bestDistance) {
      best = candidate
      bestDistance = letters
    }
  }
  return best
}
