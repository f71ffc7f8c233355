import { type Decision, isAddressIn, isInterface, isPortIn, type Packet } from './packet.js'

/** Programs whose ports ufw knows by a name (/etc/ufw/applications.d). */
const APPLICATIONS: Readonly<Record<string, readonly string[]>> = {
  OpenSSH: ['22'],
  SSH: ['22'],
  'Nginx Full': ['80', '443'],
  'Nginx HTTP': ['80'],
  'Nginx HTTPS': ['443'],
  'Apache Full': ['80', '443'],
  Apache: ['80'],
  'Apache Secure': ['443']
}

/** Reads what `ufw status` or `ufw status verbose` prints; undefined where ufw is not active, or it is no such text. */
export function decideByUfw(text: string, packet: Packet): Decision | undefined {
  if (!/^Status: active/m.test(text)) return undefined
  const isSix = packet.source.includes(':')
  for (const line of text.split('\n')) {
    const [, to = '', action = '', from = ''] =
      /^(.+?)\s+(ALLOW|DENY|REJECT|LIMIT)(?: IN)?\s{2,}(.+?)(?:\s+#.*)?$/.exec(line) ?? []
    if (to === '' || to.includes('(v6)') !== isSix) continue
    if (!isFor(to, packet) || !isFrom(from, packet)) continue
    const decision = action === 'ALLOW' || action === 'LIMIT' ? 'accepts' : 'drops'
    return { decision, reason: line.trim().replace(/\s+/g, ' ') }
  }
  const [, policy = 'deny'] = /^Default: (\w+) \(incoming\)/m.exec(text) ?? []
  const reason = `default: ${policy} (incoming)`
  return { decision: policy === 'allow' ? 'accepts' : 'drops', reason }
}

/** `8070/tcp`, `80,443/tcp`, `6000:6007/tcp`, `8070`, `Anywhere`, `192.168.1.8 8070/tcp`, `8070/tcp on eth0`, `OpenSSH`, `192.168.1.8`. */
function isFor(to: string, { port, destination, interfaceName }: Packet): boolean {
  const [what = '', on] = to
    .replace(/\s*\(v6\)/, '')
    .trim()
    .split(/\s+on\s+/)
  if (on !== undefined && !isInterface(on, interfaceName)) return false
  if (what === 'Anywhere') return true
  const known = APPLICATIONS[what]
  if (known !== undefined) return known.some(one => isPortIn(one, port))
  const words = what.split(' ')
  const ports = words.findLast(word => /^[\d,:]+(\/\w+)?$/.test(word) && !word.includes('::'))
  const address = words.find(word => /^\d+\.\d+\.\d+\.\d+|::|^[0-9a-f]+:[0-9a-f]+:/i.test(word))
  if (address !== undefined && !isAddressIn(address.replace(/\/(tcp|udp)$/, ''), destination)) return false
  if (ports === undefined) return address !== undefined
  const [list = '', protocol = 'tcp'] = ports.split('/')
  return protocol === 'tcp' && list.split(',').some(one => isPortIn(one, port))
}

function isFrom(from: string, { source, interfaceName }: Packet): boolean {
  const [what = '', on] = from
    .replace(/\s*\(v6\)/, '')
    .trim()
    .split(/\s+on\s+/)
  if (on !== undefined && !isInterface(on, interfaceName)) return false
  return what === 'Anywhere' || isAddressIn(what.replace(/\/(tcp|udp)$/, ''), source)
}
