import { describe, expect, it } from 'vitest'
import { watchInLines } from '../../src/cli/watch-devices.js'
import { chooseDevices } from '../../src/devices/device-choice.js'
import type { DeviceHistory } from '../../src/devices/device-facts.js'
import { aDevice, aDownload, anEvent } from '../support/a-device.js'
import { openAskedDaemon } from '../support/asked-daemon.js'
import { type Said, type } from '../support/desk.js'

const MAC = '24:6f:28:aa:bb:cc'
const HISTORY = [anEvent({ is: 'cut', sentence: 'cut at 61 %' })]
const KITCHEN = aDevice({ id: MAC, mac: MAC, identity: 'mac', label: 'kitchen', verdict: HISTORY[0] ?? null })
const OTHER = aDevice({ id: '192.168.1.51', address: '192.168.1.51', downloads: [aDownload()] })

/** Types a command at the home of a daemon that these have come to. */
async function typed(devices: readonly DeviceHistory[], ...args: readonly string[]): Promise<Said> {
  const told = (history: boolean, asked?: string) =>
    (asked === undefined ? devices : chooseDevices(devices, asked)).map(device =>
      history ? { ...device, history: HISTORY } : device
    )
  const { home } = await openAskedDaemon({ devices: told })
  return type([...args, '--home', home])
}

describe('otad devices', () => {
  it('lists all of them', async () => {
    const { code, stdout, stderr } = await typed([KITCHEN, OTHER], 'devices')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^DEVICE .*\n192\.168\.1\.51 .*\n {4}█.*\nkitchen .*\n {4}cut at 61 %\n$/)
  })

  it.each(['kitchen', MAC, '24-6F-28-AA-BB-CC', '246f28aabbcc', '192.168.1.50'])(
    'tells the history of one, known as %s',
    async device => {
      const { stdout } = await typed([OTHER, KITCHEN], 'devices', device)
      expect(stdout).toMatch(/^kitchen {3}24:6f:28:aa:bb:cc\n[\s\S]*cut at 61 %\n$/)
      expect(stdout).not.toContain('192.168.1.51')
    }
  )

  it('prints the same as JSON, with histories only where they are asked for', async () => {
    const { history, ...facts } = KITCHEN
    expect(JSON.parse((await typed([KITCHEN], 'devices', '--json')).stdout)).toEqual([facts])
    expect(JSON.parse((await typed([KITCHEN], 'devices', MAC, '--json')).stdout)).toEqual([
      { ...facts, history: HISTORY }
    ])
    expect(JSON.parse((await typed([], 'devices', '--json')).stdout)).toEqual([])
  })

  it('prints no character raw that a terminal would obey, and the same text all the same', async () => {
    const hostile = aDevice({ id: '192.168.1.66', address: '192.168.1.66', userAgent: 'a\u009b2J\u202eb\u2028' })
    for (const args of [
      ['devices', '--json'],
      ['devices', '192.168.1.66', '--json']
    ]) {
      const { stdout } = await typed([hostile], ...args)
      expect(stdout).not.toMatch(/[\u007f-\u009f\u2028-\u202e]/)
      expect(JSON.parse(stdout)).toMatchObject([{ userAgent: hostile.userAgent }])
    }
  })

  it('ends with 2 where no such device has come', async () => {
    const { code, stdout, stderr } = await typed([KITCHEN], 'devices', '192.168.1.99')
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain('no device that has come is known as 192.168.1.99')
  })
})

describe('otad devices --watch', () => {
  // It kept the line of every device that had ever come, for as long as it ran.
  it('keeps in mind those alone that the daemon knows', async () => {
    const stopping = new AbortController()
    const answers = [[KITCHEN, OTHER], [OTHER], [OTHER], [KITCHEN, OTHER]]
    const ask = async (): Promise<readonly DeviceHistory[]> => {
      if (answers.length === 1) stopping.abort()
      return answers.shift() ?? []
    }
    const lines: string[] = []
    const io = {
      stdout: (line: string) => void lines.push(line),
      stderr: () => {},
      terminalRows: () => 24,
      signal: stopping.signal,
      unread: new AbortController().signal
    }
    await watchInLines({ ask, io }, ({ id }) => id, String)
    expect(lines).toEqual([`${OTHER.id}\n`, `${MAC}\n`, `${MAC}\n`])
  })
})

describe('otad status', () => {
  it('says how many devices there are, and which to look at', async () => {
    const failed = anEvent({ is: 'handshake-failed', sentence: 'it trusts another CA' })
    const { stdout } = await typed([OTHER, { ...KITCHEN, verdict: failed }], 'status')
    expect(stdout.split('\n')[2]).toBe('2 devices, 1 downloading; look at kitchen (handshake failed)')
  })
})

describe('otad wait', () => {
  it.each([
    [['wait', '--device', MAC], "missing required argument 'name'"],
    [['wait', 'app.bin'], "required option '--device <DEVICE>' not specified"],
    [['wait', 'app.bin', '--device', MAC, '--timeout', 'soon'], '--timeout: "soon" is no duration']
  ])('ends with 2 for %j', async (args, sentence) => {
    const { code, stdout, stderr } = await typed([], ...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(sentence)
  })
})

describe('the help', () => {
  it.each(['devices', 'wait'])('of %s has examples and exit codes', async command => {
    const { stdout } = await type([command, '--help'])
    expect(stdout).toContain('Examples:')
    expect(stdout).toContain('Exit codes:')
    expect(stdout).toContain('--home <DIR>')
  })
})
