import { describe, expect, it } from 'vitest'
import { LogReader } from '../../src/explain/read-log.js'

function linesOf(...pieces: readonly Uint8Array[]): readonly (readonly [number: number, text: string])[] {
  const reader = new LogReader()
  const lines = pieces.flatMap(piece => [...reader.push(piece)])
  return [...lines, ...reader.end()].map(({ number, text }) => [number, text] as const)
}

describe('LogReader', () => {
  it('counts lines as an editor does, empty ones too', () => {
    expect(linesOf(Buffer.from('a\n\nb\r\nc'))).toEqual([
      [1, 'a'],
      [3, 'b'],
      [4, 'c']
    ])
  })

  it('gives the same lines however the bytes are cut', () => {
    const bytes = Buffer.from('I (1) a: größer\r\nE (2) b: ±\r\nlast')
    const whole = linesOf(bytes)
    expect(linesOf(...[...bytes].map(byte => Uint8Array.of(byte)))).toEqual(whole)
    expect(whole).toHaveLength(3)
  })

  it('reads what PowerShell writes, UTF-16 in either order', () => {
    const little = Buffer.from('\ufeffE (1) boot: x\r\ny', 'utf16le')
    expect(linesOf(little)).toEqual([
      [1, 'E (1) boot: x'],
      [2, 'y']
    ])
    expect(linesOf(Buffer.from(little).swap16())).toEqual(linesOf(little))
  })

  it('takes each part of a progress display for a line of the same number', () => {
    expect(linesOf(Buffer.from('10 %\r20 %\r30 %\nE (1) a: b'))).toEqual([
      [1, '10 %'],
      [1, '20 %'],
      [1, '30 %'],
      [2, 'E (1) a: b']
    ])
  })

  it('goes on behind bytes that are no UTF-8', () => {
    const noise = Uint8Array.of(0xff, 0x00, 0x9d, 0xc0, 0x0a)
    expect(linesOf(Buffer.concat([Uint8Array.of(0x72), noise, Buffer.from('E (1) a: b')])).at(-1)).toEqual([
      2,
      'E (1) a: b'
    ])
  })

  it('keeps the beginning of an endless line, and the line behind it', () => {
    const lines = linesOf(Buffer.from(`${'x'.repeat(1_000_000)}\nend`))
    expect(lines[0]?.[1].length).toBeLessThanOrEqual(2000)
    expect(lines[1]).toEqual([2, 'end'])
  })

  it('has nothing to say of an empty log', () => {
    expect(linesOf()).toEqual([])
    expect(linesOf(Buffer.alloc(0))).toEqual([])
  })
})
