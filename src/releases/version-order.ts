/**
 * Which of two firmware versions is newer. People write release numbers (`v1.4.2`, `2.0`, `1.0.0-rc.2`), what `git describe` says
 * (`v1.4.2-3-gabc1234-dirty`, the PROJECT_VER of ESP-IDF where nobody sets one) and dates (`2026-11-21`, `20261121`, `2026.8.1`); of everything
 * else nobody can tell.
 */

/** `unknown` where the two are written in different ways, or in none that has an order. */
export type VersionOrder = 'older' | 'same' | 'newer' | 'unknown'

/** Whether `version` is newer than `than`. Texts that are equal are the same, however they are written. */
export function compareVersions(version: string, than: string): VersionOrder {
  const [a, b] = [version.trim(), than.trim()]
  if (a === b) return 'same'
  const [left, right] = [readVersion(a), readVersion(b)]
  if (left === undefined || right === undefined) return 'unknown'
  return (
    orderOf(compareNumbers(left.numbers, right.numbers)) ??
    orderOf(comparePrerelease(left.prerelease, right.prerelease)) ??
    compareDistance(left, right)
  )
}

interface ReadVersion {
  readonly numbers: readonly number[]
  /** `rc.2` of `1.0.0-rc.2`; undefined for a release, which is newer than all of those. */
  readonly prerelease: string | undefined
  /** Commits since the tag, as `git describe` counts them. */
  readonly commits: number
  /** What else tells builds of one number apart, and has no order: the commit, `-dirty`, the build of SemVer. */
  readonly rest: string
}

const DESCRIBED = /^(?<tag>.+?)-(?<commits>\d+)-g(?<commit>[0-9a-f]{4,40})(?<dirty>-dirty)?$/i
const NUMBERED =
  /^(?:v|version|release)?[-_ ]?(?<numbers>\d+(?:\.\d+){0,5})(?:[-.]?(?<prerelease>(?:alpha|beta|rc|pre|dev|snapshot|nightly|a|b)[-.\w]*))?(?<dirty>-dirty)?(?<build>\+[-.\w]+)?$/i
const DATED =
  /^(?<year>(?:19|20)\d\d)[-/.]?(?<month>0[1-9]|1[0-2])[-/.]?(?<day>0[1-9]|[12]\d|3[01])(?:[-T_. ]?(?<hour>[01]\d|2[0-3])[:-]?(?<minute>[0-5]\d)(?:[:-]?(?<second>[0-5]\d))?)?$/

function readVersion(text: string): ReadVersion | undefined {
  const described = DESCRIBED.exec(text)?.groups
  if (described !== undefined) {
    const tag = readVersion(described.tag ?? '')
    if (tag === undefined) return undefined
    return { ...tag, commits: Number(described.commits), rest: `${described.commit}${described.dirty ?? ''}` }
  }
  const dated = DATED.exec(text)?.groups
  if (dated !== undefined) {
    const { year, month, day, hour = 0, minute = 0, second = 0 } = dated
    const numbers = [year, month, day, hour, minute, second].map(Number)
    return { numbers, prerelease: undefined, commits: 0, rest: '' }
  }
  const numbered = NUMBERED.exec(text)?.groups
  if (numbered === undefined) return undefined
  const { numbers = '', prerelease, dirty = '', build = '' } = numbered
  return { numbers: numbers.split('.').map(Number), prerelease, commits: 0, rest: `${dirty}${build}` }
}

/** Numbers that are not written are 0: `2.0` is `2.0.0`. */
function compareNumbers(left: readonly number[], right: readonly number[]): number {
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** As SemVer orders them (11.4): part by part, numbers as numbers and below words; a release stands above all. */
function comparePrerelease(left: string | undefined, right: string | undefined): number {
  if (left === right) return 0
  if (left === undefined) return 1
  if (right === undefined) return -1
  const [ours, theirs] = [left, right].map(text => text.toLowerCase().match(/\d+|[a-z]+/g) ?? [])
  for (let index = 0; index < Math.max(ours?.length ?? 0, theirs?.length ?? 0); index++) {
    const difference = comparePart(ours?.[index], theirs?.[index])
    if (difference !== 0) return difference
  }
  return 0
}

function comparePart(left: string | undefined, right: string | undefined): number {
  if (left === right) return 0
  if (left === undefined) return -1
  if (right === undefined) return 1
  const [leftNumber, rightNumber] = [Number(left), Number(right)]
  if (!Number.isNaN(leftNumber) && !Number.isNaN(rightNumber)) return leftNumber - rightNumber
  if (Number.isNaN(leftNumber) !== Number.isNaN(rightNumber)) return Number.isNaN(leftNumber) ? 1 : -1
  return left < right ? -1 : 1
}

/** Commits since one tag have an order; two builds of one commit, or of as many commits on two branches, have none. */
function compareDistance(left: ReadVersion, right: ReadVersion): VersionOrder {
  const order = orderOf(left.commits - right.commits)
  if (order !== undefined) return order
  return left.rest === right.rest ? 'same' : 'unknown'
}

function orderOf(difference: number): VersionOrder | undefined {
  if (difference === 0) return undefined
  return difference < 0 ? 'older' : 'newer'
}
