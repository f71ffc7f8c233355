import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Chooser, staticServer } from './firmware-desk.js'
import { type Happening, happenings, ModelWorld, type Setting, setting } from './model-world.js'

/** `MODEL_SEED` repeats a run, `MODEL_RUNS` makes it longer. */
const { MODEL_SEED, MODEL_RUNS } = process.env
const SEED = MODEL_SEED === undefined ? Date.now() % 2 ** 31 : Number(MODEL_SEED)
const RUNS = Number(MODEL_RUNS ?? 4000)

describe('one build per download', () => {
  it('never lets a device take for whole what is not one build, and none is sent back for ever', () => {
    const tally = { steps: 0, completed: 0 }
    const startedAt = performance.now()
    const outcome = check(RUNS, undefined, world => {
      tally.steps += world.steps
      tally.completed += world.completed
    })
    expect(outcome.failed, explain(outcome)).toBe(false)
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    process.stdout.write(`${tally.steps} steps, ${tally.completed} whole images in ${seconds} s, seed ${SEED}\n`)
  }, 600_000)

  it('is a promise that a server of files does not keep', () => {
    const outcome = check(RUNS, staticServer)
    expect(outcome.failed).toBe(true)
    expect(explain(outcome)).toContain('took for whole')
  }, 600_000)
})

type Outcome = fc.RunDetails<[Setting, Happening[]]>

function check(numRuns: number, chooser?: Chooser, onEnd: (world: ModelWorld) => void = () => {}): Outcome {
  const property = fc.property(setting, happenings, (given, all) => {
    const world = new ModelWorld(given, chooser)
    for (const next of all) world.happen(next)
    if (chooser === undefined) world.settle()
    onEnd(world)
  })
  return fc.check(property, { numRuns, seed: SEED })
}

function explain({ seed, numRuns, numShrinks, counterexample, errorInstance }: Outcome): string {
  if (counterexample === null) return 'no counterexample'
  const [given, all] = counterexample
  const lines = all.map(next => `  ${JSON.stringify(next)}`)
  return [
    `MODEL_SEED=${seed}, run ${numRuns}, shrunk ${numShrinks} times: ${errorInstance}`,
    JSON.stringify(given),
    ...lines
  ].join('\n')
}
