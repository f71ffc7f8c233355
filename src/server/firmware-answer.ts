import type { Release } from '../releases/release.js'
import { writeHttpDate } from './http-date.js'
import { type ConditionalHeaders, checkPreconditions, rangeCounts, type Validators } from './preconditions.js'
import { readRange } from './range.js'

/** A whole answer about firmware, decided before a byte of it is sent. */
export interface FirmwareAnswer {
  readonly status: 200 | 206 | 304 | 412 | 416
  /** Flat list of names and values, names in canonical case, as `writeHead` takes it. */
  readonly head: readonly string[]
  /** The bytes [start, end) to send; empty for answers without a body. */
  readonly start: number
  readonly end: number
  /** Said instead of bytes, where something is to be said. */
  readonly text?: string
}

export interface FirmwareRequest {
  readonly method: string
  readonly headers: ConditionalHeaders & { readonly range?: string | undefined }
}

/** How long an answer may be kept: the bytes of a name change, those of a digest never do. */
export type Freshness = 'revalidate' | 'immutable'

const CACHE_CONTROL: Readonly<Record<Freshness, string>> = {
  revalidate: 'no-cache',
  immutable: 'public, max-age=31536000, immutable'
}

/** Decides one answer. Looks at nothing but its arguments; `now` keeps Last-Modified from lying in the future of Date. */
export function answerFirmware(
  request: FirmwareRequest,
  release: Release,
  freshness: Freshness,
  now: number
): FirmwareAnswer {
  const validators = validatorsOf(release, now)
  const { headers } = request
  const outcome = checkPreconditions(headers, validators)
  const common = commonFields(release, validators, freshness)
  if (outcome === 304) return { status: 304, head: common, start: 0, end: 0 }
  if (outcome === 412) return refuse(412, 'the image is not the one that the request was made for', common)
  const { size } = release
  const isRanged = request.method === 'GET' && rangeCounts(headers['if-range'], validators)
  const range = isRanged ? readRange(headers.range, size) : 'whole'
  if (range === 'unsatisfiable')
    return refuse(416, `the image has ${size} bytes, none of which were asked for`, [
      'Content-Range',
      `bytes */${size}`,
      ...common
    ])
  const type = ['Content-Type', 'application/octet-stream', 'Accept-Ranges', 'bytes']
  if (range === 'whole')
    return { status: 200, head: ['Content-Length', String(size), ...type, ...common], start: 0, end: size }
  const { start, end } = range
  const head = [
    'Content-Length',
    String(end - start),
    'Content-Range',
    `bytes ${start}-${end - 1}/${size}`,
    ...type,
    ...common
  ]
  return { status: 206, head, start, end }
}

/** The 304 to a client that has said in words of its own what it runs: a release of a name, and the very one that it would get (clients.md R26). */
export function answerUnchanged(release: Release, now: number): FirmwareAnswer {
  return { status: 304, head: commonFields(release, validatorsOf(release, now), 'revalidate'), start: 0, end: 0 }
}

/** The answer to ESP8266httpUpdate's getAvailableVersion; one without `x-version` where the image tells none (clients.md R33). */
export function answerVersion({ version }: Release): FirmwareAnswer {
  const told = version.replace(/[^\x20-\x7e]+/g, '_').trim()
  const head = ['Content-Length', '0', ...(told === '' ? [] : ['x-version', told]), 'Cache-Control', 'no-cache']
  return { status: 200, head, start: 0, end: 0 }
}

/** A 200 with the digests of its body, by which HTTPUpdate checks what it has written: others send nothing that they would read (clients.md R31, R32). */
export function withDigests(answer: FirmwareAnswer, { md5, digest, sha512 }: Release): FirmwareAnswer {
  if (answer.status !== 200) return answer
  return { ...answer, head: [...answer.head, 'x-MD5', md5, 'x-SHA256', digest, 'x-SHA512', sha512] }
}

/**
 * The 416 to one who asks for more of a build that nobody knows: every release of ESP-IDF either begins again from the first byte then, or
 * fails without damage. Any other answer would be appended to what it has (clients.md 17.4).
 */
export function refuseRange(reason: string, size: number): FirmwareAnswer {
  return refuse(416, reason, ['Content-Range', `bytes */${size}`, 'Cache-Control', 'no-store'])
}

function commonFields(release: Release, { etag, lastModified }: Validators, freshness: Freshness): readonly string[] {
  return [
    'ETag',
    etag,
    'Last-Modified',
    writeHttpDate(lastModified),
    'Cache-Control',
    CACHE_CONTROL[freshness],
    'X-Otad-Release',
    describeRelease(release)
  ]
}

/** `v1.4.2 4c1d9e02`: for the eye of a person; what cannot stand in a header does not. */
function describeRelease({ version, digest }: Release): string {
  return `${version.replace(/[^\x21-\x7e]+/g, '_')} ${digest.slice(0, 8)}`.trim()
}

function refuse(status: 412 | 416, sentence: string, head: readonly string[]): FirmwareAnswer {
  const text = `${status} ${sentence}\n`
  const type = ['Content-Length', String(text.length), 'Content-Type', 'text/plain; charset=utf-8']
  return { status, head: [...type, ...head], start: 0, end: 0, text }
}

function validatorsOf(release: Release, now: number): Validators {
  const seconds = Math.floor(Math.min(release.publishedAt, now) / 1000)
  return { etag: `"${release.digest}"`, lastModified: seconds * 1000 }
}
