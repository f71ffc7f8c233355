import { rm } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { Catalog } from '../src/releases/catalog.js'
import { CatalogFile } from '../src/releases/catalog-file.js'
import { readCatalog } from '../src/releases/state.js'
import { type AskedDaemon, digestOf, openAskedDaemon } from './support/asked-daemon.js'

const MAC = '24:6f:28:aa:bb:cc'

/** A daemon with three builds of app.bin, the third of them current. */
async function withThreeBuilds(options: Parameters<typeof openAskedDaemon>[0] = {}): Promise<AskedDaemon> {
  const daemon = await openAskedDaemon(options)
  for (const build of ['1.0', '1.1', '1.2']) await daemon.publish('app.bin', build)
  return daemon
}

const currentOf = (daemon: AskedDaemon): string | undefined => daemon.catalog().entry('app.bin')?.current?.version

describe('a rollback', () => {
  it('goes to the build before the current one, and from there to the one before that', async () => {
    const daemon = await withThreeBuilds()
    const { operations } = daemon
    expect(await operations.rollback('app.bin', undefined, false)).toMatchObject({
      current: { version: '1.1', number: 2 },
      setAside: { release: { version: '1.2', number: 3 } },
      hold: false
    })
    expect(currentOf(daemon)).toBe('1.1')
    expect(await operations.rollback('/app.bin', undefined, false)).toMatchObject({
      current: { version: '1.0' },
      setAside: { release: { version: '1.2' } }
    })
    await expect(operations.rollback('app.bin', undefined, false)).rejects.toMatchObject({
      code: 'OTAD_ERR_NO_SUCH_RELEASE',
      message: expect.stringContaining('nothing to go back to')
    })
    expect(currentOf(daemon)).toBe('1.0')
    expect(daemon.reported).toEqual([
      [
        'release.rolledback',
        { name: 'app.bin', digest: digestOf('1.1'), version: '1.1', from: digestOf('1.2'), hold: false }
      ],
      [
        'release.rolledback',
        { name: 'app.bin', digest: digestOf('1.0'), version: '1.0', from: digestOf('1.2'), hold: false }
      ]
    ])
  })

  it('ends with the next new build', async () => {
    const daemon = await withThreeBuilds()
    await daemon.operations.rollback('app.bin', '1.0', false)
    await daemon.publish('app.bin', '1.3')
    expect(currentOf(daemon)).toBe('1.3')
    await expect(daemon.operations.unpin('app.bin')).rejects.toThrow('nothing to let go of')
  })

  it('keeps builds to come back when it is held, until somebody lets go', async () => {
    const daemon = await withThreeBuilds()
    await daemon.operations.rollback('app.bin', '1.0', true)
    await daemon.publish('app.bin', '1.3')
    await daemon.publish('app.bin', '1.4')
    expect(currentOf(daemon)).toBe('1.0')
    expect((await daemon.operations.status()).names[0]?.rollback).toMatchObject({
      setAside: { release: { version: '1.4' } },
      hold: true
    })
    expect(await daemon.operations.unpin('app.bin')).toMatchObject({ is: 'name', current: { version: '1.4' } })
    expect(currentOf(daemon)).toBe('1.4')
    expect(daemon.reported.at(-1)).toEqual([
      'release.released',
      { name: 'app.bin', digest: digestOf('1.4'), version: '1.4' }
    ])
  })

  it('dates what comes back a second after what it takes the place of, whatever the clock says', async () => {
    const daemon = await withThreeBuilds({ now: () => 0 })
    for (const act of [
      () => daemon.operations.rollback('app.bin', '1.0', false),
      () => daemon.operations.rollback('app.bin', '1.1', false),
      () => daemon.operations.unpin('app.bin')
    ]) {
      const before = daemon.catalog().entry('app.bin')?.current?.publishedAt ?? expect.fail()
      await act()
      expect(daemon.catalog().entry('app.bin')?.current?.publishedAt).toBe(before + 1000)
    }
  })

  it('to the current build is refused, unless it makes or ends a hold', async () => {
    const daemon = await withThreeBuilds()
    const { operations } = daemon
    const dated = daemon.catalog().entry('app.bin')?.current?.publishedAt
    await expect(operations.rollback('app.bin', '1.2', false)).rejects.toThrow('current release of app.bin already')
    expect(await operations.rollback('app.bin', '1.2', true)).toMatchObject({ setAside: null, hold: true })
    await expect(operations.rollback('app.bin', '1.2', true)).rejects.toThrow('already, and held')
    await daemon.publish('app.bin', '1.3')
    expect(currentOf(daemon)).toBe('1.2')
    expect(await operations.rollback('app.bin', '1.2', false)).toMatchObject({
      setAside: { release: { version: '1.3' } },
      hold: false
    })
    expect(daemon.catalog().entry('app.bin')?.current?.publishedAt).toBe(dated)
    await daemon.publish('app.bin', '1.4')
    expect(currentOf(daemon)).toBe('1.4')
  })

  it('of a hold on the newest build is undone without a trace', async () => {
    const daemon = await withThreeBuilds()
    await daemon.operations.rollback('app.bin', '1.2', true)
    expect(await daemon.operations.rollback('app.bin', '1.2', false)).toMatchObject({ setAside: null, hold: false })
    expect(daemon.catalog().entry('app.bin')?.rollback).toBeUndefined()
  })

  it('to the newest build lets go', async () => {
    const daemon = await withThreeBuilds()
    await daemon.operations.rollback('app.bin', '1.0', true)
    expect(await daemon.operations.rollback('app.bin', '#3', false)).toMatchObject({ setAside: null })
    expect(daemon.catalog().entry('app.bin')?.rollback).toBeUndefined()
  })

  it('of a name whose file is gone is refused, and says so', async () => {
    const daemon = await withThreeBuilds()
    await daemon.commit({ type: 'withdraw', name: 'app.bin', at: 1 })
    await expect(daemon.operations.rollback('app.bin', '1.0', false)).rejects.toMatchObject({
      code: 'OTAD_ERR_NO_SUCH_RELEASE',
      message: 'nothing is served as app.bin: its file is gone'
    })
  })

  it('of a name that there is not names the nearest', async () => {
    const daemon = await withThreeBuilds()
    await expect(daemon.operations.rollback('ap.bin', undefined, false)).rejects.toMatchObject({
      code: 'OTAD_ERR_NO_SUCH_RELEASE',
      hint: 'did you mean app.bin?'
    })
  })

  it('that finds nothing while otad starts asks for a moment', async () => {
    const daemon = await openAskedDaemon()
    daemon.say('starting')
    await expect(daemon.operations.rollback('app.bin', undefined, false)).rejects.toMatchObject({
      hint: 'otad is just starting: try again in a moment'
    })
  })

  it('follows the one before it, when two are asked for at the same time', async () => {
    const daemon = await withThreeBuilds()
    const { operations } = daemon
    const both = [operations.rollback('app.bin', undefined, false), operations.rollback('app.bin', undefined, false)]
    expect((await Promise.all(both)).map(({ current }) => current.version)).toEqual(['1.1', '1.0'])
  })

  it('is still there after a restart, with its hold and its date', async () => {
    const daemon = await withThreeBuilds()
    await daemon.operations.rollback('app.bin', '1.0', true)
    await daemon.publish('app.bin', '1.3')
    const before = daemon.catalog().entry('app.bin')
    await daemon.close()
    expect((await readCatalog(daemon.stateFolder, 10)).entry('app.bin')).toEqual(before)
    const { file, catalog } = await CatalogFile.open(`${daemon.stateFolder}/catalog.jsonl`, 10, () => false)
    await file.close()
    expect(catalog.entry('app.bin')).toEqual(before)
    expect((await readCatalog(daemon.stateFolder, 10)).entry('app.bin')).toEqual(before)
  })

  it('that the disk does not take changes nothing, and says why', async () => {
    const daemon = await withThreeBuilds()
    await daemon.close()
    await expect(daemon.operations.rollback('app.bin', '1.0', false)).rejects.toMatchObject({
      code: 'OTAD_ERR_STATE_NOT_WRITABLE',
      message: expect.stringContaining('nothing has changed')
    })
    expect(currentOf(daemon)).toBe('1.2')
    expect(daemon.reported).toEqual([])
  })
})

