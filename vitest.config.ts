import { defineConfig } from 'vitest/config'

/** Stories that measure how long somebody waits: each has the machine to itself. */
const QUIET = [
  'test/stories/a-new-build-is-served-at-once.test.ts',
  'test/stories/a-storm-of-builds-never-mixes-two.test.ts',
  'test/stories/crowds-do-not-disturb-each-other.test.ts',
  'test/stories/made-up-names-cost-little.test.ts',
  'test/stories/ten-thousand-images-are-served.test.ts',
  'test/stories/the-page-shows-what-happens.test.ts'
]

const times = { testTimeout: 30_000, hookTimeout: 30_000 }

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...times,
          name: 'rooms',
          include: ['test/**/*.test.ts'],
          exclude: QUIET,
          // Most of the time they wait for daemons, devices and clocks; more than this, and those would wait for a core.
          maxWorkers: 3,
          sequence: { groupOrder: 0 }
        }
      },
      { test: { ...times, name: 'quiet', include: QUIET, maxWorkers: 1, sequence: { groupOrder: 1 } } }
    ]
  }
})
