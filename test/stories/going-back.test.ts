// A build that bricks a board is found out when the first board is bricked. The way back is one command, as a person types it, and devices notice.
import { execFile } from 'node:child_process'
import { chmod, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Device } from '../../src/probe/device.js'
import { oneShot } from '../../src/probe/device-idf.js'
import { partial } from '../../src/probe/device-idf-partial.js'
import type { ManifestOfAll } from '../../src/releases/manifest.js'
import { renameOver } from '../support/build-folder.js'
import {
  type DaemonOptions,
  PROGRAM,
  plainEnvironment,
  type RunningDaemon,
  startDaemon,
  temporaryFolder
} from '../support/daemon.js'
import { anImage, withSegmentLength } from '../support/image-builder.js'
import { becomesServed, becomesTrue, digestOf, etagOf, getOnce } from './line.js'

const NAME = 'hello_world.bin'
const MAC = '24:6f:28:aa:bb:cc'
const build = (number: number): Buffer =>
  anImage({ length: 120 * 1024, seed: 10 * number, version: `1.${number}.0`, project: 'hello_world' })
const shortOf = (image: Uint8Array): string => digestOf(image).slice(0, 8)
const run = promisify(execFile)

interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs otad as a process of its own, as a person at another terminal does. */
async function otad(home: string, args: readonly string[], through: readonly string[] = []): Promise<Said> {
  const [program = '', ...rest] = [...through, process.execPath, PROGRAM, ...args, '--home', home]
  try {
    const { stdout, stderr } = await run(program, rest, { env: plainEnvironment(), timeout: 20_000 })
    return { code: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string }
    if (typeof code !== 'number') throw error
    return { code, stdout: stdout ?? '', stderr: stderr ?? '' }
  }
}

async function done(home: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await otad(home, args)
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' })
  return stdout
}

interface Desk {
  readonly daemon: RunningDaemon
  readonly home: string
  readonly folder: string
  readonly options: DaemonOptions
  /** Builds once more, and resolves when otad has taken it in. */
  publish(image: Uint8Array): Promise<void>
}

async function publishTo(daemon: RunningDaemon, folder: string, image: Uint8Array): Promise<void> {
  await renameOver(path.join(folder, NAME), image)
  await daemon.event('release.published', ({ digest }) => digest === digestOf(image))
}

/** A daemon that has published builds 1 to `count`, one after the other. */
async function withBuilds(count: number, args: readonly string[] = []): Promise<Desk> {
  const folder = await temporaryFolder()
  const daemon = await startDaemon({ folders: [folder], args })
  const publish: Desk['publish'] = image => publishTo(daemon, folder, image)
  for (let number = 1; number <= count; number++) await publish(build(number))
  const { home } = daemon
  return { daemon, home, folder, options: { folders: [folder], home, args }, publish }
}

const deviceOf = (daemon: RunningDaemon, fields: Partial<Device> = {}): Device => ({
  ca: daemon.ca,
  url: daemon.url(NAME),
  ...fields
})

/** What a device flashes that asks for the name, by both ways of esp_https_ota. */
async function expectFlashed(daemon: RunningDaemon, image: Buffer, fields: Partial<Device> = {}): Promise<void> {
  const device = deviceOf(daemon, fields)
  for (const flow of [oneShot, partial]) {
    const { outcome, slot, log } = await flow(device)
    expect({ outcome, digest: digestOf(slot) }, log.join('\n')).toEqual({ outcome: 'updated', digest: digestOf(image) })
  }
}

/** The same of one that says its MAC, as Arduino's HTTPUpdate does. */
async function expectFlashedByMac(daemon: RunningDaemon, mac: string, image: Buffer): Promise<void> {
  const { outcome, slot } = await oneShot(deviceOf(daemon), { headers: [['x-ESP32-STA-MAC', mac]] })
  expect({ outcome, digest: digestOf(slot) }).toEqual({ outcome: 'updated', digest: digestOf(image) })
}

