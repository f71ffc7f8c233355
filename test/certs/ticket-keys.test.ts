import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { isOutdated, loadTicketKeys } from '../../src/certs/ticket-keys.js'
import { temporaryFolder } from '../support/daemon.js'

const NOW = Date.parse('2026-11-21T12:00:00Z')
const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
const TRUST = ['the anchor', 'the CA of the clients']

let file: string
beforeEach(async () => {
  file = path.join(await temporaryFolder(), 'ticket-keys.json')
})

const load = (now = NOW, trust: readonly string[] = TRUST, where = file): Promise<Buffer> =>
  loadTicketKeys(where, trust, now).then(({ keys }) => keys)

/** Puts something else in place of a field of the file. */
async function edit(changes: Readonly<Record<string, unknown>>): Promise<void> {
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...changes }))
}

describe('ticket keys', () => {
  it('are 48 random bytes: name, HMAC key and AES key', async () => {
    const keys = await load()
    expect(keys).toHaveLength(48)
    expect(new Set(keys).size).toBeGreaterThan(24)
    const elsewhere = path.join(await temporaryFolder(), 'ticket-keys.json')
    expect((await load(NOW, TRUST, elsewhere)).equals(keys)).toBe(false)
  })

  it.each([
    ['at once', 0],
    ['an hour later', HOUR_MS],
    ['23 hours later', 23 * HOUR_MS],
    ['when the clock was set back by an hour', -HOUR_MS]
  ])('are the same over a restart %s', async (_when, laterMs) => {
    const first = await loadTicketKeys(file, TRUST, NOW)
    expect(await loadTicketKeys(file, TRUST, NOW + laterMs)).toEqual(first)
  })

  it.each([
    ['after a day and an hour', 25 * HOUR_MS],
    ['after a year', 365 * DAY_MS],
    ['when the clock was set back by two days', -2 * DAY_MS],
    ['when the clock was set back to 1970', -NOW]
  ])('are new %s, and kept from then on', async (_when, laterMs) => {
    const first = await load()
    const second = await load(NOW + laterMs)
    expect(second.equals(first)).toBe(false)
    expect((await load(NOW + laterMs)).equals(second)).toBe(true)
  })

  it.each([
    ['another anchor', ['another anchor', 'the CA of the clients']],
    ['another CA of the clients', ['the anchor', 'another CA']],
    ['no CA of the clients', ['the anchor', '']],
    ['the two the other way round', ['the CA of the clients', 'the anchor']]
  ])('are new when there is %s: sessions of before are not resumed', async (_what, trust) => {
    const first = await load()
    const second = await load(NOW, trust)
    expect(second.equals(first)).toBe(false)
    // Nor do the old ones come back with the old trust.
    expect((await load(NOW, TRUST)).equals(first)).toBe(false)
  })

  it('do not tell what they are bound to', async () => {
    await load()
    const text = await readFile(file, 'utf8')
    for (const secret of TRUST) expect(text).not.toContain(secret)
  })

  it.skipIf(process.platform === 'win32')(
    'are in a file that its owner alone can read, even if it was open before',
    async () => {
      await load()
      expect((await stat(file)).mode & 0o777).toBe(0o600)
      await writeFile(`${file}.open`, 'nonsense', { mode: 0o666 })
      await load(NOW, TRUST, `${file}.open`)
      expect((await stat(`${file}.open`)).mode & 0o777).toBe(0o600)
      expect(await readdir(path.dirname(file))).toHaveLength(2)
    }
  )
})

describe('a file of ticket keys that is of no use', () => {
  it('is written anew at whatever byte it was cut', async () => {
    const first = await load()
    const text = await readFile(file, 'utf8')
    for (let length = 0; length < text.trimEnd().length; length++) {
      await writeFile(file, text.slice(0, length))
      const again = await load()
      expect(again).toHaveLength(48)
      expect(again.equals(first), `cut after ${length} bytes`).toBe(false)
    }
    expect((await load()).equals(await load())).toBe(true)
  })

  it.each([
    ['nonsense', Buffer.from([0, 255, 254, 7])],
    ['null', 'null'],
    ['a number', '7'],
    ['a list', '[]'],
    ['text', '"keys"'],
    ['an empty object', '{}'],
    ['HTML', '<html></html>']
  ])('is replaced: %s', async (_what, content) => {
    await writeFile(file, content)
    const keys = await load()
    expect(keys).toHaveLength(48)
    expect((await load()).equals(keys)).toBe(true)
  })

  it.each([
    ['keys that are too short', { keys: Buffer.alloc(47).toString('base64') }],
    ['keys that are too long', { keys: Buffer.alloc(80).toString('base64') }],
    ['keys that are no text', { keys: Array(48).fill(1) }],
    ['no keys', { keys: undefined }],
    ['no date', { madeAt: undefined }],
    ['a date in words', { madeAt: 'today' }],
    ['a date that is no number', { madeAt: Number.NaN }],
    ['a date in the far future', { madeAt: NOW + 10 * DAY_MS }],
    ['nothing that they are bound to', { boundTo: undefined }]
  ])('is replaced when it has %s', async (_what, changes) => {
    const first = await load()
    await edit(changes)
    const second = await load()
    expect(second).toHaveLength(48)
    expect(second.equals(first)).toBe(false)
    expect(second.equals(Buffer.alloc(48))).toBe(false)
    expect((await load()).equals(second)).toBe(true)
  })
})

describe('a place where nothing can be written', () => {
  it('is no hindrance: a folder that is not there', async () => {
    expect(await load(NOW, TRUST, path.join(file, 'nowhere', 'ticket-keys.json'))).toHaveLength(48)
  })

  it('is no hindrance: a folder in the place of the file', async () => {
    await mkdir(file)
    expect(await load()).toHaveLength(48)
    expect(await readdir(path.dirname(file))).toEqual([path.basename(file)])
  })

  it.skipIf(process.platform === 'win32' || process.getuid?.() === 0)(
    'is no hindrance: a folder of others',
    async () => {
      const folder = path.join(path.dirname(file), 'closed')
      await mkdir(folder, { mode: 0o500 })
      expect(await load(NOW, TRUST, path.join(folder, 'ticket-keys.json'))).toHaveLength(48)
      expect(await readdir(folder)).toEqual([])
    }
  )
})

describe('whether keys are outdated', () => {
  const made = { keys: Buffer.alloc(48), madeAt: NOW, boundTo: '' }

  it.each([
    [0, false],
    [23 * HOUR_MS, false],
    [25 * HOUR_MS, true],
    [-HOUR_MS, false],
    [-2 * DAY_MS, true]
  ])('is decided %i ms after they were made: %s', (laterMs, expected) => {
    expect(isOutdated(made, NOW + laterMs)).toBe(expected)
  })
})
