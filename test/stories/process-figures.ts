import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { RunningDaemon } from '../support/daemon.js'

/** Whether this system tells what a process uses (Linux). */
export const HAS_PROC = existsSync('/proc/self/status')

const KIB = 1024

/** Resident memory of the daemon in bytes. */
export function residentBytes({ child }: RunningDaemon): number {
  return readStatus(child.pid, 'VmRSS')
}

/** The most that was ever resident, in bytes. */
export function peakBytes({ child }: RunningDaemon): number {
  return readStatus(child.pid, 'VmHWM')
}

/** Open descriptors of the daemon. */
export function descriptorsOf({ child }: RunningDaemon): number {
  return readdirSync(`/proc/${child.pid}/fd`).length
}

function readStatus(pid: number | undefined, field: string): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  if (found === null) throw new Error(`/proc/${pid}/status has no ${field}`)
  return Number(found[1]) * KIB
}
