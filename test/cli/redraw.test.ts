import { describe, expect, it } from 'vitest'
import { beginRedrawing, fitInto } from '../../src/cli/redraw.js'

describe('fitInto', () => {
  it('shows a page as it is where it fits, and else says how much is not shown', () => {
    expect(fitInto('a\nb\nc\n', 3)).toEqual(['a', 'b', 'c'])
    expect(fitInto('a\nb\nc\nd\n', 3)).toEqual(['a', 'b', '… 2 lines more'])
  })
})

describe('beginRedrawing', () => {
  it('draws a page in one write, and the same page once', () => {
    const written: string[] = []
    const screen = beginRedrawing(
      text => written.push(text),
      () => 24
    )
    screen.show('one\ntwo\n')
    screen.show('one\ntwo\n')
    screen.end()
    expect(written).toEqual([
      '\u001b[?1049h\u001b[?25l\u001b[?7l',
      '\u001b[Hone\u001b[K\ntwo\u001b[K\u001b[J',
      '\u001b[?7h\u001b[?25h\u001b[?1049l'
    ])
  })
})
