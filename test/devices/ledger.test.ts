import { describe, expect, it } from 'vitest'
import { byDevice } from '../../src/devices/by-device.js'
import { type Contact, identityOf, type ReleaseMark } from '../../src/devices/contact.js'
import { VERDICTS } from '../../src/devices/device-facts.js'
import type { What } from '../../src/devices/device-record.js'
import { Ledger } from '../../src/devices/ledger.js'

const MAC = '24:6f:28:aa:bb:cc'
const CERTIFICATE = Array.from({ length: 32 }, (_, index) => index.toString(16).padStart(2, '0').toUpperCase()).join(
  ':'
)
const ADDRESS = '192.168.1.50'
const NOON = Date.UTC(2026, 0, 2, 12)
const RELEASE: ReleaseMark = { name: 'app.bin', digest: 'a'.repeat(64), version: '1.0.0', chip: 'esp32' }
const IDF: Contact = { address: ADDRESS, userAgent: 'ESP32 HTTP Client/1.0' }
const ARDUINO: Contact = {
  address: ADDRESS,
  mac: MAC,
  userAgent: 'ESP32-http-Update',
  told: { kind: 'arduino-esp32', sdk: 'v5.5.1' }
}
const TEN_MEGABYTES = 10 * 1024 * 1024
const FAILED: What = { is: 'handshake-failed', sentence: 'it trusts another CA', fix: 'embed ca_cert.pem' }

const idsOf = (ledger: Ledger): readonly string[] => ledger.tellAll([]).map(({ id }) => id)
const only = (ledger: Ledger) => {
  const [record, ...more] = [...ledger.records]
  expect(more).toEqual([])
  return ledger.tellHistory(record ?? expect.fail('nobody is known'), [])
}

