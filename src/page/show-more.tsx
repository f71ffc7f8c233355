import { useState } from 'preact/hooks'

/** Rows of a long list that are drawn at first, and once more with each press: thousands would make every change slow. */
const STEP = 25

/** The first of many, and the button that adds more of them. */
export function useFirst<Thing>(
  things: readonly Thing[],
  step = STEP
): readonly [first: readonly Thing[], more: preact.VNode | null] {
  const [count, setCount] = useState(step)
  const hidden = things.length - count
  const more =
    hidden <= 0 ? null : (
      <button type="button" class="more" onClick={() => setCount(count + step)}>
        Show {Math.min(step, hidden)} more of {hidden}
      </button>
    )
  return [things.slice(0, count), more]
}