async function manifestEntry(daemon: RunningDaemon): Promise<ManifestOfAll['releases'][number]> {
  const { releases } = JSON.parse((await getOnce(daemon, 'manifest.json')).body.toString()) as ManifestOfAll
  return releases.find(({ name }) => name === NAME) ?? expect.fail(`${NAME} is in no manifest`)
}

describe('otad rollback', () => {
  it('serves the build before whole, with a date that devices notice, until the next new build', async () => {
    const { daemon, home, publish } = await withBuilds(3)
    const listed = await done(home, 'releases')
    for (const number of [1, 2, 3])
      expect(listed).toMatch(new RegExp(`#${number} +1\\.${number}\\.0 +${shortOf(build(number))}`))
    expect(listed).toMatch(/1\.3\.0 .* current/)
    const before = await getOnce(daemon, NAME)
    const since = before.header('last-modified') ?? ''

    const said = await done(home, 'rollback', NAME)
    expect(said).toContain(`${NAME} is 1.2.0 (${shortOf(build(2))}, #2) from now on`)
    expect(said).toContain(`1.3.0 (${shortOf(build(3))}, #3) is set aside until the next new build`)
    expect(await daemon.event('release.rolledback')).toMatchObject({
      name: NAME,
      digest: digestOf(build(2)),
      from: digestOf(build(3)),
      hold: false
    })
    await becomesTrue('its date is not in the future', 3000, async () => {
      const { status, body, header } = await getOnce(daemon, NAME, { headers: [['If-Modified-Since', since]] })
      if (status === 304) return false
      expect({ status, etag: header('etag'), digest: digestOf(body) }).toEqual({
        status: 200,
        etag: etagOf(build(2)),
        digest: digestOf(build(2))
      })
      return Date.parse(header('last-modified') ?? '') > Date.parse(since)
    })
    await expectFlashed(daemon, build(2))
    expect((await getOnce(daemon, NAME, { headers: [['If-None-Match', etagOf(build(3))]] })).status).toBe(200)
    expect(await manifestEntry(daemon)).toMatchObject({
      current: { version: '1.2.0', sha256: digestOf(build(2)) },
      rollback: { from: digestOf(build(3)), hold: false },
      rejection: null
    })
    expect(await done(home, 'status')).toContain(`rolled back: 1.3.0 (${shortOf(build(3))}, #3) is set aside`)

    await publish(build(4))
    await becomesServed(daemon, NAME, build(4), 1000)
    await expectFlashed(daemon, build(4))
    expect((await manifestEntry(daemon)).rollback).toBeNull()
  })

  it('with --hold outlasts new builds, a restart, a kill and an emptied build folder, until otad unpin', {
    timeout: 60_000
  }, async () => {
    const { daemon, home, folder, options, publish } = await withBuilds(3)
    expect(await done(home, 'rollback', NAME, '1.1.0', '--hold')).toContain('rolled back and held: 1.3.0')
    await publish(build(4))
    const kept = await daemon.event('release.published', ({ version }) => version === '1.4.0')
    expect(kept.serving).toBe(`1.1.0 (${shortOf(build(1))})`)
    await expectFlashed(daemon, build(1))
    expect(await daemon.stop()).toBe(0)

    const second = await startDaemon(options)
    await expectFlashed(second, build(1))
    await rm(path.join(folder, NAME))
    await second.event('release.withdrawn')
    expect((await getOnce(second, NAME)).status).toBe(404)
    await second.stop('SIGKILL')

    const third = await startDaemon(options)
    await publishTo(third, folder, build(5))
    await becomesServed(third, NAME, build(1), 1000)
    await expectFlashed(third, build(1))
    expect(await done(home, 'status')).toContain('rolled back and held: 1.5.0')
    expect(await done(home, 'unpin', NAME)).toContain(`${NAME} is 1.5.0 (${shortOf(build(5))}, #5), its newest build`)
    await expectFlashed(third, build(5))
    await publishTo(third, folder, build(6))
    await becomesServed(third, NAME, build(6), 1000)
    expect(await third.stop()).toBe(0)
    await expectFlashed(await startDaemon(options), build(6))
  })

  it('says what there is when nothing is meant by what was typed, and changes nothing', async () => {
    const { daemon, home } = await withBuilds(2)
    const cases = [
      [['rollback', 'hello_wrld.bin'], 2, 'did you mean hello_world.bin?'],
      [['rollback', NAME, '9.9'], 2, `no release of ${NAME} is "9.9"; there are 1.2.0`],
      [['rollback', NAME, '1.2.0'], 2, 'is the current release'],
      [['unpin', NAME], 2, 'neither rolled back nor held'],
      [['unpin', MAC], 2, 'is not pinned'],
      [['pin', 'kitchen', '1.1.0'], 2, '"kitchen" is no device']
    ] as const
    for (const [args, code, sentence] of cases) {
      const said = await otad(home, args)
      expect({ code: said.code, stdout: said.stdout }, said.stderr).toEqual({ code, stdout: '' })
      expect(said.stderr).toContain(sentence)
      expect(said.stderr.trim().split('\n'), said.stderr).toHaveLength(2)
    }
    await expectFlashed(daemon, build(2))
  })
})

