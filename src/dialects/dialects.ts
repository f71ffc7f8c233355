import type { Release } from '../releases/release.js'
import type { Dialect, DialectDocument, DialectFacts, NoDocument } from './dialect.js'
import { esp32fota } from './esp32fota.js'
import { esphome } from './esphome.js'
import { ghota, namesOfRepository } from './ghota.js'
import { otaPull } from './ota-pull.js'
import { webTools } from './web-tools.js'

/** Every client that reads a manifest of its own. */
export const DIALECTS: readonly Dialect[] = [esp32fota, otaPull, esphome, webTools, ghota]

/** Which release a path asks for, and in which language. */
export interface DocumentAddress {
  /** The names that may be meant, the likeliest first. */
  readonly names: readonly string[]
  readonly dialect: Dialect
}

/** Reads `hello_world.bin.esphome.json` and `repos/me/hello_world/releases/latest`; undefined for a path that is no document's. */
export function readDocumentAddress(path: string): DocumentAddress | undefined {
  const dialect = DIALECTS.find(({ suffix }) => path.endsWith(suffix) && path.length > suffix.length)
  if (dialect !== undefined) return { names: [path.slice(0, -dialect.suffix.length)], dialect }
  const names = namesOfRepository(path)
  return names.length === 0 ? undefined : { names, dialect: ghota }
}

/** The JSON buffers of small clients are 2048 bytes (clients.md R35). */
const LONGEST_DOCUMENT = 2047

/** The document of a release, never longer than its readers have room for. */
export function writeDocument(dialect: Dialect, release: Release, facts: DialectFacts): DialectDocument | NoDocument {
  const written = dialect.write(release, facts)
  if ('whyNot' in written || Buffer.byteLength(written.body) <= LONGEST_DOCUMENT) return written
  return { whyNot: `what there is to say of ${release.name} is more than ${dialect.client} has room for` }
}
