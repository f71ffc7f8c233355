import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Candidate, IntakeDoors, Outcome } from '../../src/watch/candidate.js'
import { Intake } from '../../src/watch/intake.js'
import type { CandidateReading } from '../../src/watch/read-candidate.js'

/** A file as the intake sees it: what stands in it now, and which state that is. */
interface PretendFile {
  reading: CandidateReading
}

type Step = readonly [step: string, what: string]

const candidate: Candidate = { name: 'a.bin', file: '/build/a.bin', folder: '/build' }
const SETTLE_MS = 120
const AWAY_MS = 200

/** Text in a file: `whole …` proves that it is complete, `fine …` is servable without proof, anything else is refused. */
const holding = (text: string, key = text): CandidateReading => ({
  outcome: 'read',
  key,
  bytes: Buffer.from(text),
  changedAt: Date.now()
})

function createIntake(
  file: PretendFile,
  outcome: () => Outcome = () => 'done'
): { intake: Intake<string>; steps: Step[]; readings: () => number } {
  const steps: Step[] = []
  let readings = 0
  const doors: IntakeDoors<string> = {
    read: async (_candidate, knownKey) => {
      readings++
      const { reading } = file
      return 'key' in reading && reading.key === knownKey ? { outcome: 'unchanged' } : reading
    },
    judge: (_candidate, bytes) => {
      const verdict = bytes.toString()
      return { isServable: /^(whole|fine)/.test(verdict), isSelfContained: verdict.startsWith('whole'), verdict }
    },
    accept: async (_candidate, _bytes, verdict) => {
      steps.push(['accept', verdict])
      return outcome()
    },
    refuse: async (_candidate, _bytes, verdict) => {
      steps.push(['refuse', verdict])
      return 'done'
    },
    refuseTooLarge: async (_candidate, size) => {
      steps.push(['too large', String(size)])
      return 'done'
    },
    withdraw: async name => {
      steps.push(['withdraw', name])
      return 'done'
    },
    tellUnreadable: (_candidate, reason) => steps.push(['unreadable', reason]),
    tellStillChanging: () => steps.push(['changing', '']),
    tellBug: error => steps.push(['bug', String(error)])
  }
  const intake = new Intake(doors, { settleMs: SETTLE_MS, awayMs: AWAY_MS })
  onTestFinished(() => intake.close())
  return { intake, steps, readings: () => readings }
}

describe('the intake', () => {
  it('accepts at once what proves to be whole', async () => {
    const { intake, steps } = createIntake({ reading: holding('whole 1') })
    intake.see(candidate)
    await intake.idle()
    expect(steps).toEqual([['accept', 'whole 1']])
  })

  it('waits until anything else has held still, then accepts or refuses it', async () => {
    for (const [text, step] of [
      ['fine 1', 'accept'],
      ['broken', 'refuse']
    ] as const) {
      const { intake, steps } = createIntake({ reading: holding(text) })
      intake.see(candidate)
      await intake.idle()
      expect(steps).toEqual([])
      await expect.poll(() => steps).toEqual([[step, text]])
    }
  })

  it('does not wait for a file that has been still since long before', async () => {
    const { intake, steps } = createIntake({
      reading: { ...holding('broken'), changedAt: Date.now() - 60_000 } as CandidateReading
    })
    intake.see(candidate)
    await intake.idle()
    expect(steps).toEqual([['refuse', 'broken']])
  })

  it('never counts a state that was gone before it had settled', async () => {
    const file = { reading: holding('half') }
    const { intake, steps } = createIntake(file)
    intake.see(candidate)
    await intake.idle()
    file.reading = holding('whole 2')
    intake.see(candidate)
    await expect.poll(() => steps).toEqual([['accept', 'whole 2']])
    await pause(2 * SETTLE_MS)
    expect(steps).toEqual([['accept', 'whole 2']])
  })

  it('finds out by itself when the event of the last write was lost', async () => {
    const file = { reading: holding('half') }
    const { intake, steps } = createIntake(file)
    intake.see(candidate)
    await intake.idle()
    file.reading = holding('whole 3')
    await expect.poll(() => steps).toEqual([['accept', 'whole 3']])
  })

  it('does not judge the same state twice, however often it is told', async () => {
    const file = { reading: holding('whole 1') }
    const { intake, steps } = createIntake(file)
    for (let times = 0; times < 5; times++) {
      intake.see(candidate)
      await intake.idle()
      await pause(10)
    }
    expect(steps).toEqual([['accept', 'whole 1']])
    expect(intake.hasJudged('a.bin', 'whole 1')).toBe(true)
  })

  it('looks at a burst of events a few times, not once for each', async () => {
    const { intake, readings } = createIntake({ reading: holding('whole 1') })
    for (let event = 0; event < 1000; event++) intake.see(candidate)
    await intake.idle()
    expect(readings()).toBeLessThan(4)
  })

  it('tries again when the disk would not have it', async () => {
    let isFull = true
    const { intake, steps } = createIntake({ reading: holding('whole 1') }, () => (isFull ? 'later' : 'done'))
    intake.see(candidate)
    await intake.idle()
    expect(intake.hasJudged('a.bin', 'whole 1')).toBe(false)
    isFull = false
    intake.see(candidate)
    await expect.poll(() => steps).toHaveLength(2)
    expect(intake.hasJudged('a.bin', 'whole 1')).toBe(true)
  })

  it('withdraws a name whose file stays away, and not one that comes back in time', async () => {
    const file: PretendFile = { reading: holding('whole 1') }
    const { intake, steps } = createIntake(file)
    intake.see(candidate)
    await intake.idle()
    file.reading = { outcome: 'vanished' }
    intake.see(candidate)
    await pause(AWAY_MS / 2)
    file.reading = holding('whole 1', 'again')
    intake.see(candidate)
    await pause(AWAY_MS)
    expect(steps.filter(([step]) => step === 'withdraw')).toEqual([])
    file.reading = { outcome: 'vanished' }
    intake.see(candidate)
    await expect.poll(() => steps.at(-1)).toEqual(['withdraw', 'a.bin'])
    expect([...intake.names]).toEqual([])
  })

  it('says once that a file cannot be read, and reads it when it can', async () => {
    const file: PretendFile = { reading: { outcome: 'unreadable', reason: 'EACCES' } }
    const { intake, steps } = createIntake(file)
    for (let times = 0; times < 3; times++) {
      intake.see(candidate)
      await intake.idle()
      await pause(10)
    }
    expect(steps).toEqual([['unreadable', 'EACCES']])
    file.reading = holding('whole 1')
    intake.see(candidate)
    await expect.poll(() => steps.at(-1)).toEqual(['accept', 'whole 1'])
  })

  it('refuses a file that is too large by its length alone, when it has stopped growing', async () => {
    const { intake, steps } = createIntake({
      reading: { outcome: 'too-large', key: 'k', size: 3e9, changedAt: Date.now() }
    })
    intake.see(candidate)
    await expect.poll(() => steps).toEqual([['too large', '3000000000']])
  })

  it('judges again when the rules have changed', async () => {
    const { intake, steps } = createIntake({ reading: holding('whole 1') })
    intake.see(candidate)
    await intake.idle()
    intake.judgeAgain(({ folder }) => folder === '/elsewhere')
    intake.judgeAgain(({ folder }) => folder === '/build')
    await expect.poll(() => steps).toHaveLength(2)
  })
})
