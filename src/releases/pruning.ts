import type { ArtifactStore } from './artifact-store.js'

/** Removal of what no release needs any more, in the background. */
export interface Pruning {
  /** Nothing is removed before this: as long as the catalog is not whole, nobody can say what is not wanted. */
  begin(): void
  soon(): void
  end(): void
}

const DELAY_MS = 1_000

/** Prunes a store a moment after it was asked to; many requests within that moment are one. */
export function createPruning(store: ArtifactStore, isWanted: (digest: string) => boolean): Pruning {
  let mayRemove = false
  let isOver = false
  let timer: NodeJS.Timeout | undefined
  const soon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined
      // What cannot be removed now (a disk error) is found again the next time.
      if (mayRemove) store.prune(isWanted).catch(() => {})
    }, DELAY_MS).unref()
  }
  return {
    begin: () => {
      mayRemove = !isOver
      soon()
    },
    soon,
    end: () => {
      isOver = true
      mayRemove = false
      clearTimeout(timer)
    }
  }
}
