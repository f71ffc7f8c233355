import type { Decoded } from './explanation.js'
import type { LogLine } from './log-line.js'
import { RANKS, type Rule } from './rule.js'
import { RULES } from './rules.js'

export interface RuleMatch {
  readonly rule: Rule
  readonly match: RegExpExecArray
}

/** What a line that is no error or warning has to hold to mean anything, so that most lines of a log cost one look only. */
const MAY_MEAN =
  /fail|err|abort|timeout|timed|reset|refus|unreach|closed|invalid|mismatch|incorrect|not |disconnect|-> init|n't|no |wrong|bad|too |exceed|unalign|unauthor|authentication|denied|forbidden|reject|404|403|401|30\d|416|50\d|status|code|redirect|roll|brown|watchdog|wdt|guru|panic|assert|overflow|smash|canary|corrupt|exception|out of|bundle|verif|certificate|expired|expected|already|image requires|revision|cannot|same|equal|space|size|parse|range|without|NOK|isNewVersion|HTTP_UPDATE|NO_|memory|magic|empty|ignored|less than|returned|handshake|read -1|premature/i

/**
 * The rules that a line fits: the first one of the best rank. A sum of certificate flags names several causes at once, and each has its
 * rule.
 */
export function findRules({ text, level }: LogLine, decoded: readonly Decoded[]): readonly RuleMatch[] {
  const isCalm = level === 'I' || level === 'D' || level === 'V'
  if (isCalm && decoded.length === 0 && !MAY_MEAN.test(text)) return []
  const searched = decoded.length === 0 ? text : `${text} ${decoded.map(({ name }) => name).join(' ')}`
  const found = RULES.flatMap(rule => {
    const match = matchOf(rule, searched)
    return match === undefined || rule.unless?.test(text) === true ? [] : [{ rule, match }]
  })
  const best = found.toSorted((a, b) => RANKS.indexOf(a.rule.rank) - RANKS.indexOf(b.rule.rank))[0]
  if (best === undefined) return []
  const flags = found.filter(one => one !== best && one.match[0].startsWith('X509_BADCERT'))
  const end = found.find(({ rule }) => rule.ends === true)
  return [best, ...flags, ...(end === undefined || end === best ? [] : [end])]
}

function matchOf({ patterns }: Rule, text: string): RegExpExecArray | undefined {
  for (const pattern of patterns) {
    const match = pattern.exec(text)
    if (match !== null) return match
  }
  return undefined
}
