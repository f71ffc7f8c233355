import { describe, expect, it } from 'vitest'
import { type AskedDaemon, digestOf, openAskedDaemon } from '../support/asked-daemon.js'
import { temporaryFolder } from '../support/daemon.js'
import { type Said, type } from '../support/desk.js'

const MAC = '24:6f:28:aa:bb:cc'
const shortOf = (build: string): string => digestOf(build).slice(0, 8)

/** Types a command at the home of a daemon. */
const at = ({ home }: AskedDaemon, ...args: readonly string[]): Promise<Said> => type([...args, '--home', home])

async function withThreeBuilds(): Promise<AskedDaemon> {
  const daemon = await openAskedDaemon()
  for (const build of ['1.0', '1.1', '1.2']) await daemon.publish('app.bin', build)
  return daemon
}

describe('otad status', () => {
  it('shows what is served since when, refused, rolled back, pinned and under way', async () => {
    const daemon = await withThreeBuilds()
    await daemon.publish('left/app.bin', '7.0', { publishedAt: Date.now() - 3 * 60_000, chip: 'esp32s3' })
    await daemon.commit({
      type: 'refuse',
      name: 'left/app.bin',
      refusal: {
        reason: 'segment-length',
        sentence: 'segment 1 claims 4294967295 bytes',
        device: 'esp_image: invalid segment length 0xffffffff',
        at: Date.now()
      }
    })
    await at(daemon, 'rollback', 'app.bin', '--hold')
    await at(daemon, 'pin', MAC, 'app.bin@1.0')
    const { code, stdout, stderr } = await at(daemon, 'status')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^otad 9\.8\.7 {3}https:\/\/192\.168\.1\.8:8070\n/)
    expect(stdout).toMatch(/^serving, started \d+ days ago \(2026-01-0\d \d\d:\d\d:05\), 2 downloads under way$/m)
    expect(stdout).toContain(`  app.bin       1.1  esp32  842 KiB  ${shortOf('1.1')}  #2  published just now\n`)
    expect(stdout).toContain(
      `    rolled back and held: 1.2 (${shortOf('1.2')}, #3) is set aside, and every build to come is kept back, until otad unpin app.bin\n`
    )
    expect(stdout).toContain(`  left/app.bin  7.0  esp32s3  842 KiB  ${shortOf('7.0')}  #1  published 3 minutes ago\n`)
    expect(stdout).toContain('    refused: segment 1 claims 4294967295 bytes   (just now)\n')
    expect(stdout).toContain('    a device would say: esp_image: invalid segment length 0xffffffff\n')
    expect(stdout).toContain(`    still serving 7.0 (${shortOf('7.0')}, #1)\n`)
    expect(stdout).toContain(`  pinned devices\n    ${MAC}  app.bin  1.0 (${shortOf('1.0')}, #1)\n`)
  })

  it('says when nothing is served under a name, and why', async () => {
    const daemon = await withThreeBuilds()
    await daemon.commit({ type: 'withdraw', name: 'app.bin', at: 1 })
    const refusal = { reason: 'truncated', sentence: 'it is cut off', device: undefined, at: Date.now() }
    await daemon.commit({ type: 'refuse', name: 'bad.bin', refusal })
    const { stdout } = await at(daemon, 'status')
    expect(stdout).toContain('  app.bin  not served: its file is gone\n')
    expect(stdout).toContain('  bad.bin  not served: its file is refused\n    refused: it is cut off   (just now)\n')
    expect(stdout).not.toContain('a device would say')
  })

  it('names what is set aside by its digest where that is all that is known', async () => {
    const daemon = await withThreeBuilds()
    const release = daemon.catalog().entry('app.bin')?.earlier[0] ?? expect.fail()
    await daemon.commit({ type: 'rollback', release, hold: false, from: digestOf('lost') })
    expect((await at(daemon, 'status')).stdout).toContain(`rolled back: ${shortOf('lost')} is set aside`)
  })

  it('says that nothing is served yet', async () => {
    expect((await at(await openAskedDaemon(), 'status')).stdout).toContain('nothing is served yet')
  })

  it('lets no image write on the terminal, nor any name', async () => {
    const daemon = await openAskedDaemon()
    await daemon.publish('\u001b[31mred.bin', '\u009b2J\n  forged.bin  1.0', {})
    for (const command of ['status', 'releases']) {
      const { stdout } = await at(daemon, command)
      expect(stdout).toContain('\\u001b[31mred.bin')
      expect(stdout).toContain('\\u009b2J\\u000a  forged.bin')
      expect(stdout).not.toMatch(/[\u001b\u009b]/)
    }
  })

  it('takes the home from OTAD_HOME', async () => {
    const { home } = await openAskedDaemon()
    expect(await type(['status'], { env: { OTAD_HOME: home } })).toMatchObject({ code: 0 })
  })

  it.each([
    ['status'],
    ['releases'],
    ['rollback', 'app.bin'],
    ['pin', MAC, '1.0'],
    ['unpin', 'app.bin'],
    ['devices'],
    ['wait', 'app.bin', '--device', MAC, '--timeout', '0']
  ])('and the others say with exit code 1 that no otad is running: %s', async (...args) => {
    const home = await temporaryFolder()
    const { code, stdout, stderr } = await type([...args, '--home', home])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain(`no otad is running with the home ${home}`)
    expect(stderr).toContain('--home DIR')
  })
})

