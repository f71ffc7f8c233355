import { readFile } from 'node:fs/promises'
import os from 'node:os'
import { byLikelihood, isInsideInterface, readAddresses, readHostName } from '../host.js'
import type { MachineAddress, MachineFacts } from './facts.js'
import { isThere } from './project-files.js'

/** What this machine is, and where a device could reach it. */
export async function lookAtMachine(advertised: string, env: NodeJS.ProcessEnv): Promise<MachineFacts> {
  return {
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    hostName: readHostName(),
    addresses: addressesOfMachine(),
    advertised,
    container: await containerOf(env),
    wsl: await wslOf(env),
    firstFreePort: await firstFreePort()
  }
}

function addressesOfMachine(): readonly MachineAddress[] {
  const cidrs = new Map(
    Object.entries(os.networkInterfaces()).flatMap(([name, entries]) =>
      (entries ?? []).map(({ address, cidr }) => [`${name} ${address}`, cidr] as const)
    )
  )
  return byLikelihood(readAddresses()).map(found => ({
    ...found,
    isInside: isInsideInterface(found.interfaceName),
    cidr: cidrs.get(`${found.interfaceName} ${found.address}`) ?? null
  }))
}

/** Whose container this runs in, by what each leaves in it (systemd: container_interface); null outside of one. */
async function containerOf(env: NodeJS.ProcessEnv): Promise<string | null> {
  if (env.KUBERNETES_SERVICE_HOST !== undefined) return 'Kubernetes'
  if (await isThere('/.dockerenv')) return 'Docker'
  if (await isThere('/run/.containerenv')) return 'Podman'
  // systemd's word for it: docker, podman, lxc, systemd-nspawn.
  if (env.container !== undefined && /^[\w-]{1,40}$/.test(env.container)) return env.container
  const groups = await textOf('/proc/1/cgroup')
  return /\/(docker|libpod|kubepods|lxc|containerd)[-/]/.exec(groups)?.[1] ?? null
}

async function wslOf(env: NodeJS.ProcessEnv): Promise<1 | 2 | null> {
  const version = await textOf('/proc/version')
  if (!/microsoft/i.test(version)) return env.WSL_INTEROP !== undefined && process.platform === 'linux' ? 2 : null
  return /WSL2|microsoft-standard/i.test(version) || env.WSL_INTEROP !== undefined ? 2 : 1
}

async function firstFreePort(): Promise<number> {
  if (process.platform === 'win32' || process.platform === 'darwin') return 0
  const text = await textOf('/proc/sys/net/ipv4/ip_unprivileged_port_start')
  return /^\d+\s*$/.test(text) ? Number(text) : 1024
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '')
}
