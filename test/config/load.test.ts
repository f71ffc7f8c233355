import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadSettings } from '../../src/config/load.js'
import { OPTION_KEYS, OPTIONS } from '../../src/config/options.js'
import { OperatorError } from '../../src/errors.js'
import { temporaryFolder } from '../support/daemon.js'

const nowhere = { flags: {}, env: {}, cwd: '/', defaultHome: () => '/nowhere' }

async function homeWith(settings: string): Promise<string> {
  const home = await temporaryFolder()
  await mkdir(path.join(home, 'config'))
  await writeFile(path.join(home, 'config', 'otad.json'), settings)
  return home
}

function complaintOf(load: () => unknown): OperatorError {
  try {
    load()
  } catch (error) {
    if (error instanceof OperatorError) return error
    throw error
  }
  throw new Error('nothing was wrong with these settings')
}

describe('settings', () => {
  it('are the defaults when nobody says anything', () => {
    const { settings, sources } = loadSettings(nowhere)
    expect(settings.port).toBe(8070)
    expect(sources.port).toBe('default')
    for (const key of OPTION_KEYS) if (key !== 'home') expect(settings[key]).toEqual(OPTIONS[key].default)
  })

  it('prefer flags to variables, variables to the file, the file to defaults, and know where each came from', async () => {
    const home = await homeWith('{ "port": 1111, "settleMs": 1, "keepReleases": 3 }')
    const { settings, sources } = loadSettings({
      ...nowhere,
      env: { OTAD_HOME: home, OTAD_PORT: '2222', OTAD_SETTLE_MS: '2' },
      flags: { port: '3333' }
    })
    expect([settings.port, settings.settleMs, settings.keepReleases]).toEqual([3333, 2, 3])
    expect([sources.port, sources.settleMs, sources.keepReleases, sources.host]).toEqual([
      '--port',
      'OTAD_SETTLE_MS',
      'config/otad.json',
      'default'
    ])
  })

  it('cannot be changed by whoever receives them', () => {
    expect(Object.isFrozen(loadSettings(nowhere).settings)).toBe(true)
  })

  it('take sizes with a unit, lists with commas, and switches in the words people use', () => {
    const { settings } = loadSettings({
      ...nowhere,
      env: { OTAD_MAX_IMAGE_BYTES: '4 MiB', OTAD_NAMES: 'a.lan, b.lan,', OTAD_POLL: 'yes' }
    })
    expect([settings.maxImageBytes, settings.names, settings.poll]).toEqual([4 * 1024 * 1024, ['a.lan', 'b.lan'], true])
  })

  it('let a flag turn off what the file turned on', async () => {
    const home = await homeWith('{ "poll": true }')
    expect(loadSettings({ ...nowhere, flags: { home, poll: false } }).settings.poll).toBe(false)
  })

  const wrong = [
    ['an unknown key, with the nearest known one', '{ "prot": 1 }', 'OTAD_ERR_UNKNOWN_SETTING', 'port'],
    ['the home inside its own file', '{ "home": "/" }', 'OTAD_ERR_UNKNOWN_SETTING', ''],
    ['text that is not JSON', '{ port: 1 }', 'OTAD_ERR_BAD_SETTINGS_FILE', 'JSON object'],
    ['an empty file', '', 'OTAD_ERR_BAD_SETTINGS_FILE', ''],
    ['a list instead of an object', '[]', 'OTAD_ERR_BAD_SETTINGS_FILE', ''],
    ['a number as text', '{ "port": "8070" }', 'OTAD_ERR_BAD_SETTING', ''],
    ['a port beyond 65535', '{ "port": 65536 }', 'OTAD_ERR_BAD_SETTING', ''],
    ['a word that is no choice', '{ "keyType": "dsa" }', 'OTAD_ERR_BAD_SETTING', ''],
    ['a text where a list belongs', '{ "names": "a" }', 'OTAD_ERR_BAD_SETTING', '']
  ] as const
  it.each(wrong)('refuse %s in the file', async (_what, text, code, hint) => {
    const home = await homeWith(text)
    const complaint = complaintOf(() => loadSettings({ ...nowhere, flags: { home } }))
    expect(complaint.code).toBe(code)
    expect(complaint.message).toContain('otad.json')
    expect(complaint.hint).toContain(hint)
    expect(complaint.exitCode).toBe(2)
  })

  it.each([
    ['OTAD_PROT', '1', 'OTAD_PORT'],
    ['OTAD_PORT', 'eighty', ''],
    ['OTAD_PORT', '-1', ''],
    ['OTAD_SLOT_SIZE', '1 MB', ''],
    ['OTAD_POLL', 'maybe', '']
  ])('refuse the variable %s=%s', (name, text, hint) => {
    const complaint = complaintOf(() => loadSettings({ ...nowhere, env: { [name]: text } }))
    expect(complaint.message).toContain(name)
    expect(complaint.hint).toContain(hint)
  })
})
