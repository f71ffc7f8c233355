import type { Catalog } from './releases/catalog.js'
import type { Health } from './server/app.js'

export interface HealthFacts {
  readonly status: Health['status']
  readonly version: string
  readonly startedAt: Date
  readonly catalog: Catalog
}

/** Names listed at most, in /health and in the log. */
export const MOST_LISTED = 100

/** What `/health` says. */
export function describeHealth({ status, version, startedAt, catalog }: HealthFacts): Health {
  const serving: Health['serving'][number][] = []
  let names = 0
  for (const { current } of catalog.entries) {
    if (current === undefined) continue
    if (++names <= MOST_LISTED) serving.push({ name: current.name, version: current.version, sha256: current.digest })
  }
  return { status, version, since: startedAt.toISOString(), names, serving }
}
