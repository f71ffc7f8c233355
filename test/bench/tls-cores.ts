import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readTree } from './process-tree.js'

/** Who runs where. Helper threads share the core of their process, so that a rate per core is one. */
export interface Cores {
  readonly load: number
  readonly servers: number
}

/** Two cores of those that this process may use; undefined where there is one only, or no taskset. */
export function chooseCores(): Cores | undefined {
  if (spawnSync('taskset', ['--version']).status !== 0) return undefined
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
  const [load, servers] = list.split(',').flatMap(readSpan)
  return load === undefined || servers === undefined ? undefined : { load, servers }
}

/** Keeps a process, its descendants and all their threads on one core. */
export function pinTree(root: number, core: number): void {
  for (const id of readTree(root)) {
    const { status, stderr } = spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(id)])
    if (status !== 0) throw new Error(`taskset cannot keep process ${id} on core ${core}: ${stderr}`)
  }
}

/** `0-3` or `5`. */
function readSpan(text: string): number[] {
  const [first = Number.NaN, last = first] = text.split('-').map(Number)
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}
