import { readdirSync, readFileSync } from 'node:fs'

/** Length of a tick of /proc/PID/stat; USER_HZ is 100 on every Linux that Node runs on. */
const TICK_MS = 10

/** What a process and its descendants hold, in bytes. PSS splits shared pages among those who share them. */
export interface Memory {
  readonly pss: number
  readonly rss: number
}

/** Ids of a process and all its living descendants, the root first; empty when it is gone. */
export function readTree(root: number): number[] {
  const children = new Map<number, number[]>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const stat = readStat(Number(entry))
    if (stat !== undefined) children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(entry)])
  }
  const tree = readStat(root) === undefined ? [] : [root]
  for (const id of tree) tree.push(...(children.get(id) ?? []))
  return tree
}

/** User and system time that the living processes of a tree have used since they began, in milliseconds. */
export function readCpuMs(root: number): number {
  return readTree(root).reduce((sum, id) => sum + (readStat(id)?.ticks ?? 0) * TICK_MS, 0)
}

export function readMemory(root: number): Memory {
  const memory = { pss: 0, rss: 0 }
  for (const id of readTree(root)) {
    const rollup = readProcFile(`/proc/${id}/smaps_rollup`) ?? ''
    memory.pss += readKib(rollup, /^Pss:\s+(\d+) kB$/m)
    memory.rss += readKib(rollup, /^Rss:\s+(\d+) kB$/m)
  }
  return memory
}

function readStat(id: number): { parent: number; ticks: number } | undefined {
  const text = readProcFile(`/proc/${id}/stat`)
  if (text === undefined) return undefined
  // The name of the program stands in parentheses and may hold spaces and parentheses itself (proc(5)).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }
}

function readKib(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0) * 1024
}

/** A process may end between being listed and being read: that is ordinary and reads as undefined. */
function readProcFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}
