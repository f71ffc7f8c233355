import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { temporaryFolder } from '../support/daemon.js'

/** A clock for a process of its own, which can be set while that runs. Durations go on as they are. */
export interface OtherClock {
  /** What the process is started with. */
  readonly env: Readonly<Record<string, string>>
  /** Whether all of the process has this clock, Node's own `Date` header included; else only JavaScript has. */
  readonly isWhole: boolean
  jumpTo(offsetSeconds: number): Promise<void>
}

/** By libfaketime where it is installed (Debian: faketime), else by another `Date` in the process. */
export async function aClock(): Promise<OtherClock> {
  const file = path.join(await temporaryFolder(), 'clock')
  const jumpTo: OtherClock['jumpTo'] = offset => writeFile(file, `${offset < 0 ? '' : '+'}${offset}\n`)
  await jumpTo(0)
  const library = findLibrary()
  if (library === undefined) {
    const module = `${file}.mjs`
    await writeFile(module, anotherDate(file))
    return { env: { NODE_OPTIONS: `--import ${pathToFileURL(module)}` }, isWhole: false, jumpTo }
  }
  const env = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    NO_FAKE_STAT: '1'
  }
  return { env, isWhole: true, jumpTo }
}

function findLibrary(): string | undefined {
  if (process.platform !== 'linux') return undefined
  const found = readdirSync('/usr/lib').map(place => path.join('/usr/lib', place, 'faketime', 'libfaketimeMT.so.1'))
  return found.find(file => readdirIfThere(path.dirname(file)).includes(path.basename(file)))
}

function readdirIfThere(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function anotherDate(file: string): string {
  return `import { readFileSync } from 'node:fs'
const Real = Date
let offset = 0
const read = () => { offset = 1000 * Number(readFileSync(${JSON.stringify(file)}, 'utf8').trim() || 0) }
read()
setInterval(read, 50).unref()
globalThis.Date = class Date extends Real {
  constructor(...given) { super(...(given.length === 0 ? [Real.now() + offset] : given)) }
  static now() { return Real.now() + offset }
}
`
}