describe('otad pin', () => {
  it('gives one device its release by MAC and another by its address, while all others get the current one', async () => {
    const { daemon, home, publish } = await withBuilds(3)
    expect(await done(home, 'pin', MAC.toUpperCase(), '1.1.0')).toContain(`${MAC} is given 1.1.0`)
    expect(await done(home, 'pin', '127.0.0.50', `${NAME}@1.2.0`)).toContain('127.0.0.50 is given 1.2.0')
    const expectAll = async (current: Buffer): Promise<void> => {
      await expectFlashedByMac(daemon, MAC, build(1))
      await expectFlashedByMac(daemon, '24:6f:28:aa:bb:cd', current)
      await expectFlashed(daemon, build(2), { localAddress: '127.0.0.50' })
      await expectFlashed(daemon, current, { localAddress: '127.0.0.51' })
    }
    await expectAll(build(3))
    await publish(build(4))
    await expectAll(build(4))
    const status = await done(home, 'status')
    expect(status).toMatch(new RegExp(`${MAC} +${NAME} +1\\.1\\.0 \\(${shortOf(build(1))}, #1\\)`))
    expect(status).toMatch(/127\.0\.0\.50 +hello_world\.bin +1\.2\.0/)
    expect(await done(home, 'unpin', MAC)).toContain(`${MAC} is given the current release of ${NAME} again`)
    await expectFlashedByMac(daemon, MAC, build(4))
    await expectFlashed(daemon, build(2), { localAddress: '127.0.0.50' })
  })

  it('keeps the release for ever: --keep-releases 0 and many builds later, over a restart and a kill', {
    timeout: 60_000
  }, async () => {
    const { daemon, home, folder, options, publish } = await withBuilds(1, ['--keep-releases', '0'])
    await done(home, 'pin', MAC, '1.1.0')
    for (let number = 2; number <= 15; number++) await publish(build(number))
    const expectKept = async (daemon: RunningDaemon, newest: number): Promise<void> => {
      await expectFlashedByMac(daemon, MAC, build(1))
      await expectFlashedByMac(daemon, '24:6f:28:aa:bb:cd', build(newest))
      const { body } = await getOnce(daemon, `artifacts/${digestOf(build(1))}.bin`)
      expect(digestOf(body)).toBe(digestOf(build(1)))
    }
    await expectKept(daemon, 15)
    const { current, earlier } = await manifestEntry(daemon)
    expect([current?.version, ...earlier.map(({ version }) => version)]).toEqual(['1.15.0', '1.1.0'])
    expect((await getOnce(daemon, `artifacts/${digestOf(build(7))}.bin`)).status).toBe(404)
    expect(await daemon.stop()).toBe(0)
    const second = await startDaemon(options)
    await expectKept(second, 15)
    await publishTo(second, folder, build(16))
    await expectKept(second, 16)
    await second.stop('SIGKILL')
    await expectKept(await startDaemon(options), 16)
  })
})

