// Who guesses has to wait, who is let in never does, and the log tells of those who had nothing to show.
import { describe, expect, it, onTestFinished } from 'vitest'
import { type FailedAuth, Refusals } from '../../src/server/refusals.js'

const AT = 1_000_000
const wrong = 'wrong password'

function watched() {
  const told: FailedAuth[] = []
  const refusals = new Refusals(failed => told.push(failed))
  onTestFinished(() => refusals.close())
  return { refusals, told }
}

describe('wrong credentials', () => {
  it('are answered at once three times, then later and later, and never later than a client waits for a head', () => {
    const { refusals, told } = watched()
    const delays = Array.from({ length: 12 }, (_, nth) => refusals.refused('10.0.0.5', wrong, AT + nth))
    expect(delays).toEqual([0, 0, 0, 100, 200, 400, 800, 1000, 1000, 1000, 1000, 1000])
    expect(told).toHaveLength(12)
  })

  it('of one address make no other wait', () => {
    const { refusals } = watched()
    for (let nth = 0; nth < 50; nth++) refusals.refused('10.0.0.5', wrong, AT)
    expect(refusals.refused('10.0.0.6', wrong, AT)).toBe(0)
  })

  it('are forgotten when the address is let in, and after a minute of silence', () => {
    const { refusals } = watched()
    for (let nth = 0; nth < 9; nth++) refusals.refused('10.0.0.5', wrong, AT)
    refusals.letIn('10.0.0.5')
    expect(refusals.refused('10.0.0.5', wrong, AT)).toBe(0)
    for (let nth = 0; nth < 9; nth++) refusals.refused('10.0.0.5', wrong, AT)
    expect(refusals.refused('10.0.0.5', wrong, AT + 60_001)).toBe(0)
  })

  it('of more addresses than it remembers are told all the same', () => {
    const { refusals, told } = watched()
    for (let nth = 0; nth < 5_000; nth++) refusals.refused(`device ${nth}`, wrong, AT)
    expect(told).toHaveLength(5_000)
    // The first is forgotten by then, the last is not.
    for (let nth = 0; nth < 3; nth++) refusals.refused('device 4999', wrong, AT)
    expect(refusals.refused('device 4999', wrong, AT)).toBeGreaterThan(0)
  })
})

describe('one who is asked for credentials', () => {
  it('is not told of when it comes back with them', () => {
    const { refusals, told } = watched()
    refusals.asked('10.0.0.5', 'no credentials', AT)
    refusals.letIn('10.0.0.5')
    refusals.close()
    expect(told).toEqual([])
  })

  it('is told of when it does not, once, with what it lacked first', () => {
    const { refusals, told } = watched()
    for (const reason of ['no credentials', 'stale nonce', 'no credentials']) refusals.asked('10.0.0.5', reason, AT)
    refusals.close()
    refusals.close()
    expect(told).toEqual([{ device: '10.0.0.5', reason: 'no credentials' }])
  })

  it('is told of when it is one of more than can be remembered', () => {
    const { refusals, told } = watched()
    for (let nth = 0; nth < 3_000; nth++) refusals.asked(`device ${nth}`, 'no credentials', AT)
    refusals.close()
    expect(new Set(told.map(({ device }) => device)).size).toBe(3_000)
  })

  it('has told by itself when it comes back with wrong ones', () => {
    const { refusals, told } = watched()
    refusals.asked('10.0.0.5', 'no credentials', AT)
    refusals.refused('10.0.0.5', wrong, AT)
    refusals.close()
    expect(told).toEqual([{ device: '10.0.0.5', reason: wrong }])
  })
})
