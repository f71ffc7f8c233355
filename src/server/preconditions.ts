import { readHttpDate } from './http-date.js'

/** The header fields that make a request conditional, as Node joins them. */
export interface ConditionalHeaders {
  readonly 'if-match'?: string | undefined
  readonly 'if-none-match'?: string | undefined
  readonly 'if-modified-since'?: string | undefined
  readonly 'if-unmodified-since'?: string | undefined
  readonly 'if-range'?: string | undefined
}

/** What an artifact is compared by. */
export interface Validators {
  /** Strong entity tag with its quotes. */
  readonly etag: string
  /** Milliseconds since 1970, whole seconds. */
  readonly lastModified: number
}

/** Whether a request goes on, or ends in 304 or 412: RFC 9110, 13.2.2, in its order. For GET and HEAD. */
export function checkPreconditions(
  headers: ConditionalHeaders,
  { etag, lastModified }: Validators
): 'proceed' | 304 | 412 {
  const ifMatch = headers['if-match']
  if (ifMatch !== undefined) {
    if (!listsTag(ifMatch, etag, 'strong')) return 412
  } else {
    const since = dateOf(headers['if-unmodified-since'])
    if (since !== undefined && lastModified > since) return 412
  }
  const ifNoneMatch = headers['if-none-match']
  if (ifNoneMatch !== undefined) return listsTag(ifNoneMatch, etag, 'weak') ? 304 : 'proceed'
  const since = dateOf(headers['if-modified-since'])
  return since !== undefined && lastModified <= since ? 304 : 'proceed'
}

/** Whether If-Range lets the Range header count: the exact strong tag, or the exact date (RFC 9110, 13.1.5). */
export function rangeCounts(ifRange: string | undefined, { etag, lastModified }: Validators): boolean {
  if (ifRange === undefined) return true
  const value = ifRange.trim()
  return value.startsWith('"') ? value === etag : readHttpDate(value) === lastModified
}

function dateOf(header: string | undefined): number | undefined {
  return header === undefined ? undefined : readHttpDate(header.trim())
}

/** Our tag is strong; a weak tag in the list equals it only where weak comparison is asked (RFC 9110, 8.8.3.2). */
function listsTag(header: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (header.trim() === '*') return true
  // A list that is not one means nothing, so it matches nothing.
  if (!/^[ \t,]*((W\/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*(,[ \t,]*|$))*$/.test(header)) return false
  return (header.match(/(W\/)?"[^"]*"/g) ?? []).some(tag =>
    comparison === 'weak' ? tag.replace(/^W\//, '') === etag : tag === etag
  )
}
