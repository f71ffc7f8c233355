import { setFlagsFromString } from 'node:v8'

/** A journal from this length on holds thousands of names. */
export const LONG_JOURNAL = 4 * 1024 * 1024

/**
 * Reading back tens of thousands of releases, and looking at as many files every other second, makes much that is needed for a moment only.
 * V8 lets that pile up to about as much again before it clears away; from now on it does when a third has come on top.
 * With 10,000 names of three releases that is 210 to 230 MiB instead of 280, for about a second more of processor time at a start.
 */
export function beThrifty(): void {
  setFlagsFromString('--heap-growing-percent=30')
}
