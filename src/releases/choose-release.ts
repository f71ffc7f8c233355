import { OperatorError } from '../errors.js'
import { nearestTo } from '../nearest.js'
import { counted, shortDigest } from '../words.js'
import { type Catalog, type NameEntry, releasesOf } from './catalog.js'
import type { Release } from './release.js'

/** What a person types for a name or a release, and which one that is. */

/** A name as the catalog has it: names are typed as they stand in a URL, too. */
export function withoutSlash(asked: string): string {
  return asked.replace(/^\/+/, '')
}

/** @throws OperatorError when there is no such name; it names the nearest */
export function entryNamed(catalog: Catalog, asked: string): NameEntry {
  const name = withoutSlash(asked)
  const entry = catalog.entry(name)
  if (entry !== undefined) return entry
  const nearest = nearestTo(
    name,
    [...catalog.entries].map(known => known.name)
  )
  throw new OperatorError(
    'OTAD_ERR_NO_SUCH_RELEASE',
    `there is no name "${name}"`,
    nearest === undefined ? 'otad releases lists the names that there are' : `did you mean ${nearest}?`
  )
}

/** @throws OperatorError when nothing is served under the name */
export function currentOf({ name, current, refusal }: NameEntry): Release {
  if (current !== undefined) return current
  throw new OperatorError(
    'OTAD_ERR_NO_SUCH_RELEASE',
    `nothing is served as ${name}: its file is ${refusal === undefined ? 'gone' : 'refused, and it had no good one before'}`,
    'build it; whatever is kept of its earlier releases can be had as soon as one is served again'
  )
}

/**
 * The newest of the builds that came before the current one.
 * @throws OperatorError when none is kept
 */
export function buildBefore(entry: NameEntry): Release {
  const { name, earlier } = entry
  const { number } = currentOf(entry)
  const [newest] = earlier.filter(release => release.number < number).sort((a, b) => b.number - a.number)
  if (newest !== undefined) return newest
  throw new OperatorError(
    'OTAD_ERR_NO_SUCH_RELEASE',
    `no earlier release of ${name} is kept: there is nothing to go back to`,
    `otad releases ${name} lists what there is; keepReleases says how many are kept`
  )
}

/**
 * The one release that `NAME@RELEASE` means, or RELEASE alone among those of all names. A name and a version may have an @ in them.
 * @throws OperatorError when it is none or not one alone
 */
export function chooseOfAll(catalog: Catalog, asked: string): Release {
  for (let at = asked.indexOf('@'); at > 0; at = asked.indexOf('@', at + 1)) {
    const entry = catalog.entry(withoutSlash(asked.slice(0, at)))
    if (entry !== undefined) return chooseRelease(asked.slice(at + 1), releasesOf(entry), entry.name)
  }
  const meant = releasesMeant(asked, [...catalog.entries].flatMap(releasesOf))
  if (meant.length > 0) return chooseRelease(asked, meant, 'all names', describeWithName)
  if (asked.includes('@')) entryNamed(catalog, asked.slice(0, asked.lastIndexOf('@')))
  throw new OperatorError('OTAD_ERR_NO_SUCH_RELEASE', `no release of any name is "${asked}"`, WAYS_TO_NAME)
}

const describeWithName = ({ name, digest }: Release): string => `${name}@${shortDigest(digest)}`

/** Fewer digits of a digest are as likely a mistake as a choice. */
const FEWEST_DIGITS = 4
const DIGEST = new RegExp(`^[0-9a-f]{${FEWEST_DIGITS},64}$`, 'i')
/** Releases named at most where it is not clear which one is meant. */
const MOST_NAMED = 8

/** How releases are asked for, for hints. */
const WAYS_TO_NAME = `a release is named by its version, by the first ${FEWEST_DIGITS} or more digits of its digest, or by '#' and its number`

/** Those of the releases that a person means by this: `#7`, a version as it stands in the image, or how a digest begins. */
function releasesMeant(asked: string, releases: readonly Release[]): readonly Release[] {
  return releases.filter(
    ({ number, version, digest }) =>
      asked === `#${number}` ||
      (asked !== '' && asked === version) ||
      (DIGEST.test(asked) && digest.startsWith(asked.toLowerCase()))
  )
}

/**
 * The one release that a person means.
 * @param where what the releases are of, as in `no release of app.bin is "1.2"`
 * @param describe how one of several is told from the others, so that it can be asked for
 * @throws OperatorError when it is none or not one alone; it names those that it could be
 */
export function chooseRelease(
  asked: string,
  releases: readonly Release[],
  where: string,
  describe: (release: Release) => string = describeRelease
): Release {
  const meant = releasesMeant(asked, releases)
  const [release, ...others] = meant
  if (release !== undefined && others.length === 0) return release
  const isNone = release === undefined
  const named = namesOf(isNone ? releases : meant, describe)
  throw new OperatorError(
    'OTAD_ERR_NO_SUCH_RELEASE',
    isNone
      ? `no release of ${where} is "${asked}"${named === '' ? '' : `; there are ${named}`}`
      : `"${asked}" is more than one release of ${where}: ${named}`,
    WAYS_TO_NAME
  )
}

/** `v1.4.2 (4c1d9e02, #7)`. */
export function describeRelease({ version, digest, number }: Pick<Release, 'version' | 'digest' | 'number'>): string {
  return version === '' ? `${shortDigest(digest)} (#${number})` : `${version} (${shortDigest(digest)}, #${number})`
}

function namesOf(releases: readonly Release[], describe: (release: Release) => string): string {
  const named = releases.slice(0, MOST_NAMED).map(describe).join(', ')
  const rest = releases.length - MOST_NAMED
  return rest > 0 ? `${named} and ${counted(rest, 'other')}` : named
}
