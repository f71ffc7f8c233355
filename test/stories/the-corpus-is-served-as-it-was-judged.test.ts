// Real images out of public repositories, through the whole daemon: what a device would take is served byte for byte, and
// what it would refuse never leaves. The collection lies beside the project, where there is one.
import { existsSync, readFileSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { startDaemon, temporaryFolder } from '../support/daemon.js'
import { becomesServed, becomesTrue, createLine } from './line.js'

interface CorpusFile {
  readonly file: string
  readonly expect?: { readonly kind: string; readonly verdict: string; readonly problems: readonly string[] }
}

const corpus = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url))
const isThere = existsSync(path.join(corpus, 'INDEX.json'))
const isRequired = process.env.REQUIRE_CORPUS === '1'

const files = isThere
  ? (JSON.parse(readFileSync(path.join(corpus, 'INDEX.json'), 'utf8')) as { files: CorpusFile[] }).files
  : []
const judged = files.flatMap(({ file, expect: expected }, index) =>
  expected === undefined
    ? []
    : [{ file, expected, name: `f${index}.bin`, bytes: readFileSync(path.join(corpus, file)) }]
)
const accepted = judged.filter(({ expected }) => expected.verdict === 'accept' && expected.kind === 'app')
const refused = judged.filter(({ expected }) => expected.verdict === 'reject')

it.runIf(isRequired)('has the corpus beside the project when it is required', () => {
  expect(accepted.length).toBeGreaterThan(20)
  expect(refused.length).toBeGreaterThan(40)
})

describe.skipIf(!isThere)('the corpus (needs ../shared/corpus)', () => {
  it('is served byte for byte where it is accepted, and 404 where it is refused', { timeout: 60_000 }, async () => {
    const folder = await temporaryFolder()
    for (const { file, name } of judged) await copyFile(path.join(corpus, file), path.join(folder, name))
    const daemon = await startDaemon({ folders: [folder] })
    for (const { name, bytes } of accepted) await becomesServed(daemon, name, bytes, 10_000)
    const rejected = () =>
      new Set(
        daemon.log.flatMap(event => (event.event === 'candidate.rejected' ? [(event as { name: string }).name] : []))
      )
    await becomesTrue('every refusal is in the log', 10_000, () => refused.every(({ name }) => rejected().has(name)))
    const line = createLine(daemon)
    for (const { name, file, bytes } of accepted) {
      const { status, body } = await line.get(name)
      expect({ file, status, same: body.equals(bytes) }).toEqual({ file, status: 200, same: true })
    }
    for (const { name, file } of refused) {
      const whole = await line.get(name)
      const part = await line.get(name, { headers: [['Range', 'bytes=0-1023']] })
      expect({ file, whole: whole.status, part: part.status }).toEqual({ file, whole: 404, part: 404 })
    }
    await line.close()
    expect(await daemon.stop()).toBe(0)
  })
})