describe('a device', () => {
  it('is known by its certificate, else its MAC, else its address', () => {
    expect(identityOf({ ...ARDUINO, certificate: CERTIFICATE })).toEqual({ id: CERTIFICATE, identity: 'certificate' })
    expect(identityOf(ARDUINO)).toEqual({ id: MAC, identity: 'mac' })
    expect(identityOf(IDF)).toEqual({ id: ADDRESS, identity: 'address' })
  })

  it('is one, whatever it comes for, wherever it comes from', () => {
    const ledger = new Ledger()
    ledger.seen(ARDUINO, NOON)
    ledger.asked({ ...ARDUINO, address: '192.168.1.51' }, RELEASE, NOON + 1000)
    ledger.note({ ...ARDUINO, address: '10.0.0.1' }, { is: 'complete', sentence: 'complete' }, NOON + 2000)
    expect(only(ledger)).toMatchObject({
      id: MAC,
      identity: 'mac',
      address: '10.0.0.1',
      mac: MAC,
      vendor: 'Espressif',
      client: 'Arduino HTTPUpdate',
      sdk: 'v5.5.1',
      chip: 'esp32',
      firstSeen: '2026-01-02T12:00:00.000Z',
      lastSeen: '2026-01-02T12:00:02.000Z',
      asked: { name: 'app.bin', digest: RELEASE.digest, version: '1.0.0', at: '2026-01-02T12:00:01.000Z' },
      running: null,
      verdict: { is: 'complete', count: 1 }
    })
  })

  it('is whose connection failed, where one that is known by its MAC or certificate was at that address', () => {
    for (const surer of [ARDUINO, { ...IDF, certificate: CERTIFICATE }]) {
      const ledger = new Ledger()
      ledger.seen(surer, NOON)
      ledger.note({ address: ADDRESS }, FAILED, NOON + 1000)
      expect(only(ledger)).toMatchObject({ id: identityOf(surer).id, verdict: { is: 'handshake-failed', count: 1 } })
      expect(only(ledger).userAgent, 'what it told stays').toBe(surer.userAgent)
    }
  })

  it('is whose connection failed before, once it tells its MAC', () => {
    const ledger = new Ledger()
    ledger.note({ address: ADDRESS }, FAILED, NOON)
    ledger.seen(ARDUINO, NOON + 1000)
    expect(idsOf(ledger)).toContain(MAC)
    expect(ledger.at(ADDRESS)?.id).toBe(MAC)
  })

  it('is not who had its address before, once it has another', () => {
    const ledger = new Ledger()
    ledger.seen(ARDUINO, NOON)
    ledger.seen({ ...ARDUINO, address: '192.168.1.60' }, NOON + 1000)
    ledger.note({ address: ADDRESS }, FAILED, NOON + 2000)
    expect(ledger.find(MAC)?.events).toEqual([])
    expect(ledger.find(ADDRESS)?.events).toHaveLength(1)
  })

  it('is the one that was seen last at an address, of several', () => {
    const ledger = new Ledger()
    const other = { ...ARDUINO, mac: '24:6f:28:00:00:01' }
    ledger.seen(ARDUINO, NOON)
    ledger.seen(other, NOON + 1000)
    ledger.note({ address: ADDRESS }, FAILED, NOON + 2000)
    expect(ledger.find(other.mac)?.events).toHaveLength(1)
    ledger.seen(ARDUINO, NOON + 3000)
    ledger.note({ address: ADDRESS }, FAILED, NOON + 4000)
    expect(ledger.find(MAC)?.events).toHaveLength(1)
  })

  it('stays who was at its address after a restart', () => {
    const before = new Ledger()
    before.seen({ ...ARDUINO, mac: '24:6f:28:00:00:01' }, NOON)
    before.seen(ARDUINO, NOON + 1000)
    const after = new Ledger({}, structuredClone([...before.records]))
    expect(after.at(ADDRESS)?.id).toBe(MAC)
    after.note({ address: ADDRESS }, FAILED, NOON + 2000)
    expect(after.find(MAC)?.events).toHaveLength(1)
  })

  it('has the MAC and vendor of the neighbour table where it tells none, and is not known by that', () => {
    const ledger = new Ledger({ macOf: address => (address === ADDRESS ? MAC : undefined) })
    ledger.seen(IDF, NOON)
    expect(only(ledger)).toMatchObject({ id: ADDRESS, identity: 'address', mac: MAC, vendor: 'Espressif' })
  })

  it('has the MAC of whoever has its address now', () => {
    let mac = MAC
    const ledger = new Ledger({ macOf: () => mac })
    ledger.seen(IDF, NOON)
    mac = 'aa:bb:cc:00:00:01'
    ledger.seen(IDF, NOON + 86_400_000)
    expect(only(ledger)).toMatchObject({ mac, vendor: null })
  })

  it('tells another SDK when it is built with another one', () => {
    const ledger = new Ledger()
    ledger.seen(ARDUINO, NOON)
    ledger.seen({ ...ARDUINO, told: { kind: 'arduino-esp32', sdk: 'v5.5.2' } }, NOON + 1000)
    expect(only(ledger).sdk).toBe('v5.5.2')
  })

  it('is found by its id and by what it is called, and none by anything else', () => {
    const ledger = new Ledger({ labels: new Map([[MAC, 'kitchen']]) })
    ledger.seen(ARDUINO, NOON)
    expect(ledger.tell(ledger.find('kitchen') ?? expect.fail(), [])).toMatchObject({ id: MAC, label: 'kitchen' })
    expect(ledger.find(MAC)?.id).toBe(MAC)
    for (const stranger of ['', '__proto__', 'constructor', 'KITCHEN ', '24:6f:28', `${MAC}\n`])
      expect(ledger.find(stranger)).toBeUndefined()
  })

  it('is found in whatever letters a person writes its MAC', () => {
    const ledger = new Ledger()
    ledger.seen(ARDUINO, NOON)
    expect(ledger.find(MAC.toUpperCase())?.id).toBe(MAC)
  })

  it('is told of alone where it is meant, and with it whoever else has had its address', () => {
    const ledger = new Ledger({ labels: new Map([[MAC, 'kitchen']]) })
    ledger.note(IDF, FAILED, NOON)
    ledger.note(ARDUINO, FAILED, NOON + 1000)
    ledger.note({ address: '192.168.1.51', userAgent: 'curl' }, FAILED, NOON + 2000)
    const told = (asked: string) => ledger.tellHistories([], true, asked).map(({ id, history }) => [id, history.length])
    for (const asked of ['kitchen', MAC, '246F28AABBCC', '24-6f-28-aa-bb-cc']) expect(told(asked)).toEqual([[MAC, 1]])
    expect(told(`::ffff:${ADDRESS}`)).toEqual([
      [MAC, 1],
      [ADDRESS, 1]
    ])
    expect(told('bath')).toEqual([])
    expect(ledger.tellHistories([], false, MAC)).toMatchObject([{ id: MAC, history: [] }])
  })

  it('keeps what it told when it tells less', () => {
    const ledger = new Ledger()
    ledger.asked(ARDUINO, RELEASE, NOON)
    ledger.seen({ address: ADDRESS, mac: MAC }, NOON + 1000)
    expect(only(ledger)).toMatchObject({ client: 'Arduino HTTPUpdate', sdk: 'v5.5.1', chip: 'esp32' })
  })
})

