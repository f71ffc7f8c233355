import type { DeskName } from '../desk/desk-facts.js'
import { pathOf } from '../releases/path-of.js'

/** Names as they are looked for. */
export function inAlphabet(names: ReadonlyMap<string, DeskName> = new Map()): readonly DeskName[] {
  return [...names.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

/** The name whose URL is shown: the one that was chosen as long as it is there, else what was published last. */
export function chosenOf(names: readonly DeskName[], chosen: string | undefined): DeskName | undefined {
  return names.find(({ name }) => name === chosen) ?? newest(names, 1)[0] ?? names[0]
}

/** Names that are served, what was published last first. */
export function newest(names: readonly DeskName[], count: number): readonly DeskName[] {
  return names
    .filter(({ current }) => current !== null)
    .sort((a, b) => Date.parse(b.current?.publishedAt ?? '') - Date.parse(a.current?.publishedAt ?? ''))
    .slice(0, count)
}

/** Where a name is found, as seen from the page itself: never on another server, whatever the name is. */
export function hrefOf(name: string): string {
  return `.${pathOf(name)}`
}

/** Names in which every word of what was typed occurs somewhere. */
export function matchingNames(names: readonly DeskName[], typed: string): readonly DeskName[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return names
  return names.filter(({ name, current }) => {
    const text = [name, current?.version, current?.chip, current?.project].join('\n').toLowerCase()
    return words.every(word => text.includes(word))
  })
}
