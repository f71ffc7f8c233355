import { describe, expect, it } from 'vitest'
import { writeDiagnosis } from '../../src/cli/report-doctor.js'
import type { DeviceHistory, VerdictKind } from '../../src/devices/device-facts.js'
import { diagnose } from '../../src/doctor/checks.js'
import type { Facts, MachineFacts, ProjectFacts } from '../../src/doctor/facts.js'
import { isInSubnet, neighbourIn } from '../../src/doctor/subnet.js'

const AT = '2026-11-21T12:00:00.000Z'

function machine(more: Partial<MachineFacts> = {}): MachineFacts {
  const lan = { address: '192.168.1.8', family: 4, interfaceName: 'eth0', isLoopback: false, isInside: false } as const
  return {
    platform: 'linux',
    isRoot: false,
    hostName: 'bench',
    addresses: [{ ...lan, cidr: '192.168.1.8/24' }],
    advertised: '192.168.1.8',
    container: null,
    wsl: null,
    firstFreePort: 1024,
    ...more
  }
}

/** A machine with nothing wrong, an otad that runs and no project. */
function facts(more: Partial<Facts> = {}): Facts {
  const ours = {
    host: '192.168.1.8',
    port: 8070,
    scheme: 'https',
    outcome: 'ours',
    detail: 'otad',
    certificate: null
  } as const
  return {
    at: AT,
    settings: {
      home: '/home',
      host: '::',
      hostSource: 'default',
      port: 8070,
      portSource: 'default',
      ports: [],
      httpPort: null,
      names: [],
      advertise: '',
      certMode: 'ca',
      maxTlsRecord: 4096,
      asksForCredentials: false
    },
    machine: machine(),
    daemon: { ...DAEMON, devices: null },
    port: { port: 8070, sockets: null, probes: [ours] },
    firewalls: [],
    certificate: { source: 'own', anchor: null, leaf: null, problem: null, readableKeys: [] },
    releases: [],
    resolved: [],
    projects: [],
    ...more
  }
}

const DAEMON = {
  version: '1.0.0',
  since: '2026-11-21T11:00:00.000Z',
  origin: 'https://192.168.1.8:8070',
  host: '192.168.1.8',
  port: 8070,
  names: [{ name: 'a.bin', current: { digest: 'x' }, refusal: null, rollback: null }] as never,
  pins: []
}

/** A project that says one thing: where its firmware is. */
function aProjectWith(text: string): ProjectFacts {
  return {
    folder: '/p',
    system: 'esp-idf',
    description: 'p',
    expectedApps: ['p.bin'],
    unread: [],
    leftOut: [],
    urls: [{ text, file: 'sdkconfig', line: 1, name: 'CONFIG_OTA_URL', origin: 'config', form: 'url' }],
    certificates: [],
    missingCertificates: [],
    keys: [],
    options: { file: null, values: {} },
    marks: {
      files: 1,
      confirmsApp: null,
      skipsNameCheck: null,
      skipsVerification: null,
      usesBundle: null,
      setsClock: null,
      updates: null
    },
    tables: [],
    outputs: [],
    newest: null
  }
}

const found = (more: Partial<Facts>) => diagnose(facts(more)).findings.filter(({ severity }) => severity !== 'note')

function at(address: string, interfaceName = 'eth0'): Partial<MachineFacts> {
  const isInside = /^(docker|wg)/.test(interfaceName)
  const own = { address, family: 4, interfaceName, isLoopback: false, isInside, cidr: `${address}/16` } as const
  return { addresses: [own], advertised: address }
}