describe('otad releases', () => {
  it('draws a table of all names, or of one', async () => {
    const daemon = await withThreeBuilds()
    await daemon.publish('b.bin', '', { publishedAt: new Date(2026, 0, 2, 3, 4, 5).getTime() })
    await at(daemon, 'rollback', 'app.bin', '1.1')
    await at(daemon, 'pin', MAC, '1.0')
    const { stdout } = await at(daemon, 'releases')
    const [header = '', ...rows] = stdout.trimEnd().split('\n')
    expect(header.split(/ {2,}/)).toEqual([
      'NAME',
      '#',
      'VERSION',
      'DIGEST',
      'SIZE',
      'PUBLISHED',
      'STATE',
      'PINNED DEVICES'
    ])
    const cells = rows.map(row => row.split(/ {2,}/))
    expect(cells.map(([name, number, version, digest, size]) => [name, number, version, digest, size])).toEqual([
      ['app.bin', '#3', '1.2', shortOf('1.2'), '842 KiB'],
      ['app.bin', '#2', '1.1', shortOf('1.1'), '842 KiB'],
      ['app.bin', '#1', '1.0', shortOf('1.0'), '842 KiB'],
      ['b.bin', '#1', '-', shortOf(''), '842 KiB']
    ])
    expect(cells.map(row => row.slice(6))).toEqual([['set aside'], ['current'], ['kept', MAC], ['current']])
    expect(cells[3]?.[5]).toBe('2026-01-02 03:04:05')
    expect((await at(daemon, 'releases', '/b.bin')).stdout.split('\n')).toHaveLength(3)
  })

  it('says when there is none', async () => {
    expect((await at(await openAskedDaemon(), 'releases')).stdout).toBe('no release is kept yet\n')
  })
})

describe('otad rollback', () => {
  it('says what is served from now on, and what is set aside until when', async () => {
    const daemon = await withThreeBuilds()
    expect(await at(daemon, 'rollback', 'app.bin')).toEqual({
      code: 0,
      stdout:
        `app.bin is 1.1 (${shortOf('1.1')}, #2) from now on\n` +
        `rolled back: 1.2 (${shortOf('1.2')}, #3) is set aside until the next new build\n`,
      stderr: ''
    })
    expect((await at(daemon, 'rollback', 'app.bin', '#3')).stdout).toBe(
      `app.bin is 1.2 (${shortOf('1.2')}, #3) from now on\n`
    )
    expect((await at(daemon, 'rollback', 'app.bin', '1.2', '--hold')).stdout).toContain(
      'held: builds to come are kept back until otad unpin app.bin\n'
    )
  })

  it('ends with 2 and names the candidates where the release is not clear', async () => {
    const daemon = await withThreeBuilds()
    await daemon.publish('app.bin', 'other bytes', { version: '1.0' })
    const { code, stdout, stderr } = await at(daemon, 'rollback', 'app.bin', '1.0')
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(`1.0 (${shortOf('1.0')}, #1)`)
    expect(stderr).toContain('(OTAD_ERR_NO_SUCH_RELEASE)')
  })

  it('prints the same as JSON', async () => {
    const daemon = await withThreeBuilds()
    const { stdout } = await at(daemon, 'rollback', 'app.bin', '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      current: { number: 2 },
      setAside: { release: { number: 3 } },
      hold: false
    })
    expect(JSON.parse((await at(daemon, 'status', '--json')).stdout)).toEqual(await daemon.operations.status())
    expect(JSON.parse((await at(daemon, 'releases', '--json')).stdout)).toEqual(await daemon.operations.releases())
  })
})

describe('otad pin and unpin', () => {
  it('say what a device is given, and what it is given no more', async () => {
    const daemon = await withThreeBuilds()
    const named = `1.0 (${shortOf('1.0')}, #1)`
    expect((await at(daemon, 'pin', '246F28AABBCC', '1.0')).stdout).toBe(
      `${MAC} is given ${named} of app.bin from now on\n`
    )
    expect((await at(daemon, 'unpin', MAC)).stdout).toBe(
      `${MAC} is given the current release of app.bin again, and not ${named}\n`
    )
    expect(await at(daemon, 'unpin', MAC)).toMatchObject({ code: 2, stdout: '' })
  })

  it('let go of a name', async () => {
    const daemon = await withThreeBuilds()
    await at(daemon, 'rollback', 'app.bin')
    expect((await at(daemon, 'unpin', 'app.bin')).stdout).toBe(
      `app.bin is 1.2 (${shortOf('1.2')}, #3), its newest build, from now on\n`
    )
  })
})

describe('the help', () => {
  it.each(['status', 'releases', 'rollback', 'pin', 'unpin'])('of %s has examples and exit codes', async command => {
    const { stdout } = await type([command, '--help'])
    expect(stdout).toContain('Examples:')
    expect(stdout).toContain('Exit codes:')
    expect(stdout).toContain('--home <DIR>')
  })
})
