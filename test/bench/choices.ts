import type { ServerKind } from './servers.js'

/** Takes down what protocol, cipher and key exchange a server chose in a workload, and says so if servers differ. */
export type NoteChoice = (workload: string, kind: ServerKind, negotiated: string) => void

/** The clients offer little, so that all servers should choose the same; where they do not, a ratio is not only theirs. */
export function createChoiceNotes(): NoteChoice {
  const choices = new Map<string, string>()
  const told = new Set<string>()
  return (workload, kind, negotiated) => {
    const first = choices.get(workload)
    const note = `  ${workload}: ${kind} chose ${negotiated}, the first server ${first}`
    if (first === undefined) choices.set(workload, negotiated)
    else if (first !== negotiated && !told.has(note)) console.log(note)
    told.add(note)
  }
}
