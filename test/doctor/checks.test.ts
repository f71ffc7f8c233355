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

/** What a home has served of another project. */
const OTHER_RELEASE = {
  digest: 'y',
  version: '1',
  secureVersion: null,
  folder: '/q',
  warnings: [],
  highestSecureVersion: null
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
    expect(found({ projects, daemon: null, releases: [{ name: 'q.bin', ...OTHER_RELEASE }] })).toEqual([])
    expect(found({ projects })).toEqual([])
    expect(found({ projects: [aProjectWith('https://192.168.1.8:8070/z.bin')] })).toMatchObject([
      { code: 'url-wrong-path' }
    ])
  })

  // Whoever builds in PlatformIO was told to ask for firmware.bin, which is there only where one environment's folder is served.
  it('takes for right what otad would serve of PlatformIO, whatever the home served once', () => {
    const output = {
      folder: '/p/.pio/build/esp32dev',
      chip: 'esp32',
      image: null,
      app: '.pio/build/esp32dev/firmware.bin'
    }
    const ofUrl = (name: string): ProjectFacts => ({
      ...aProjectWith(`https://192.168.1.8:8070/${name}`),
      system: 'platformio',
      expectedApps: ['esp32dev/firmware.bin', 'other/firmware.bin'],
      outputs: [output]
    })
    const complaints = (name: string) =>
      found({ projects: [ofUrl(name)], daemon: null, releases: [{ name: 'hello_world.bin', ...OTHER_RELEASE }] })
    for (const name of ['esp32dev/firmware.bin', 'firmware.bin', 'other/firmware.bin'])
      expect(complaints(name), name).toEqual([])
    expect(complaints('hello_world.bin')).toMatchObject([
      {
        code: 'url-wrong-path',
        severity: 'serious',
        sentence: expect.stringMatching(
          /the build makes esp32dev\/firmware\.bin.*expected https:\S+\/esp32dev\/firmware\.bin$/
        )
      }
    ])
  })

  it('is sure of the letters of a name that the build folder tells, before any start', () => {
    const built = { folder: '/p/build', chip: 'esp32', image: null, app: 'build/p.bin' }
    const complaints = (name: string) =>
      found({ projects: [{ ...aProjectWith(`https://192.168.1.8:8070/${name}`), outputs: [built] }], daemon: null })
        .filter(({ code }) => code === 'url-wrong-path')
        .map(({ severity }) => severity)
    for (const name of ['P.bin', 'p.BIN']) expect(complaints(name)).toEqual(['serious'])
    // A label may be typed when otad is started.
    expect(complaints('left/p.bin')).toEqual(['warning'])
    expect(complaints('p.bin')).toEqual([])
  })

  it('says first that the running otad watches something else', () => {
    const image = { file: 'build/p.bin', digest: 'p', isServable: true, problems: [], device: [], modifiedAt: AT }
    const output = { folder: '/p/build', chip: 'esp32', image: image as never, app: 'build/p.bin' }
    const project = { ...aProjectWith('https://192.168.1.8:8070/P.bin'), outputs: [output] }
    const releases = [{ name: 'q.bin', ...OTHER_RELEASE }]
    expect(found({ projects: [project], releases })).toMatchObject([
      { code: 'not-watched', sentence: expect.stringContaining('it watches /q') },
      { code: 'url-wrong-path', sentence: expect.stringContaining('expected https://192.168.1.8:8070/p.bin') }
    ])
  })

  // "set CONFIG_…=https://127.0.0.1, build and flash it once" was the first thing that it said to a laptop in flight mode.
  it('gives no advice about URLs to a machine that has no address for them', () => {
    const addresses = [
      { address: '127.0.0.1', family: 4, interfaceName: 'lo', isLoopback: true, isInside: false, cidr: null }
    ] as const
    const alone = facts({
      machine: machine({ addresses, advertised: '127.0.0.1' }),
      daemon: null,
      projects: [aProjectWith('https://192.168.1.8:8070/p.bin')]
    })
    expect(found(alone).map(({ code }) => code)).toEqual(['no-lan-address'])
    expect(writeDiagnosis(alone, diagnose(alone))).not.toContain('https://127.0.0.1')
    const socket = { address: '::', port: 8070, holder: null }
    const served = { ...alone, daemon: { ...DAEMON, host: '127.0.0.1', devices: null } }
    expect(found({ ...served, port: { port: 8070, sockets: [socket], probes: [] } }).map(({ code }) => code)).toEqual([
      'no-lan-address'
    ])
    const wrong = { ...alone, projects: [aProjectWith('https://localhost:8070/p.bin')] }
    expect(found(wrong).map(({ code }) => code)).toEqual(['no-lan-address', 'url-loopback'])
    expect(writeDiagnosis(wrong, diagnose(wrong))).not.toContain('https://127.0.0.1')
  })

  it('takes a rule of the firewall for the reason why nothing answers', () => {
    const silent = {
      host: '192.168.1.8',
      port: 8070,
      scheme: 'https',
      outcome: 'silent',
      detail: '',
      certificate: null
    } as const
    const socket = { address: '::', port: 8070, holder: null }
    const drops = {
      tool: 'nftables',
      port: 8070,
      decision: 'drops',
      reason: 'tcp dport 8070 drop',
      fix: 'sudo nft'
    } as const
    const port = { port: 8070, sockets: [socket], probes: [silent] }
    expect(found({ port, firewalls: [drops] }).map(({ code }) => code)).toEqual(['firewall-drops'])
    const [unseen] = found({ port })
    expect(unseen?.code).toBe('port-unreachable')
    expect(unseen?.hint).not.toContain('--host')
    const elsewhere = { ...port, sockets: [{ ...socket, address: '10.0.0.1' }] }
    expect(found({ port: elsewhere, firewalls: [drops] }).map(({ code }) => code)).toEqual([
      'firewall-drops',
      'port-unreachable'
    ])
  })

  it('leaves the renewal of a certificate to the otad that is not started yet', () => {
    const dates = { validFrom: '2025-11-01T00:00:00.000Z', validTo: '2026-11-20T00:00:00.000Z' }
    const leaf = {
      file: 'server_cert.pem',
      subject: '',
      fingerprint: 'B',
      isCa: false,
      keyType: 'ec',
      dnsNames: ['192.168.1.8'],
      ipAddresses: [],
      ...dates
    }
    const anchor = { ...leaf, file: 'ca_cert.pem', fingerprint: 'A', isCa: true, validTo: '2046-11-20T00:00:00.000Z' }
    const certificate = { source: 'ca', anchor, leaf, problem: null, readableKeys: [] } as const
    expect(found({ certificate, daemon: null })).toEqual([])
    expect(found({ certificate })).toMatchObject([{ code: 'certificate-expired', severity: 'serious' }])
  })

  it('knows a name of the certificate for its own', () => {
    const leaf = {
      file: 'own.pem',
      subject: '',
      fingerprint: 'B',
      isCa: false,
      keyType: 'ec',
      dnsNames: ['ota.example.com'],
      ipAddresses: [],
      validFrom: AT,
      validTo: '2027-11-20T00:00:00.000Z'
    }
    const certificate = { source: 'own', anchor: null, leaf, problem: null, readableKeys: [] } as const
    const codes = found({ certificate, projects: [aProjectWith('https://ota.example.com:8070/p.bin')] }).map(
      ({ code }) => code
    )
    expect(codes).not.toContain('url-wrong-host')
  })

  it.each([
    ['unread', 'project-unreadable'],
    ['leftOut', 'project-too-large']
  ] as const)('does not call a project healthy of which something is %s', (kind, code) => {
    const project = { ...aProjectWith('https://192.168.1.8:8070/p.bin'), [kind]: ['main/', 'a.c', 'b.c', 'c.c', 'd.c'] }
    const { findings, verdict } = diagnose(facts({ projects: [project] }))
    expect(findings.filter(found => found.code === code)).toMatchObject([
      { severity: 'warning', sentence: expect.stringContaining('main/, a.c, b.c and 2 more') }
    ])
    expect(verdict).not.toContain('Nothing was found')
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
