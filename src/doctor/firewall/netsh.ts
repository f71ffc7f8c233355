import { type Decision, isPortIn, type Packet } from './packet.js'

/**
 * Reads what `netsh advfirewall show currentprofile` and `netsh advfirewall firewall show rule name=all dir=in` print, in English: other languages
 * have other words for all of it. Undefined where the firewall is off.
 */
export function decideByNetsh(profile: string, rules: string, { port }: Packet): Decision | undefined {
  if (/^State\s+OFF/m.test(profile)) return undefined
  if (!/^State\s+ON/m.test(profile))
    return { decision: 'unknown', reason: 'Windows Defender Firewall does not say in English whether it is on' }
  const blocks = rules.split(/\r?\n\r?\n/).map(fieldsOf)
  const about = blocks.filter(fields => isAbout(fields, port))
  const blocked = about.find(fields => fields.get('Action') === 'Block')
  if (blocked !== undefined) return { decision: 'drops', reason: `rule "${blocked.get('Rule Name')}" blocks it` }
  const allowed = about.find(fields => fields.get('Action') === 'Allow')
  if (allowed !== undefined) return { decision: 'accepts', reason: `rule "${allowed.get('Rule Name')}" allows it` }
  if (/^Firewall Policy\s+AllowInbound/m.test(profile)) return { decision: 'accepts', reason: 'policy AllowInbound' }
  return { decision: 'drops', reason: `no rule allows TCP port ${port}, and the policy is BlockInbound` }
}

function fieldsOf(block: string): ReadonlyMap<string, string> {
  return new Map(
    [...block.matchAll(/^([A-Z][\w /]*?):\s*(.+?)\s*$/gm)].map(([, key = '', value = '']) => [key, value] as const)
  )
}

function isAbout(fields: ReadonlyMap<string, string>, port: number): boolean {
  if (fields.get('Enabled') !== 'Yes' || fields.get('Direction') !== 'In') return false
  if (!/^(TCP|Any)$/.test(fields.get('Protocol') ?? '')) return false
  const ports = fields.get('LocalPort') ?? (fields.get('Protocol') === 'Any' ? 'Any' : '')
  // A rule for another program is not for this one, whatever its port.
  const program = fields.get('Program')
  if (program !== undefined && !/node(\.exe)?$/i.test(program)) return false
  return ports === 'Any' ? program !== undefined : ports.split(',').some(one => isPortIn(one.trim(), port))
}
