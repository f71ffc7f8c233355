import { setTimeout as elapse } from 'node:timers/promises'

/** Asked before each read of a body, with the bytes received so far; reading waits for the promise. */
export type Pause = (received: number) => Promise<unknown> | undefined

/** Reads no faster than that, on the long run: a device that writes flash (clients.md 20, recipe 5). */
export function atRate(bytesPerSecond: number): Pause {
  let startedAt: number | undefined
  return received => {
    startedAt ??= performance.now()
    const aheadMs = (received / bytesPerSecond) * 1000 - (performance.now() - startedAt)
    return aheadMs > 0 ? elapse(aheadMs) : undefined
  }
}

/** Lets something happen in the middle of a body: once, as soon as `length` bytes are there. */
export function onceAfter(length: number, action: () => Promise<unknown>): Pause {
  let done = false
  return received => {
    if (done || received < length) return undefined
    done = true
    return action()
  }
}
