import type { Release } from '../releases/release.js'

/**
 * What update clients read beside the image itself: the manifest in each one's own language, made from a release. A document is found at the
 * address of the release with a suffix.
 */

/** What a document may tell beside the release. */
export interface DialectFacts {
  /** `https://host:port` as the client asked for it. */
  readonly origin: string
  /** Whether a part that lies beside the app in flash is kept, so that it can be had by its digest. */
  readonly hasPart: (digest: string) => boolean
}

/** A document as it goes over the wire, whole. */
export interface DialectDocument {
  readonly type: string
  readonly body: string
}

/** Why there is no document, as a sentence: it goes out as a 404. */
export interface NoDocument {
  readonly whyNot: string
}

/** One kind of client. */
export interface Dialect {
  /** As its makers call it. */
  readonly client: string
  /** Behind the name of the release, with its dot: `.esphome.json`. */
  readonly suffix: string
  /** The document; a sentence where there can be none. */
  readonly write: (release: Release, facts: DialectFacts) => DialectDocument | NoDocument
}

/** A document in JSON, UTF-8 without a byte order mark. */
export function json(value: unknown): DialectDocument {
  return { type: 'application/json', body: JSON.stringify(value) }
}
