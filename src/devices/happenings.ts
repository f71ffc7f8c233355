import { fileSize, percentOf, shortDigest, spokenDuration } from '../words.js'
import type { ReleaseMark } from './contact.js'
import type { What } from './device-record.js'

/** What can happen to a device, in the words that a person reads. */

/** A release with its length. */
export interface SizedRelease extends ReleaseMark {
  readonly size: number
}

export function handedOver(release: SizedRelease, durationMs: number, ranges: number): What {
  const inRanges = ranges > 1 ? ` in ${ranges} ranges` : ''
  return about(release, {
    is: 'complete',
    sentence: `${fileSize(release.size)} handed over in ${spokenDuration(durationMs)}${inRanges}`
  })
}

export function cutOff(release: SizedRelease, sent: number, durationMs: number, cause: string): What {
  const { size } = release
  return about(release, {
    is: 'cut',
    sentence: `cut at ${percentOf(sent, size)} of ${fileSize(size)} after ${spokenDuration(durationMs)}: ${cause}`
  })
}

/** After it was cut, or sent back. */
export function begunAgain(release: SizedRelease, start: number): What {
  const { size } = release
  return about(
    release,
    start > 0
      ? { is: 'resumed', sentence: `goes on at ${percentOf(start, size)} of ${fileSize(size)}` }
      : { is: 'restarted', sentence: 'begins again from the first byte' }
  )
}

export function sentBack(release: SizedRelease, reason: string): What {
  return about(release, { is: 'sent-back', sentence: 'sent back to the first byte', fix: reason })
}

/** It was told that there is nothing new. */
export function toldUnchanged(release: ReleaseMark): What {
  return about(release, { is: 'up-to-date', sentence: `runs ${wordsFor(release)} already` })
}

/** As esp_https_ota_get_img_desc() does, to compare versions. */
export function lookedAtHead(release: ReleaseMark): What {
  const sentence = `looked at the head of ${wordsFor(release)}, which it was handed before, and left it`
  return about(release, { is: 'up-to-date', sentence })
}

export function downloadsAgainAndAgain(release: ReleaseMark, times: number, reason: string): What {
  return about(release, {
    is: 'looping',
    sentence: `has downloaded it ${times} times within ten minutes`,
    fix: reason
  })
}

/** It tells that it runs its old firmware again. */
export function wentBack(release: ReleaseMark, running: string, reason: string): What {
  return about(release, { is: 'rolled-back', sentence: `went back to ${running || 'its old firmware'}`, fix: reason })
}

export function lacksRoom(release: ReleaseMark, size: number, free: number): What {
  return about(release, {
    is: 'no-room',
    sentence: `has ${fileSize(free)} of free space for an image of ${fileSize(size)}`,
    fix: 'give it a partition scheme with larger app slots, or make the image smaller'
  })
}

/** It says that it runs a release, and was handed another one whole in between. */
export function confirmsOther(release: ReleaseMark, received: ReleaseMark, reason: string): What {
  return about(release, {
    is: 'rolled-back',
    sentence: `runs ${describeMark(release)}, though it was handed ${describeMark(received)} whole`,
    fix: reason
  })
}

export function confirms(release: ReleaseMark): What {
  return about(release, { is: 'running', sentence: `says that it runs ${describeMark(release)}` })
}

function about({ name, digest }: ReleaseMark, what: What): What {
  return { ...what, name, digest }
}

function wordsFor({ name, version }: ReleaseMark): string {
  return [name, version].filter(Boolean).join(' ')
}

function describeMark({ version, digest }: ReleaseMark): string {
  return digest === null ? version : `${version} (${shortDigest(digest)})`.trim()
}
