import { notesOf } from './beside.js'
import type { Explanation, Noticed, Outcome } from './explanation.js'
import { LogStory } from './log-story.js'
import { LogReader } from './read-log.js'
import { tell } from './tell-story.js'

/** Reads a serial log piece by piece and says what happened. Any bytes give an answer; what it keeps does not grow with the log. */
export class LogExplainer {
  readonly #reader = new LogReader()
  readonly #story = new LogStory()

  push(piece: Uint8Array): void {
    for (const line of this.#reader.push(piece)) this.#story.read(line)
  }

  /** What the log says. Call it once, when the log has ended. */
  end(): Explanation {
    for (const line of this.#reader.end()) this.#story.read(line)
    this.#story.end()
    return explainStory(this.#story, this.#reader.count)
  }
}

/** What a whole log says. */
export function explainLog(log: Uint8Array | string): Explanation {
  const explainer = new LogExplainer()
  explainer.push(typeof log === 'string' ? Buffer.from(log) : log)
  return explainer.end()
}

function explainStory(story: LogStory, lines: number): Explanation {
  const { decisive, not = null, findings = [], ...told } = tell(story, lines)
  return {
    ...told,
    not,
    findings,
    notes: notesOf(story, told.outcome),
    attempts: { failed: story.failed, succeeded: story.succeeded },
    noticed: noticedOf(story, told.outcome),
    lines,
    clock: decisive?.clock ?? null
  }
}

/** A firmware that works asks other servers than that of its update. */
function noticedOf({ notebook, installed }: LogStory, outcome: Outcome): Noticed {
  if (outcome !== 'succeeded' || installed === null) return notebook.facts
  const { url, host, partition } = installed.at.noticed
  return { ...notebook.facts, url, host, partition }
}