describe('letting go of a name', () => {
  it('that is not rolled back is refused', async () => {
    const { operations } = await withThreeBuilds()
    await expect(operations.unpin('app.bin')).rejects.toMatchObject({ code: 'OTAD_ERR_USAGE' })
    await expect(operations.unpin('apq.bin')).rejects.toMatchObject({ hint: 'did you mean app.bin?' })
  })

  it('says when the newest build is not kept, and how to go on', async () => {
    const daemon = await withThreeBuilds()
    const release = daemon.catalog().entry('app.bin')?.earlier[0] ?? expect.fail()
    await daemon.commit({ type: 'rollback', release, hold: true, from: digestOf('lost') })
    const failed = await daemon.operations.unpin('app.bin').catch(error => error)
    expect(failed).toMatchObject({ code: 'OTAD_ERR_NO_SUCH_RELEASE' })
    expect(failed.hint).toContain(`otad rollback app.bin ${digestOf('1.1').slice(0, 8)}`)
    await daemon.operations.rollback('app.bin', digestOf('1.1').slice(0, 8), false)
    await daemon.publish('app.bin', '2.0')
    expect(currentOf(daemon)).toBe('2.0')
  })
})

describe('a pin', () => {
  it('gives a device a release of a name, and keeps it as long as it lasts', async () => {
    const daemon = await withThreeBuilds({ keepReleases: 1 })
    const { operations, pins, reported } = daemon
    expect(await operations.pin('24-6F-28-AA-BB-CC', 'app.bin@1.1')).toMatchObject({
      device: MAC,
      name: 'app.bin',
      digest: digestOf('1.1'),
      release: { version: '1.1', number: 2 }
    })
    expect(pins.pinnedFor([MAC], 'app.bin')).toBe(digestOf('1.1'))
    for (const build of ['1.3', '1.4', '1.5']) await daemon.publish('app.bin', build)
    expect((await operations.status()).pins[0]?.release).toMatchObject({ version: '1.1' })
    expect(await operations.unpin(MAC, '/app.bin')).toMatchObject({ is: 'device', pins: [{ device: MAC }] })
    await daemon.commit({ type: 'trim', name: 'app.bin' })
    expect(daemon.catalog().byDigest(digestOf('1.1'))).toBeUndefined()
    const told = { device: MAC, name: 'app.bin', digest: digestOf('1.1') }
    expect(reported).toEqual([
      ['device.pinned', told],
      ['device.unpinned', told]
    ])
  })

  it('finds the name by itself where only one has such a release', async () => {
    const daemon = await withThreeBuilds()
    await daemon.publish('other.bin', '7.7')
    expect(await daemon.operations.pin(MAC, '7.7')).toMatchObject({ name: 'other.bin' })
    await daemon.publish('other.bin', '1.0')
    await expect(daemon.operations.pin(MAC, '1.0')).rejects.toThrow('more than one release of all names')
  })

  it.each([
    ['the office one', 'app.bin@1.0', '"the office one" is no device'],
    [MAC, 'app.bin@9.9', 'no release of app.bin is "9.9"'],
    [MAC, 'nothing@1.0', 'there is no name "nothing"'],
    [MAC, '9.9', 'no release of any name is "9.9"']
  ])('of %s to %s is refused', async (device, release, message) => {
    const daemon = await withThreeBuilds()
    await expect(daemon.operations.pin(device, release)).rejects.toThrow(message)
    expect(daemon.pins.list).toEqual([])
  })

  it('of a name whose file is gone is refused', async () => {
    const daemon = await withThreeBuilds()
    await daemon.commit({ type: 'withdraw', name: 'app.bin', at: 1 })
    await expect(daemon.operations.pin(MAC, '1.0')).rejects.toThrow('its file is gone')
  })

  it('that is not there cannot be let go of', async () => {
    const daemon = await withThreeBuilds()
    await daemon.operations.pin(MAC, 'app.bin@1.0')
    await expect(daemon.operations.unpin('192.168.1.50')).rejects.toThrow('nothing to let go of')
    await expect(daemon.operations.unpin(MAC, 'other.bin')).rejects.toThrow('nothing to let go of')
    await expect(daemon.operations.unpin('app.bin', 'app.bin')).rejects.toMatchObject({ code: 'OTAD_ERR_USAGE' })
    expect(daemon.pins.list).toHaveLength(1)
  })

  it('that the disk does not take changes nothing, and says why', async () => {
    const daemon = await withThreeBuilds()
    await rm(daemon.stateFolder, { recursive: true })
    await expect(daemon.operations.pin(MAC, 'app.bin@1.0')).rejects.toMatchObject({
      code: 'OTAD_ERR_STATE_NOT_WRITABLE'
    })
    expect(daemon.pins.list).toEqual([])
  })
})

describe('what is listed', () => {
  it('has every kept release with its place, and the devices that are pinned to it', async () => {
    const daemon = await withThreeBuilds()
    await daemon.publish('b.bin', '1')
    await daemon.operations.rollback('app.bin', '1.1', false)
    await daemon.operations.pin(MAC, 'app.bin@1.0')
    const listed = await daemon.operations.releases()
    expect(listed.map(({ name }) => name)).toEqual(['app.bin', 'b.bin'])
    expect(listed[0]?.releases.map(({ number, state, pinnedDevices }) => [number, state, pinnedDevices])).toEqual([
      [3, 'set-aside', []],
      [2, 'current', []],
      [1, 'kept', [MAC]]
    ])
    expect(await daemon.operations.releases('/b.bin')).toEqual(listed.slice(1))
    await expect(daemon.operations.releases('c.bin')).rejects.toMatchObject({ code: 'OTAD_ERR_NO_SUCH_RELEASE' })
  })

  it('is empty where nothing was published', async () => {
    const { operations, catalog } = await openAskedDaemon()
    expect(await operations.releases()).toEqual([])
    expect((await operations.status()).names).toEqual([])
    expect([...catalog().entries]).toEqual([...Catalog.empty.entries])
  })
})
