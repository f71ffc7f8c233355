import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type ChipName, isChipName } from '../../src/image/chips.js'
import type { DeviceLine } from '../../src/image/device-lines.js'
import type { ImageContext, Verdict } from '../../src/image/verdict.js'
import { apply, type Operation } from './corpus-operations.js'

/*
 * Real images out of public repositories and damaged variants of them, each with the verdict that a reference model of the
 * format gave. The collection is too large for this repository and lies beside it, where there is one.
 */

export interface Expectation {
  readonly kind: string
  readonly chip: ChipName | null
  readonly verdict: Verdict['verdict']
  readonly problems: readonly string[]
  readonly device: readonly DeviceLine[]
}

export interface CorpusFile {
  readonly file: string
  readonly sha256: string
  readonly expect?: Expectation
  readonly fields?: object
  /** The public key of its signature, by its path in the corpus. */
  readonly verifiesWith?: string
}

export interface Mutation {
  readonly id: string
  readonly why: string
  readonly base: string
  readonly ops: readonly Operation[]
  readonly options?: { readonly chip?: string; readonly partitionSize?: number }
  readonly sha256: string
  readonly expect: Expectation
  readonly signature?: string
  readonly key?: string
}

const corpus = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url))

/** Whether the corpus lies beside the project. */
export const isThere = existsSync(`${corpus}INDEX.json`)

export const files = isThere ? (readJson('INDEX.json') as { files: CorpusFile[] }).files : []
export const mutations = isThere ? (readJson('mutations.json') as { mutations: Mutation[] }).mutations : []

export function readJson(name: string): unknown {
  return JSON.parse(readFileSync(corpus + name, 'utf8'))
}

export function readCorpusFile(name: string): Buffer {
  return readFileSync(corpus + name)
}

/** The bytes that a mutation makes of its base. */
export function mutated({ base, ops }: Mutation): Buffer {
  return ops.reduce(apply, readCorpusFile(base))
}

/** The settings of the judge that a mutation asks for. */
export function contextOf({ options = {} }: Mutation): ImageContext {
  const { chip, partitionSize } = options
  if (chip !== undefined && !isChipName(chip)) throw new Error(`the corpus names a chip that is not known: ${chip}`)
  return {
    ...(chip === undefined ? {} : { chip }),
    ...(partitionSize === undefined ? {} : { slotSize: partitionSize })
  }
}
