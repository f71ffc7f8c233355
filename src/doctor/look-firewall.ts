import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import path from 'node:path'
import type { FirewallFacts, MachineAddress } from './facts.js'
import { decideByFirewalld, zoneOf } from './firewall/firewalld.js'
import { decideByIptables } from './firewall/iptables.js'
import { decideByNetsh } from './firewall/netsh.js'
import { decideByNft } from './firewall/nft.js'
import type { Decision, Packet } from './firewall/packet.js'
import { decideByUfw } from './firewall/ufw.js'
import { neighbourIn } from './subnet.js'

/** What a tool said. */
export interface ToolAnswer {
  readonly isDone: boolean
  readonly text: string
  /** Why it failed, in the tool's own words. */
  readonly complaint: string
}

/** Runs a tool that only tells; undefined where it is not there. */
export type RunTool = (name: string, args: readonly string[]) => Promise<ToolAnswer | undefined>

const PATIENCE_MS = 4_000
const LONGEST_ANSWER = 8 * 1024 * 1024

/** Finds tools through PATH, and where they lie that only root has in it. They are told to speak English, and killed when the signal comes. */
export function toolsOf(env: NodeJS.ProcessEnv, signal: AbortSignal): RunTool {
  const folders = [
    ...(env.PATH ?? '').split(path.delimiter),
    ...(process.platform === 'win32' ? [] : ['/usr/sbin', '/sbin'])
  ]
  return async (name, args) => {
    const file = await findTool(name, folders)
    if (file === undefined || signal.aborted) return undefined
    return new Promise(resolve => {
      const options = {
        timeout: PATIENCE_MS,
        killSignal: 'SIGKILL',
        signal,
        maxBuffer: LONGEST_ANSWER,
        env: { ...env, LC_ALL: 'C', LANGUAGE: 'C' }
      } as const
      execFile(file, [...args], options, (error, stdout, stderr) =>
        resolve({ isDone: error === null, text: stdout, complaint: `${stderr}${stdout}`.trim().split('\n')[0] ?? '' })
      )
    })
  }
}

async function findTool(name: string, folders: readonly string[]): Promise<string | undefined> {
  const names = process.platform === 'win32' ? [`${name}.exe`, name] : [name, `${name}.exe`]
  for (const folder of folders.filter(each => path.isAbsolute(each)))
    for (const each of names) {
      const file = path.join(folder, each)
      const isTool = await access(file, constants.X_OK).then(
        () => true,
        () => false
      )
      if (isTool) return file
    }
  return undefined
}

/** Asks every firewall of this machine what it does with a device of the LAN that comes to a port. Nothing is changed. */
export async function lookAtFirewalls(
  port: number,
  addresses: readonly MachineAddress[],
  run: RunTool
): Promise<readonly FirewallFacts[]> {
  const packet = packetTo(port, addresses)
  const tools = [askUfw, askFirewalld, askNft, askIptables, askWindows]
  const found = await Promise.all(tools.map(ask => ask(packet, run)))
  return found.flatMap(each => (each === undefined ? [] : [{ ...each, port }]))
}

/** A device's first packet to the likeliest address; what is told to devices is IPv4 wherever there is any. */
function packetTo(port: number, addresses: readonly MachineAddress[]): Packet {
  const reachable = addresses.filter(({ isLoopback, address }) => !isLoopback && !address.startsWith('fe80:'))
  const address = reachable.find(({ family }) => family === 4) ?? reachable[0]
  // Rules stay when the network goes: they are read as if it were there.
  if (address === undefined) return { port, source: '192.168.1.50', destination: '192.168.1.8', interfaceName: 'eth0' }
  return {
    port,
    source: neighbourIn(address.cidr ?? address.address),
    destination: address.address,
    interfaceName: address.interfaceName
  }
}

type Asked = Omit<FirewallFacts, 'port'> | undefined

async function askUfw(packet: Packet, run: RunTool): Promise<Asked> {
  const fix = `sudo ufw allow ${packet.port}/tcp`
  const verbose = await run('ufw', ['status', 'verbose'])
  if (verbose === undefined) return undefined
  const answer = /^Status:/m.test(verbose.text) ? verbose : await run('ufw', ['status'])
  if (answer === undefined || !/^Status:/m.test(answer.text)) return cannotTell('ufw', answer ?? verbose, fix)
  const decision = decideByUfw(answer.text, packet)
  const isRule = decision !== undefined && !decision.reason.startsWith('default')
  return decision && { tool: 'ufw', ...decision, fix: isRule ? `sudo ufw insert 1 allow ${packet.port}/tcp` : fix }
}

async function askFirewalld(packet: Packet, run: RunTool): Promise<Asked> {
  const state = await run('firewall-cmd', ['--state'])
  if (state === undefined || /not running/.test(`${state.text}${state.complaint}`)) return undefined
  const active = await run('firewall-cmd', ['--get-active-zones'])
  const zone = active?.isDone === true ? zoneOf(active.text, packet) : undefined
  const inZone = zone === undefined ? [] : [`--zone=${zone}`]
  const add = ['sudo firewall-cmd', ...inZone, `--add-port=${packet.port}/tcp`].join(' ')
  const fix = `${add} && ${add.replace('firewall-cmd', 'firewall-cmd --permanent')}`
  const list = await run('firewall-cmd', [...inZone, '--list-all'])
  const decision = list === undefined ? undefined : decideByFirewalld(list.text, packet)
  if (decision === undefined) return cannotTell('firewalld', list ?? state, fix)
  return { tool: 'firewalld', ...decision, fix }
}

async function askNft(packet: Packet, run: RunTool): Promise<Asked> {
  const answer = await run('nft', ['list', 'ruleset'])
  if (answer === undefined) return undefined
  const fix = `nft insert rule inet filter input tcp dport ${packet.port} accept`
  if (!answer.isDone) return cannotTell('nftables', answer, `sudo ${fix}`)
  const decision = decideByNft(answer.text, packet)
  return decision && { tool: 'nftables', ...decision, fix: `sudo ${decision.fix}` }
}

async function askIptables(packet: Packet, run: RunTool): Promise<Asked> {
  const tool = packet.source.includes(':') ? 'ip6tables' : 'iptables'
  const fix = `sudo ${tool} -I INPUT -p tcp --dport ${packet.port} -j ACCEPT`
  const saved = await run(`${tool}-save`, [])
  const answer = saved?.isDone === true ? saved : ((await run(tool, ['-S'])) ?? saved)
  if (answer === undefined) return undefined
  if (!answer.isDone) return cannotTell(tool, answer, fix)
  const decision = decideByIptables(answer.text, packet)
  return decision && { tool, ...decision, fix }
}

async function askWindows(packet: Packet, run: RunTool): Promise<Asked> {
  const profile = await run('netsh', ['advfirewall', 'show', 'currentprofile'])
  if (profile === undefined) return undefined
  const { port } = packet
  const fix = `netsh advfirewall firewall add rule name="otad" dir=in action=allow protocol=TCP localport=${port}`
  const rules = await run('netsh', ['advfirewall', 'firewall', 'show', 'rule', 'name=all', 'dir=in', 'verbose'])
  if (!profile.isDone || rules === undefined) return cannotTell('windows', profile, fix)
  const decision: Decision | undefined = decideByNetsh(profile.text, rules.text, packet)
  return decision && { tool: 'windows', ...decision, fix }
}

function cannotTell(tool: FirewallFacts['tool'], { complaint }: ToolAnswer, fix: string): Asked {
  return { tool, decision: 'unknown', reason: complaint === '' ? 'it does not say' : complaint.slice(0, 160), fix }
}
