import { type Attempt, evidenceOf, type Hit, meaningOf } from './attempt.js'
import type { Evidence, Finding, Noticed, Outcome } from './explanation.js'
import type { Installed } from './installed.js'
import type { LogStory } from './log-story.js'
import { RANKS } from './rule.js'
import { UNCHANGED_CODES } from './rules.js'

/** As many lines as a person looks at. */
const SHOWN = 5

/** The decisive line with what followed from it. */
export function evidenceAround(root: Hit, hits: readonly Hit[]): readonly Evidence[] {
  const others = hits
    .filter(hit => hit !== root && hit.rule.rank !== 'notice')
    .toSorted((a, b) => RANKS.indexOf(a.rule.rank) - RANKS.indexOf(b.rule.rank))
  const chosen = [root, ...others]
    .filter(({ line }, index, all) => all.findIndex(other => other.line.number === line.number) === index)
    .slice(0, SHOWN)
  return chosen.toSorted((a, b) => a.line.number - b.line.number).map(({ line, decoded }) => evidenceOf(line, decoded))
}

/** What else is known of an attempt: other causes, and what is worth knowing. */
export function findingsBeside(root: Hit | null, hits: readonly Hit[], noticed: Noticed): readonly Finding[] {
  return hits
    .filter(hit => hit !== root && (hit.rule.rank === 'root' || hit.rule.rank === 'notice'))
    .filter(({ rule }) => !UNCHANGED_CODES.has(rule.code))
    .map(hit => {
      const { title, next } = meaningOf(hit, noticed)
      return { code: hit.rule.code, step: hit.rule.step, line: hit.line.number, title, next }
    })
}

/** What else there is to say of the course of things: other attempts, and errors of other programs. */
export function notesOf(story: LogStory, outcome: Outcome): readonly string[] {
  const { installed, lastUnchanged, lastFailed, failedBefore, lastUnfinished, lastStray, failed } = story
  const noticed = story.notebook.facts
  const titleOf = ({ root, first }: Attempt): string =>
    root === undefined ? `line ${first}` : `${meaningOf(root, noticed).title} (line ${root.line.number})`
  const notes: string[] = []
  if (outcome !== 'failed' && lastFailed !== null)
    notes.push(
      `${failed === 1 ? 'An attempt' : `${failed} attempts`} in this log failed; the last one: ${titleOf(lastFailed)}`
    )
  if (outcome === 'failed' && installed !== null && installed.undone === null)
    notes.push(`An earlier attempt in this log succeeded (line ${installed.at.line.number})`)
  if (outcome === 'failed' && failed > 1 && failedBefore !== null)
    notes.push(
      failedBefore.root?.rule.code === lastFailed?.root?.rule.code
        ? `${failed} attempts in this log failed, the last two in the same way`
        : `${failed} attempts in this log failed; the one before the last: ${titleOf(failedBefore)}`
    )
  if (outcome === 'succeeded' && installed !== null)
    notes.push(...notesBehind(installed, lastUnchanged, story, titleOf))
  if (outcome !== 'unfinished' && lastUnfinished !== null)
    notes.push(`Another attempt begins at line ${lastUnfinished.first}, and the log does not say how it ended`)
  if (lastStray !== null && outcome !== 'unknown' && (lastFailed !== null || outcome !== 'failed'))
    notes.push(`An error that is not about the update: ${titleOf(lastStray)}`)
  if (outcome === 'failed' && lastFailed === null && installed === null && story.hasOthers)
    notes.push('No line of this log is about an update: this may be another connection or program')
  return notes
}

/** What came after an update that succeeded. */
function notesBehind(
  { at, broke, ran }: Installed,
  unchanged: Attempt | null,
  { alike, notebook }: LogStory,
  titleOf: (attempt: Attempt) => string
): readonly string[] {
  const notes: string[] = []
  if (alike > 1 && ran !== null)
    notes.push(
      `${alike} updates in a row, and version ${ran} ran after each: the device installs on every start whatever is served. Compare the version before esp_https_ota, as advanced_https_ota_example does, and give each build a version of its own`
    )
  if (unchanged !== null && unchanged.first > at.line.number)
    notes.push(`A later check found nothing newer, as it should where no other build is served: ${titleOf(unchanged)}`)
  if (broke !== null)
    notes.push(
      `The firmware worked and was marked valid, and later: ${meaningOf(broke, notebook.facts).title} (line ${broke.line.number}). The update is not undone by that`
    )
  return notes
}