describe('what a device runs', () => {
  it('is what it confirmed, told, or is believed to', () => {
    for (const source of ['believed', 'told', 'confirmed'] as const) {
      const ledger = new Ledger()
      ledger.runs(IDF, RELEASE, source, NOON)
      expect(only(ledger).running).toEqual({
        name: 'app.bin',
        digest: RELEASE.digest,
        version: '1.0.0',
        at: '2026-01-02T12:00:00.000Z',
        source
      })
    }
  })

  it('is not believed in the place of what it confirmed of the same release', () => {
    const ledger = new Ledger()
    ledger.runs(IDF, RELEASE, 'confirmed', NOON)
    ledger.runs(IDF, RELEASE, 'believed', NOON + 1000)
    expect(only(ledger).running?.source).toBe('confirmed')
  })

  it('may be a release that otad does not know', () => {
    const ledger = new Ledger()
    ledger.runs(IDF, { name: 'app.bin', digest: null, version: '' }, 'confirmed', NOON)
    expect(only(ledger).running).toMatchObject({ digest: null, source: 'confirmed' })
  })
})

describe('the history of a device', () => {
  it('has the newest first, and the last of them is its verdict', () => {
    const ledger = new Ledger()
    const worthTelling = VERDICTS.filter(is => is !== 'seen')
    for (const [index, is] of worthTelling.entries()) ledger.note(IDF, { is, sentence: is }, NOON + index)
    const { history, verdict } = only(ledger)
    expect(history.map(({ is }) => is)).toEqual(worthTelling.toReversed())
    expect(verdict).toEqual(history[0])
  })

  it('counts what happens again and again', () => {
    const ledger = new Ledger()
    for (let time = 0; time < 1000; time++) ledger.note(IDF, FAILED, NOON + time)
    expect(only(ledger).history).toEqual([
      {
        at: new Date(NOON + 999).toISOString(),
        is: 'handshake-failed',
        sentence: FAILED.sentence,
        fix: FAILED.fix,
        name: null,
        digest: null,
        count: 1000
      }
    ])
  })

  it('keeps apart what happened to two releases', () => {
    const ledger = new Ledger()
    ledger.note(IDF, { is: 'complete', sentence: 'complete', name: 'a.bin', digest: 'a'.repeat(64) }, NOON)
    ledger.note(IDF, { is: 'complete', sentence: 'complete', name: 'a.bin', digest: 'b'.repeat(64) }, NOON + 1)
    ledger.note(IDF, { is: 'complete', sentence: 'complete', name: 'b.bin', digest: 'b'.repeat(64) }, NOON + 2)
    expect(only(ledger).history.map(({ count }) => count)).toEqual([1, 1, 1])
  })

  it('is bounded, and loses its oldest', () => {
    const ledger = new Ledger()
    for (let index = 0; index < 1000; index++)
      ledger.note(IDF, { is: index % 2 ? 'complete' : 'cut', sentence: `${index}` }, NOON + index)
    const { history } = only(ledger)
    expect(history.length).toBeGreaterThanOrEqual(10)
    expect(history.length).toBeLessThanOrEqual(100)
    expect(history.map(({ sentence }) => sentence)).toEqual(history.map((_, index) => `${999 - index}`))
  })

  it('is not the one of other devices', () => {
    const ledger = new Ledger()
    ledger.note(IDF, FAILED, NOON)
    ledger.note({ ...IDF, address: '192.168.1.51' }, { is: 'silent', sentence: 'silent' }, NOON)
    expect(ledger.tellHistories([], true).map(({ history }) => history.length)).toEqual([1, 1])
    expect(ledger.tellHistories([], false).map(({ history }) => history.length)).toEqual([0, 0])
  })
})

