import { type Decision, isAddressIn, isInterface, isPortIn, type Packet } from './packet.js'

/** The zone that `firewall-cmd --get-active-zones` says an interface or a source is in; undefined for the default one. */
export function zoneOf(text: string, { interfaceName, source }: Packet): string | undefined {
  let zone = ''
  let byInterface: string | undefined
  for (const line of text.split('\n')) {
    if (/^\S/.test(line)) zone = line.split(/\s/)[0] ?? ''
    const [, kind = '', list = ''] = /^\s+(interfaces|sources): (.*)$/.exec(line) ?? []
    const words = list.trim().split(/\s+/)
    // A source binds before an interface does (firewalld: man firewalld.zones).
    if (kind === 'sources' && words.some(word => isAddressIn(word, source))) return zone
    if (kind === 'interfaces' && words.some(word => isInterface(word, interfaceName))) byInterface ??= zone
  }
  return byInterface
}

/** Services of firewalld that open ports somebody may serve at (/usr/lib/firewalld/services). */
const SERVICES: Readonly<Record<string, readonly number[]>> = {
  http: [80],
  https: [443],
  'http-alt': [8080],
  'https-alt': [8443],
  'alt-http': [8000]
}

/** Reads what `firewall-cmd --list-all` prints of a zone; undefined for other text. */
export function decideByFirewalld(text: string, packet: Packet): Decision | undefined {
  const fields = new Map(
    [...text.matchAll(/^\s+([a-z][a-z -]*):[ \t]*(.*)$/gm)].map(([, key = '', value = '']) => [key, value.trim()])
  )
  const target = fields.get('target')
  if (target === undefined && !fields.has('ports')) return undefined
  const zone = /^(\S+)/.exec(text.trim())?.[1] ?? 'the zone'
  const rich = richRules(text).filter(rule => isAbout(rule, packet))
  const refused = rich.find(rule => /\b(reject|drop)\b/.test(rule))
  if (refused !== undefined) return { decision: 'drops', reason: `zone ${zone}: ${refused}` }
  const allowed = rich.find(rule => /\baccept\b/.test(rule))
  if (allowed !== undefined) return { decision: 'accepts', reason: `zone ${zone}: ${allowed}` }
  const open = (fields.get('ports') ?? '').split(/\s+/).find(word => isOpenPort(word, packet.port))
  if (open !== undefined) return { decision: 'accepts', reason: `zone ${zone}: port ${open}` }
  const services = (fields.get('services') ?? '').split(/\s+/).filter(word => word !== '')
  const service = services.find(word => SERVICES[word]?.includes(packet.port))
  if (service !== undefined) return { decision: 'accepts', reason: `zone ${zone}: service ${service}` }
  if (target === 'ACCEPT') return { decision: 'accepts', reason: `zone ${zone}: target ACCEPT` }
  // A service of the machine's own may open it: only firewalld knows its ports.
  const own = services.find(word => /otad|ota|esp|firmware/i.test(word))
  if (own !== undefined)
    return { decision: 'unknown', reason: `zone ${zone}: service ${own}, whose ports are not listed` }
  return {
    decision: 'drops',
    reason: `zone ${zone}: ports "${fields.get('ports') ?? ''}", target ${target ?? 'default'}`
  }
}

function isOpenPort(word: string, port: number): boolean {
  const [range = '', protocol] = word.split('/')
  return protocol === 'tcp' && isPortIn(range, port)
}

const richRules = (text: string): readonly string[] =>
  text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line.startsWith('rule '))

function isAbout(rule: string, { port, source }: Packet): boolean {
  const address = /source (?:NOT )?address="([^"]+)"/.exec(rule)?.[1]
  if (address !== undefined && !isAddressIn(address, source)) return false
  const range = / port port="([^"]+)"/.exec(rule)?.[1]
  const service = /service name="([^"]+)"/.exec(rule)?.[1]
  if (range !== undefined) return isPortIn(range, port) && !/protocol="udp"/.test(rule)
  if (service !== undefined) return SERVICES[service]?.includes(port) === true
  return !/\b(protocol|icmp-block|icmp-type|masquerade|forward-port)\b/.test(rule)
}
