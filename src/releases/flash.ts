/**
 * Where an app lies in the flash of a new device, and what else has to be there for it to start. A device that updates itself needs none of it:
 * it is for those who flash by cable (ESP Web Tools).
 */
export interface FlashPlan {
  readonly appOffset: number
  /** Bootloader, partition table and what belongs to them, by offset; empty where the project does not give both. */
  readonly parts: readonly FlashPart[]
}

/** One file beside the app, kept as long as its release is. */
export interface FlashPart {
  /** Its path in the build folder; `otadata` for erased flash that no file holds. */
  readonly name: string
  readonly kind: string
  readonly offset: number
  readonly size: number
  /** SHA-256, lower-case hexadecimal like the other two. */
  readonly digest: string
  readonly md5: string
  readonly sha512: string
}

const hex = (value: unknown, length: number): boolean =>
  typeof value === 'string' && value.length === length && /^[0-9a-f]+$/.test(value)
const count = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0

/** True for a plan with every field of a legal value; what is read back from disk goes through here. */
export function isFlashPlan(value: unknown): value is FlashPlan {
  if (typeof value !== 'object' || value === null) return false
  const { appOffset, parts } = value as Record<string, unknown>
  return count(appOffset) && Array.isArray(parts) && parts.every(isFlashPart)
}

function isFlashPart(value: unknown): value is FlashPart {
  if (typeof value !== 'object' || value === null) return false
  const { name, kind, offset, size, digest, md5, sha512 } = value as Record<string, unknown>
  return (
    typeof name === 'string' &&
    typeof kind === 'string' &&
    count(offset) &&
    count(size) &&
    hex(digest, 64) &&
    hex(md5, 32) &&
    hex(sha512, 128)
  )
}

/** Whether two plans put the same bytes in the same places. */
export function isSameFlash(one: FlashPlan | undefined, other: FlashPlan | undefined): boolean {
  const places = (plan: FlashPlan | undefined): unknown =>
    plan && [plan.appOffset, plan.parts.map(({ offset, digest }) => [offset, digest])]
  return JSON.stringify(places(one)) === JSON.stringify(places(other))
}
