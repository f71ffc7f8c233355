import { useMemo, useState } from 'preact/hooks'
import type { DeskName } from '../desk/desk-facts.js'
import { counted } from '../words.js'
import { NameCard } from './name-card.js'
import { matchingNames } from './name-list.js'
import { useFirst } from './show-more.js'

/** So many names are seen at a glance. */
const MANY = 12

interface ServedProps {
  readonly names: readonly DeskName[]
  readonly onTake: (name: string) => void
}

export function Served({ names, onTake }: ServedProps) {
  const [filter, setFilter] = useState('')
  const found = useMemo(() => matchingNames(names, filter), [names, filter])
  const [shown, more] = useFirst(found)
  return (
    <section aria-labelledby="served">
      <div class="heading">
        <h2 id="served">Served</h2>
        {names.length > 1 && <span class="quiet">{counted(names.length, 'name')}</span>}
      </div>
      {names.length > MANY && (
        <input
          type="search"
          aria-label="Find a name"
          placeholder="Find a name"
          value={filter}
          onInput={event => setFilter(event.currentTarget.value)}
        />
      )}
      {names.length === 0 && <p class="empty">Nothing yet. A build shows up here as soon as it is whole.</p>}
      {names.length > 0 && found.length === 0 && <p class="empty">No name fits.</p>}
      <ul class="cards">
        {shown.map(name => (
          <NameCard key={name.name} name={name} onTake={names.length > 1 ? onTake : undefined} />
        ))}
      </ul>
      {more}
    </section>
  )
}