describe('a ledger', () => {
  it('forgets the one that was seen longest ago when there are too many', () => {
    const ledger = new Ledger()
    for (let index = 0; index <= 10_000; index++)
      ledger.seen({ address: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}` }, NOON + index)
    expect(ledger.size).toBe(10_000)
    expect(ledger.find('10.0.0.0')).toBeUndefined()
    expect(ledger.at('10.0.0.0')).toBeUndefined()
    expect(ledger.find('10.0.0.1')).toBeDefined()
    expect(ledger.find('10.0.39.16')).toBeDefined()
  })

  it('keeps whoever comes again', () => {
    const ledger = new Ledger({ mostDevices: 3 })
    const at = (index: number): Contact => ({ address: `10.0.0.${index}` })
    for (const index of [1, 2, 3]) ledger.seen(at(index), NOON + index)
    ledger.note(at(1), FAILED, NOON + 10)
    ledger.seen(at(4), NOON + 11)
    expect(idsOf(ledger)).toEqual(['10.0.0.4', '10.0.0.1', '10.0.0.3'])
  })

  it('holds no more of what is kept than it may', () => {
    const large = new Ledger()
    for (let index = 0; index < 10; index++) large.seen({ address: `10.0.0.${index}` }, NOON + index)
    const small = new Ledger({ mostDevices: 3 }, structuredClone([...large.records]))
    small.seen({ address: '10.0.0.99' }, NOON + 100)
    expect(idsOf(small)).toEqual(['10.0.0.99', '10.0.0.9', '10.0.0.8'])
  })

  it('does not grow with who has come and gone while nobody asks what has changed', () => {
    const ledger = new Ledger({ mostDevices: 10 })
    for (let index = 0; index < 100_000; index++)
      ledger.seen(
        { address: ADDRESS, mac: `02:00:00:${hex(index >> 16)}:${hex(index >> 8)}:${hex(index)}` },
        NOON + index
      )
    expect(ledger.size).toBe(10)
    expect(ledger.takeChanged().size).toBeLessThanOrEqual(1000)
  })

  it('keeps little of texts that are far too long', () => {
    const ledger = new Ledger()
    const long = 'x'.repeat(TEN_MEGABYTES)
    const mark = { name: 'app.bin', digest: null, version: long, chip: long }
    const contact: Contact = { ...ARDUINO, userAgent: long, told: { kind: 'arduino-esp32', sdk: long } }
    ledger.asked(contact, mark, NOON)
    ledger.received(contact, mark, NOON)
    ledger.runs(contact, mark, 'told', NOON)
    ledger.note(contact, { is: 'cut', sentence: long, fix: long }, NOON)
    ledger.note(contact, { is: 'not-found', sentence: 'nothing', name: long }, NOON)
    expect(JSON.stringify(only(ledger)).length).toBeLessThan(10_000)
    expect(JSON.stringify([...ledger.records]).length).toBeLessThan(10_000)
  })

  it.each([
    ['-1 day', -86_400_000],
    ['+40 years', 40 * 365 * 86_400_000],
    ['1970', -NOON]
  ])('outlives a clock that jumps by %s', (_name, jump) => {
    const ledger = new Ledger({ mostDevices: 3 })
    for (const index of [1, 2, 3]) ledger.seen({ address: `10.0.0.${index}` }, NOON + index)
    ledger.note({ address: '10.0.0.4' }, FAILED, NOON + jump)
    expect(ledger.find('10.0.0.4'), 'who has just come is known').toBeDefined()
    expect(idsOf(ledger)[0], 'and stands first').toBe('10.0.0.4')
    ledger.seen({ address: '10.0.0.5' }, NOON + 10)
    expect(idsOf(ledger)[0]).toBe('10.0.0.5')
    expect(ledger.find('10.0.0.4')).toBeDefined()
  })

  it('has seen nobody last before it saw them first', () => {
    const ledger = new Ledger()
    ledger.seen(IDF, NOON)
    ledger.seen(IDF, NOON - 60_000_000)
    const { firstSeen, lastSeen } = only(ledger)
    expect(Date.parse(lastSeen)).toBeGreaterThanOrEqual(Date.parse(firstSeen))
  })

  it('keeps the order of a history when the clock goes back', () => {
    const ledger = new Ledger()
    ledger.note(IDF, { is: 'cut', sentence: 'first' }, NOON)
    ledger.note(IDF, { is: 'complete', sentence: 'second' }, NOON - 60_000_000)
    expect(only(ledger).history.map(({ sentence }) => sentence)).toEqual(['second', 'first'])
    expect(only(ledger).verdict?.sentence).toBe('second')
  })

  it('tells once who has changed', () => {
    const ledger = new Ledger({ mostDevices: 2 })
    expect([...ledger.takeChanged()]).toEqual([])
    ledger.seen(IDF, NOON)
    ledger.seen(ARDUINO, NOON)
    expect([...ledger.takeChanged()].sort()).toEqual([ADDRESS, MAC].sort())
    expect([...ledger.takeChanged()]).toEqual([])
    ledger.note(IDF, FAILED, NOON)
    ledger.seen({ address: '192.168.1.9' }, NOON)
    expect(ledger.takeChanged().size).toBeGreaterThanOrEqual(2)
    expect([...ledger.takeChanged()]).toEqual([])
  })

  it('tells of nobody whose name reads like a part of the language', () => {
    const ledger = new Ledger()
    for (const address of ['__proto__', 'constructor', 'toString']) ledger.note({ address }, FAILED, NOON)
    expect(idsOf(ledger).toSorted()).toEqual(['__proto__', 'constructor', 'toString'])
    expect(JSON.parse(JSON.stringify(ledger.tellAll([])))).toHaveLength(3)
  })

  it('tells each change to whoever keeps it, with what happened', () => {
    const told: [string, string | undefined][] = []
    const ledger = new Ledger({ onChange: ({ id }, event) => told.push([id, event?.is]) })
    ledger.note(IDF, FAILED, NOON)
    ledger.note(IDF, FAILED, NOON + 1)
    ledger.asked(IDF, RELEASE, NOON + 2)
    ledger.runs(IDF, RELEASE, 'told', NOON + 3)
    expect(told.filter(([, is]) => is === 'handshake-failed')).toHaveLength(2)
    expect(told.every(([id]) => id === ADDRESS)).toBe(true)
    expect(told.length).toBeGreaterThanOrEqual(4)
  })

  it('tells 10,000 devices in a moment', () => {
    const ledger = new Ledger()
    for (let index = 0; index < 10_000; index++)
      ledger.note({ address: `10.0.${index >> 8}.${index & 255}` }, FAILED, index)
    const startedAt = performance.now()
    expect(ledger.tellAll([])).toHaveLength(10_000)
    expect(performance.now() - startedAt).toBeLessThan(500)
  })
})

describe('downloads', () => {
  it('are told with the device that they go to', () => {
    const live = [
      { id: 1, device: MAC },
      { id: 2, device: ADDRESS },
      { id: 3, device: MAC }
    ].map(download => ({
      name: 'app.bin',
      digest: 'a'.repeat(64),
      version: '1',
      size: 10,
      from: 0,
      reached: 5,
      rate: 0,
      secondsLeft: null,
      startedAt: new Date(NOON).toISOString(),
      isStalled: false,
      ...download
    }))
    expect(
      byDevice(live)
        .get(MAC)
        ?.map(({ id }) => id)
    ).toEqual([1, 3])
    const ledger = new Ledger()
    ledger.seen(ARDUINO, NOON)
    expect(only(ledger).downloads).toEqual([])
    expect(ledger.tellAll(live)[0]?.downloads.map(({ id }) => id)).toEqual([1, 3])
  })
})

const hex = (value: number): string => (value & 255).toString(16).padStart(2, '0')
