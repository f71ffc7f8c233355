import type { NoteChoice } from './choices.js'
import type { Figures } from './figures.js'
import type { BenchImage } from './images.js'
import type { LoadProcess } from './load-process.js'
import type { Server, ServerKind, StartOptions } from './servers.js'

/** Something that is measured with one server after the other, round by round. */
export interface Workload {
  /** As `--only` takes it. */
  readonly name: string
  readonly servers: readonly ServerKind[]
  /** `running`: all servers stay up through the rounds; `own`: each measurement starts and ends its server. */
  readonly on: 'running' | 'own'
  /** True for those that take tens of seconds and get fewer rounds. */
  readonly long: boolean
  measure(setting: Setting, kind: ServerKind): Promise<void>
}

/** What a measurement works with. */
export interface Setting {
  readonly seconds: number
  readonly quick: boolean
  readonly figures: Figures
  readonly load: LoadProcess
  readonly images: { readonly small: BenchImage; readonly large: BenchImage }
  /** The servers that stay up; only for workloads that are `on: 'running'`. */
  running(kind: ServerKind): Server
  /** How to start one more server, of a folder of its own or of the run's. */
  startOptions(kind: ServerKind, folder?: string): StartOptions
  readonly noteChoice: NoteChoice
  /** Takes down a wrong byte or a failed request: the run goes on, its exit status is decided. */
  complain(complaint: string): void
}

/** Takes down what clients saw go wrong. */
export function complainOf(
  setting: Setting,
  where: string,
  report: { readonly wrong: number; readonly failed: number; readonly failures: readonly string[] }
): void {
  if (report.wrong > 0) setting.complain(`${where}: ${report.wrong} answers with wrong bytes`)
  if (report.failed > 0) setting.complain(`${where}: ${report.failed} failed (${report.failures.join('; ')})`)
}
