import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { normalDevice } from '../../src/devices/normal-device.js'
import { Pins } from '../../src/runs/pins.js'
import { digestOf } from '../support/asked-daemon.js'
import { temporaryFolder } from '../support/daemon.js'

const MAC = '24:6f:28:aa:bb:cc'
const FINGERPRINT = Array.from({ length: 32 }, (_, index) => (index + 0xa0).toString(16).toUpperCase()).join(':')

async function aFile(): Promise<string> {
  return path.join(await temporaryFolder(), 'pins.json')
}

describe('normalDevice', () => {
  it.each([
    ['24:6F:28:AA:BB:CC', MAC],
    ['24-6f-28-aa-bb-cc', MAC],
    ['246f28AABBCC', MAC],
    ['246f.28aa.bbcc', MAC],
    [FINGERPRINT.toLowerCase(), FINGERPRINT],
    [FINGERPRINT.replaceAll(':', ''), FINGERPRINT],
    ['192.168.1.50', '192.168.1.50'],
    ['192.168.100.100', '192.168.100.100'],
    ['::ffff:192.168.1.50', '192.168.1.50'],
    ['::FFFF:C0A8:0132', '192.168.1.50'],
    ['FE80:0::1', 'fe80::1'],
    ['fe80::1%eth0', 'fe80::1%eth0']
  ])('spells %s as %s', (text, device) => {
    expect(normalDevice(text)).toBe(device)
  })

  it.each(['', 'hello_world.bin', '24:6f:28:aa:bb', '192.168.1.500', '192.168.1', '24:6f:28:aa:bb:cg', 'a'.repeat(63)])(
    'takes "%s" for no device',
    text => {
      expect(normalDevice(text)).toBeUndefined()
    }
  )
})

describe('pins', () => {
  it('give a device its release by whatever it is known by, in any spelling, the surest first', async () => {
    const pins = await Pins.open(await aFile())
    await pins.pin('192.168.1.50', 'a.bin', digestOf('by address'))
    expect(pins.pinnedFor(['246F28AABBCC', '192.168.1.50'], 'a.bin')).toBe(digestOf('by address'))
    await pins.pin(MAC, 'a.bin', digestOf('by mac'))
    expect(pins.pinnedFor(['246f28aabbcc', '192.168.1.50'], 'a.bin')).toBe(digestOf('by mac'))
    expect(pins.pinnedFor(['24-6f-28-aa-bb-cc'], 'a.bin')).toBe(digestOf('by mac'))
    expect(pins.pinnedFor([FINGERPRINT, MAC], 'a.bin')).toBe(digestOf('by mac'))
    await pins.pin(FINGERPRINT, 'a.bin', digestOf('by certificate'))
    expect(pins.pinnedFor([FINGERPRINT, MAC], 'a.bin')).toBe(digestOf('by certificate'))
  })

  it('say nothing of other names, other devices, and ids that are none', async () => {
    const pins = await Pins.open(await aFile())
    expect(pins.pinnedFor([MAC], 'a.bin')).toBeUndefined()
    await pins.pin(MAC, 'a.bin', digestOf('1'))
    expect(pins.pinnedFor([MAC], 'b.bin')).toBeUndefined()
    expect(pins.pinnedFor(['unknown', '24:6f:28:aa:bb:cd'], 'a.bin')).toBeUndefined()
  })

  it('hold the releases that devices are pinned to, as long as one is', async () => {
    const pins = await Pins.open(await aFile())
    await pins.pin(MAC, 'a.bin', digestOf('1'))
    await pins.pin('192.168.1.50', 'a.bin', digestOf('1'))
    expect(pins.holds('a.bin', digestOf('1'))).toBe(true)
    expect(pins.holds('b.bin', digestOf('1'))).toBe(false)
    await pins.unpin(MAC)
    expect(pins.holds('a.bin', digestOf('1'))).toBe(true)
    await pins.pin('192.168.1.50', 'a.bin', digestOf('2'))
    expect(pins.holds('a.bin', digestOf('1'))).toBe(false)
  })

  it('let go of one name or of all, and tell which', async () => {
    const pins = await Pins.open(await aFile())
    for (const name of ['a.bin', 'b.bin', 'c.bin']) await pins.pin(MAC, name, digestOf(name))
    expect((await pins.unpin(MAC, 'b.bin')).map(({ name }) => name)).toEqual(['b.bin'])
    expect((await pins.unpin(MAC)).map(({ name }) => name)).toEqual(['a.bin', 'c.bin'])
    expect(await pins.unpin(MAC)).toEqual([])
    expect(pins.list).toEqual([])
  })

  it('are there after a restart, in a file that only the user can read', async () => {
    const file = await aFile()
    const before = await Pins.open(file)
    await Promise.all(['a.bin', 'b.bin', 'c.bin'].map(name => before.pin(MAC, name, digestOf(name))))
    await before.unpin(MAC, 'b.bin')
    const after = await Pins.open(file)
    expect(after.list).toEqual(before.list)
    expect(after.list.map(({ name }) => name)).toEqual(['a.bin', 'c.bin'])
    if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  it.each([
    ['cut', (text: string) => text.slice(0, -20)],
    ['emptied', () => ''],
    ['of a later version', (text: string) => text.replace('"version": 1', '"version": 2')],
    ['with a digest that is none', (text: string) => text.replace(digestOf('1'), 'latest')],
    ['with a device in another spelling', (text: string) => text.replace(MAC, MAC.toUpperCase())]
  ])('count a file that is %s as empty, keep it aside and tell so', async (_how, damage) => {
    const file = await aFile()
    await (await Pins.open(file)).pin(MAC, 'a.bin', digestOf('1'))
    const damaged = damage(await readFile(file, 'utf8'))
    await writeFile(file, damaged)
    let told = 0
    const pins = await Pins.open(file, { onDamaged: () => told++ })
    expect([told, pins.list]).toEqual([1, []])
    expect(await readFile(`${file}.damaged`, 'utf8')).toBe(damaged)
    expect(await readdir(path.dirname(file))).toEqual(['pins.json.damaged'])
  })

  it('do not change when the disk does not take them', async () => {
    const file = await aFile()
    const pins = await Pins.open(file)
    await pins.pin(MAC, 'a.bin', digestOf('1'))
    await rm(path.dirname(file), { recursive: true })
    await expect(pins.pin(MAC, 'a.bin', digestOf('2'))).rejects.toThrow('ENOENT')
    await expect(pins.unpin(MAC)).rejects.toThrow('ENOENT')
    expect(pins.pinnedFor([MAC], 'a.bin')).toBe(digestOf('1'))
    expect(pins.holds('a.bin', digestOf('1'))).toBe(true)
  })
})