describe('the doctor', () => {
  it('has no complaint where nothing is wrong', () => {
    expect(found({})).toEqual([])
  })

  it('says what a container means for the address', () => {
    const [inside] = found({ machine: machine({ container: 'Docker', ...at('172.17.0.2') }) })
    expect(inside).toMatchObject({ code: 'container-address', severity: 'serious' })
    expect(inside?.hint).toMatch(/--advertise.*-p 8070:8070/)
    expect(found({ machine: machine({ container: 'Docker' }) })).toEqual([])
  })

  it('says what WSL2 means for the address, with the lines for Windows', () => {
    const [wsl] = found({ machine: machine({ wsl: 2, ...at('172.24.3.5') }) })
    expect(wsl).toMatchObject({ code: 'wsl-address', severity: 'serious' })
    expect(wsl?.hint).toContain('netsh interface portproxy add v4tov4 listenaddress=0.0.0.0 listenport=8070')
    expect(wsl?.hint).toContain('netsh advfirewall firewall add rule')
    expect(found({ machine: machine({ wsl: 2 }) })).toEqual([])
  })

  it('says that a machine without a network is alone', () => {
    const alone = { addresses: [], advertised: '127.0.0.1' }
    expect(found({ machine: machine(alone) }).map(({ code }) => code)).toContain('no-lan-address')
    expect(found({ machine: machine(at('169.254.7.7')) }).map(({ code }) => code)).toContain('link-local-only')
    expect(found({ machine: machine(at('10.8.0.2', 'wg0')) }).map(({ code }) => code)).toContain(
      'only-inside-addresses'
    )
  })

  it('says that another program answers where devices are sent', () => {
    const stranger = {
      host: '192.168.1.8',
      port: 8070,
      scheme: 'https',
      outcome: 'stranger',
      detail: 'nginx',
      certificate: null
    } as const
    expect(found({ port: { port: 8070, sockets: null, probes: [stranger] } })).toMatchObject([
      { code: 'port-answered-by-another', sentence: expect.stringContaining('nginx') }
    ])
  })

  // The hosts once were keys of a plain object, whose own properties these are.
  it.each(['constructor', '__proto__', 'toString'])('takes %s for a host like any other', host => {
    const projects = [aProjectWith(`https://${host}:8070/p.bin`)]
    expect(found({ projects, daemon: null })).toMatchObject([{ code: 'url-wrong-host' }])
    const resolved = [{ host: host.toLowerCase(), addresses: ['192.168.1.8'] }]
    expect(found({ projects, daemon: null, resolved })).toEqual([])
  })

  // A home that had served another project, and one that serves it now, once made the right URL a wrong one.
  it('takes the name that a project will be served under for right, whatever else is served', () => {
    const projects = [aProjectWith('https://192.168.1.8:8070/p.bin')]
    const other = {
      digest: 'y',
      version: '1',
      secureVersion: null,
      folder: '/q',
      warnings: [],
      highestSecureVersion: null
    }
    expect(found({ projects, daemon: null, releases: [{ name: 'q.bin', ...other }] })).toEqual([])
    expect(found({ projects })).toEqual([])
    expect(found({ projects: [aProjectWith('https://192.168.1.8:8070/z.bin')] })).toMatchObject([
      { code: 'url-wrong-path' }
    ])
  })

  it('leaves out browsers, and this machine itself', () => {
    const seen = (address: string, client: string): DeviceHistory =>
      ({
        id: address,
        address,
        client,
        label: null,
        lastSeen: AT,
        verdict: { at: AT, is: 'cut', sentence: 'cut', fix: null, name: null, digest: null, count: 1 }
      }) as unknown as DeviceHistory
    const devices = [seen('192.168.1.50', 'browser'), seen('192.168.1.8', 'unknown')]
    const said = facts({ daemon: { ...DAEMON, devices } })
    expect(found(said)).toEqual([])
    expect(writeDiagnosis(said, diagnose(said))).not.toMatch(/^device /m)
  })

  it('says what a device of this network did last, and leaves out what went well and what is elsewhere', () => {
    const device = (address: string, is: VerdictKind): DeviceHistory =>
      ({
        id: address,
        address,
        label: null,
        lastSeen: AT,
        verdict: { at: AT, is, sentence: `it is ${is}`, fix: 'do this', name: null, digest: null, count: 1 }
      }) as unknown as DeviceHistory
    const devices = [
      device('192.168.1.50', 'handshake-failed'),
      device('192.168.1.51', 'complete'),
      device('10.1.1.1', 'cut')
    ]
    expect(found({ daemon: { ...DAEMON, devices } })).toMatchObject([
      { code: 'device-handshake-failed', severity: 'warning', hint: 'do this' }
    ])
  })

  it('puts what is serious first, and one sentence last', () => {
    const { findings, verdict } = diagnose(
      facts({
        at: '2026-11-21T10:00:00.000Z',
        firewalls: [
          { tool: 'ufw', port: 8070, decision: 'drops', reason: 'default: deny', fix: 'sudo ufw allow 8070/tcp' }
        ]
      })
    )
    expect(findings.map(({ severity }) => severity)).toEqual(['serious', 'warning', 'note'])
    expect(verdict).toContain('ufw drops')
  })
})

describe('a subnet', () => {
  it.each([
    ['192.168.1.50', '192.168.1.8/24', true],
    ['192.168.2.50', '192.168.1.8/24', false],
    ['192.168.1.50', '192.168.1.0/255.255.255.0', true],
    ['fd00::5', 'fd00::2/64', true],
    ['fd00::5', '192.168.1.0/24', false],
    ['x', '192.168.1.0/24', false],
    ['192.168.1.1', 'nonsense/99', false]
  ])('%s in %s: %s', (address, cidr, isInside) => {
    expect(isInSubnet(address, cidr)).toBe(isInside)
  })

  it.each(['192.168.1.8/24', '10.0.0.250/24', '192.168.1.199/24'])('has a neighbour in %s', cidr => {
    expect(isInSubnet(neighbourIn(cidr), cidr)).toBe(true)
    expect(cidr).not.toContain(`${neighbourIn(cidr)}/`)
  })
})
