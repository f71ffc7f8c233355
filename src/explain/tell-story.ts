import { type Attempt, evidenceOf, type Hit, meaningOf } from './attempt.js'
import { evidenceAround, findingsBeside } from './beside.js'
import type { Evidence, Finding, Meaning, Noticed, Outcome, Step } from './explanation.js'
import type { LogLine } from './log-line.js'
import type { Installed, LogStory } from './log-story.js'
import { NEW_FIRMWARE_CRASHES, OLD_SLOT_STARTED } from './rules/boot.js'

/** How a log ended, and why. */
export interface Told {
  readonly outcome: Outcome
  readonly step: Step | null
  readonly code: string | null
  readonly title: string
  readonly cause: string | null
  readonly next: string | null
  readonly not?: string | null
  readonly evidence: readonly Evidence[]
  readonly findings?: readonly Finding[]
  readonly decisive?: LogLine | undefined
}

/** The last attempt counts, and of one that the log does not bring to an end the one before. */
export function tell(story: LogStory, lines: number): Told {
  const { installed, lastFailed, lastUnchanged, lastUnfinished, lastStray } = story
  const noticed = story.notebook.facts
  const failedAt = lastFailed?.first ?? 0
  const installedAt = installed?.line.number ?? 0
  const unchangedAt = lastUnchanged?.first ?? 0
  if (installed !== null && installedAt > failedAt && installedAt > unchangedAt) {
    return installed.undone === null
      ? tellSuccess(installed, noticed)
      : tellUndone(installed, installed.undone, noticed)
  }
  if (lastUnchanged !== null && unchangedAt > failedAt) return tellAttempt('unchanged', lastUnchanged, noticed)
  if (lastFailed !== null) return tellAttempt('failed', lastFailed, noticed)
  if (lastUnfinished !== null) return tellUnfinished(lastUnfinished, noticed)
  if (lastStray !== null) return tellAttempt('failed', lastStray, noticed)
  return tellUnknown(story, lines)
}

function tellAttempt(outcome: Outcome, attempt: Attempt, noticed: Noticed): Told {
  const root = attempt.root as Hit
  const meaning = meaningOf(root, noticed)
  return {
    outcome,
    step: root.rule.step,
    code: root.rule.code,
    title: meaning.title,
    cause: meaning.cause,
    next: meaning.next,
    not: meaning.not ?? null,
    evidence: evidenceAround(root, attempt.hits),
    findings: findingsBeside(root, attempt.hits, noticed),
    decisive: root.line
  }
}

function tellSuccess(installed: Installed, noticed: Noticed): Told {
  const { line, isInferred, started, confirmed } = installed
  const version = noticed.newVersion === null ? '' : ` to version ${noticed.newVersion}`
  const slot = noticed.partition === null ? '' : ` (${noticed.partition})`
  const cause = [
    isInferred
      ? `The device wrote the image, checked it${slot}, and restarted.`
      : `The image was written and checked, and its slot${slot} is the one to start from.`,
    ...(started === null ? [] : [`The bootloader started it (line ${started.number}).`]),
    ...(confirmed === null ? [] : [`It works by its own word (line ${confirmed.number}).`])
  ]
  const isSeen = started !== null || confirmed !== null
  return {
    outcome: 'succeeded',
    step: null,
    code: null,
    title: `the update${version} succeeded`,
    cause: cause.join(' '),
    next: isSeen ? null : 'The log ends before the new firmware has started: its first start shows whether it stays.',
    evidence: [line, started, confirmed]
      .filter(shown => shown !== null)
      .filter((shown, index, all) => all.indexOf(shown) === index)
      .map(shown => evidenceOf(shown)),
    findings: findingsBeside(
      null,
      installed.hits.filter(({ rule }) => rule.rank === 'notice'),
      noticed
    ),
    decisive: line
  }
}

/** Codes of a program that stops by itself. */
const CRASHES: ReadonlySet<string> = new Set(['crash', 'watchdog'])

function tellUndone({ line }: Installed, undone: Hit | LogLine, noticed: Noticed): Told {
  const at = 'rule' in undone ? undone.line : undone
  const told = !('rule' in undone)
    ? OLD_SLOT_STARTED
    : CRASHES.has(undone.rule.code)
      ? NEW_FIRMWARE_CRASHES
      : { code: undone.rule.code, ...meaningOf(undone, noticed) }
  return {
    outcome: 'failed',
    step: 'boot',
    code: told.code,
    title: told.title,
    cause: told.cause,
    next: told.next,
    not: told.not ?? null,
    evidence: [evidenceOf(line), evidenceOf(at, 'rule' in undone ? undone.decoded : [])],
    decisive: at
  }
}

function tellUnfinished(attempt: Attempt, noticed: Noticed): Told {
  const { root } = attempt
  const meaning: Meaning | undefined = root === undefined ? undefined : meaningOf(root, noticed)
  const stands = attempt.isDownloading
    ? {
        cause:
          'The device was writing when the log ends. Where it stands still for good, the server keeps the connection open and sends nothing more: openssl s_server does that with ESP-IDF 3.3 to 5.3, which wait for ever.',
        next: 'Wait for the end and log again. If it hangs, use a server that says the length of the file and closes what it cannot go on with, as otad does.'
      }
    : {
        cause: 'The device had begun and had not received the file yet.',
        next: 'Log on until the device says how it ended: a connection that nobody answers takes up to 20 s to fail.'
      }
  return {
    outcome: 'unfinished',
    step: root?.rule.step ?? (attempt.isDownloading ? 'download' : 'reach'),
    code: root?.rule.code ?? null,
    title: meaning?.title ?? 'the log ends before the update does',
    cause: meaning?.cause ?? stands.cause,
    next: meaning?.next ?? stands.next,
    not: meaning?.not ?? null,
    evidence: root === undefined ? [] : [evidenceOf(root.line, root.decoded)],
    findings: root === undefined ? [] : findingsBeside(root, attempt.hits, noticed),
    decisive: root?.line
  }
}

function tellUnknown({ lastErrors, lastLines }: LogStory, lines: number): Told {
  const shown = lastErrors.length > 0 ? lastErrors : lastLines
  return {
    outcome: 'unknown',
    step: null,
    code: null,
    title: lines === 0 ? 'the log is empty' : 'no step of an update that is known here failed or succeeded in this log',
    cause:
      lines === 0
        ? null
        : lastErrors.length > 0
          ? 'Its errors are none that otad knows the cause of. Here are the last ones.'
          : 'It has no error that otad knows, and no line that says that an update began. Here are its last lines.',
    next: 'Log from the start of the device to the end of the update, with level Info or higher (menuconfig > Log output; Core Debug Level of Arduino).',
    evidence: shown.map(line => evidenceOf(line))
  }
}
