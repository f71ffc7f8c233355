import { isIP } from 'node:net'
import { isLoopbackAddress, isLoopbackHost } from '../../loopback.js'
import { clockTime } from '../../words.js'
import { lanAddresses } from '../expected.js'
import type { Facts, Probe } from '../facts.js'
import { type Found, note, serious, warning } from '../finding.js'

/** Whether otad listens where devices can reach it. */
export function checkPort(facts: Facts): readonly Found[] {
  return facts.daemon === null ? checkBeforeStart(facts) : checkRunning(facts)
}

function checkRunning(facts: Facts): readonly Found[] {
  const { daemon, port, settings } = facts
  if (daemon === null) return []
  const found: Found[] = []
  if (settings.port !== daemon.port && settings.port !== 0 && settings.portSource !== 'default')
    found.push(
      warning(
        'other-port',
        `the running otad listens at port ${daemon.port}, ${settings.portSource} says ${settings.port}`,
        `start it again for ${settings.port} to count, or leave ${settings.portSource} away`
      )
    )
  const bound = (port.sockets ?? []).filter(socket => socket.port === daemon.port)
  const onlyLoopback = bound.length > 0 && bound.every(({ address }) => isLoopbackAddress(address))
  const wanted = targetsOf(facts)
  if (onlyLoopback || (bound.length === 0 && isLoopbackHost(daemon.host) && settings.advertise === '')) {
    const at = bound[0]?.address ?? daemon.host
    return [...found, loopback(`otad listens at ${at} only`, facts)]
  }
  const [reached] = port.probes.filter(({ host, scheme }) => scheme === 'https' && wanted.includes(host))
  if (reached === undefined || reached.outcome === 'ours') return found
  const isEverywhere = bound.some(({ address }) => address === '::' || address === '0.0.0.0')
  const isSilent = reached.outcome === 'refused' || reached.outcome === 'silent'
  // The firewall is what is to be changed, and is told by another check.
  if (isSilent && isEverywhere && facts.firewalls.some(({ decision }) => decision === 'drops')) return found
  return [...found, wrongAnswer(reached, isEverywhere)]
}

/** The address that a device comes to. */
function targetsOf(facts: Facts): readonly string[] {
  const own = facts.machine.addresses.map(({ address }) => address)
  if (own.includes(facts.machine.advertised)) return [facts.machine.advertised]
  return lanAddresses(facts)
    .slice(0, 1)
    .map(({ address }) => address)
}

function wrongAnswer({ host, port, outcome, detail }: Probe, isEverywhere: boolean): Found {
  const where = `${host}:${port}`
  switch (outcome) {
    case 'refused':
    case 'silent':
      return serious(
        'port-unreachable',
        `nothing answers at ${where}, where devices are sent (${detail}), though otad runs`,
        isEverywhere
          ? 'otad listens at every address: look at the rules of the firewall, as root; sudo otad doctor reads them'
          : 'start otad without --host, so that it listens at every address'
      )
    case 'otad':
      return serious(
        'port-answered-by-another',
        `at ${where} another otad answers than that of this home (${detail})`,
        'stop the other one, or give one of them another port with --port; --home DIR names the home of the other'
      )
    default:
      return serious(
        'port-answered-by-another',
        `at ${where} another program answers than otad (${detail})`,
        'stop that program, or give otad another port with --port'
      )
  }
}

function checkBeforeStart(facts: Facts): readonly Found[] {
  const { settings, machine, port } = facts
  const found: Found[] = []
  const isWildcard = settings.host === '::' || settings.host === '0.0.0.0'
  if (isLoopbackHost(settings.host) && !isWildcard)
    found.push(loopback(`otad would listen at ${settings.host} only (${settings.hostSource})`, facts))
  else if (isIP(settings.host) !== 0 && !isWildcard && !machine.addresses.some(each => each.address === settings.host))
    found.push(
      serious(
        'host-not-here',
        `otad is to listen at ${settings.host} (${settings.hostSource}), which is no address of this machine: it has ${machine.addresses.map(({ address }) => address).join(', ')}`,
        'leave --host away: otad then listens at every address'
      )
    )
  if (settings.port > 0 && settings.port < machine.firstFreePort && !machine.isRoot)
    found.push(
      serious(
        'port-not-allowed',
        `port ${settings.port} (${settings.portSource}) is for root: other users have those from ${machine.firstFreePort} on`,
        'take the default, 8070, or any port above'
      )
    )
  const taken = takenPorts(facts)
  found.push(...taken)
  if (taken.length === 0)
    found.push(
      note(
        'not-running',
        `no otad runs with the home ${settings.home}; port ${port.port} is free`,
        'otad serve starts it; ask again then: more can be seen while it runs'
      )
    )
  return found
}

function takenPorts({ port, settings }: Facts): readonly Found[] {
  const wanted = [port.port, ...settings.ports, ...(settings.httpPort === null ? [] : [settings.httpPort])]
  return wanted.flatMap(each => {
    const socket = port.sockets?.find(found => found.port === each)
    const answers = port.probes.filter(found => found.port === each)
    const probe = answers.find(({ outcome }) => outcome === 'otad' || outcome === 'stranger' || outcome === 'no-tls')
    if (socket === undefined && probe === undefined) return []
    const holder = socket?.holder ?? (probe?.outcome === 'otad' ? 'another otad' : 'another program')
    const isOtad = probe?.outcome === 'otad'
    return [
      serious(
        'port-taken',
        `port ${each} is taken by ${holder}${probe === undefined ? '' : ` (${probe.detail})`}: otad cannot listen there, and devices reach that instead`,
        isOtad
          ? 'it is an otad with another home: name that one with --home DIR, or stop it'
          : `stop it, or give otad another port: otad serve --port ${each + 1}`
      )
    ]
  })
}

function loopback(what: string, { machine }: Facts): Found {
  const [address] = machine.addresses.filter(each => !each.isLoopback && !each.isInside)
  return serious(
    'loopback-bind',
    `${what}, which no device can reach${address === undefined ? '' : `; on the LAN this machine is ${address.address}`}`,
    'start otad without --host (or with --host ::), so that it listens at every address'
  )
}

/** A daemon that began in the future tells of a clock that was set back. */
export function checkSince({ daemon, at }: Facts): readonly Found[] {
  const ahead = daemon === null ? 0 : Date.parse(daemon.since) - Date.parse(at)
  if (daemon === null || ahead < 60_000) return []
  return [
    warning(
      'clock-set-back',
      `the running otad says that it began at ${daemon.since}, and it is ${clockTime(Date.parse(at))}: the clock was set back`,
      'set the clock of this machine by NTP, and start otad again'
    )
  ]
}
