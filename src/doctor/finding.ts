/** How much a finding matters: `serious` keeps devices from getting the build, `warning` may, `note` is good to know. */
export type Severity = 'serious' | 'warning' | 'note'

/** What the doctor has to say about one thing. */
export interface Finding {
  /** Stable, kebab-case. */
  readonly code: string
  readonly severity: Severity
  /** 1 is what keeps devices from updating most often; it orders findings of the same severity. */
  readonly likelihood: number
  /** The thing, the value found and the value expected; no full stop. */
  readonly sentence: string
  /** The one thing to do. */
  readonly hint: string
}

/** What a check finds; its place in the table of checks says how likely it is. */
export type Found = Omit<Finding, 'likelihood'>

export const serious = (code: string, sentence: string, hint: string): Found => ({
  code,
  severity: 'serious',
  sentence,
  hint
})

export const warning = (code: string, sentence: string, hint: string): Found => ({
  code,
  severity: 'warning',
  sentence,
  hint
})

export const note = (code: string, sentence: string, hint: string): Found => ({
  code,
  severity: 'note',
  sentence,
  hint
})

const ORDER: readonly Severity[] = ['serious', 'warning', 'note']

/** The findings in the order in which to look at them. */
export function inOrder(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted(
    (a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity) || a.likelihood - b.likelihood
  )
}

/** What a verdict is about: the URL that a device should have, where it is known, and whether everything could be looked at. */
export interface Seen {
  readonly url: string | undefined
  readonly isWhole: boolean
}

/** The whole in one sentence; the findings are in order. */
export function verdictOf(findings: readonly Finding[], { url, isWhole }: Seen): string {
  const count = (severity: Severity): number => findings.filter(found => found.severity === severity).length
  const [first] = findings
  const [seriously, warnings] = [count('serious'), count('warning')]
  if (first?.severity === 'serious') {
    const others = seriously > 1 ? `, and ${seriously - 1} more would` : ''
    return `Devices will not get this build, most likely because ${first.sentence}${others}.`
  }
  const goal = url === undefined ? 'a device of the LAN from getting a build from here' : `a device from getting ${url}`
  const rest = warnings === 0 ? '' : `; ${warnings === 1 ? 'one thing is' : `${warnings} things are`} worth a look`
  if (!isWhole) return `It cannot be told whether anything keeps ${goal}: not everything could be looked at${rest}.`
  return `Nothing was found that keeps ${goal}${rest}.`
}