describe('a build that is refused', () => {
  const BROKEN = withSegmentLength(build(3), 1, 0xffffffff)

  it('never takes a good one away: status and manifest say why, in the words of a device, and what is still served', {
    timeout: 60_000
  }, async () => {
    const { daemon, home, folder, options } = await withBuilds(2)
    await writeFile(path.join(folder, NAME), BROKEN)
    const { device, sentence } = await daemon.event('candidate.rejected')
    const expectStillServed = async (daemon: RunningDaemon, image: Buffer): Promise<void> => {
      await expectFlashed(daemon, image)
      const status = await done(home, 'status')
      expect(status).toContain('refused: segment 1 claims 4294967295 bytes')
      expect(status).toContain('a device would say: esp_image: invalid segment length 0xffffffff')
      expect(status).toContain(`still serving 1.${image.equals(build(2)) ? 2 : 1}.0 (${shortOf(image)}`)
      const { current, rejection } = await manifestEntry(daemon)
      expect(current?.sha256).toBe(digestOf(image))
      expect(rejection).toMatchObject({ sentence, device })
    }
    expect(device).toBe('esp_image: invalid segment length 0xffffffff')
    await expectStillServed(daemon, build(2))
    await done(home, 'rollback', NAME)
    await expectStillServed(daemon, build(1))
    expect(await manifestEntry(daemon)).toMatchObject({ rollback: { from: digestOf(build(2)), hold: false } })
    await daemon.stop('SIGKILL')
    const second = await startDaemon(options)
    await second.event('candidate.rejected')
    await expectStillServed(second, build(1))
    await publishTo(second, folder, build(4))
    await expectFlashed(second, build(4))
    expect(await manifestEntry(second)).toMatchObject({ rejection: null, rollback: null })
    expect(await done(home, 'status')).not.toContain('refused')
  })
})

describe('who may ask', () => {
  const NOBODY = 65534
  const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']

  it.skipIf(process.getuid?.() !== 0)(
    'is the user of the daemon alone, even where the folders are open to all',
    async () => {
      const { daemon, home } = await withBuilds(2)
      // As wide open as somebody could set them; the socket itself still is not.
      await chmod(home, 0o755)
      await chmod(path.join(home, 'state'), 0o777)
      for (const args of [['status'], ['rollback', NAME], ['pin', MAC, '1.1.0']]) {
        const { code, stdout, stderr } = await otad(home, args, asNobody)
        expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
        expect(stderr).toContain('belongs to another user: only the user who started it can ask it')
        expect(stderr).toContain('(OTAD_ERR_NOT_RUNNING)')
      }
      await expectFlashed(daemon, build(2))
      expect(await done(home, 'status')).toContain('1.2.0')
    }
  )

  it('is told in one sentence that no daemon runs, and how to start one', async () => {
    const home = await temporaryFolder()
    for (const args of [['status'], ['releases'], ['rollback', NAME], ['unpin', NAME], ['pin', MAC, '1.1.0']]) {
      const { code, stdout, stderr } = await otad(home, args)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      const [sentence, hint, ...more] = stderr.trim().split('\n')
      expect(sentence).toBe(`otad: no otad is running with the home ${home}`)
      expect(hint).toContain(`otad serve --home ${home}`)
      expect(more).toEqual([])
    }
  })

  it('is told the same of one that was killed', async () => {
    const { daemon, home } = await withBuilds(1)
    await daemon.stop('SIGKILL')
    const { code, stderr } = await otad(home, ['status'])
    expect(code).toBe(1)
    expect(stderr).toContain('no otad is running')
  })
})
