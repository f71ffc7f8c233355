import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { CERTIFICATE_FILES } from '../certs/keystore.js'
import { OperatorError, systemErrorCode } from '../errors.js'
import { type Candidate, type ProbeResult, probe } from '../probe/probe.js'
import { findImage, reach } from '../probe/reach.js'
import { readTarget } from '../probe/target.js'
import { jsonText, printable } from '../words.js'
import { shortPath } from './banner.js'
import type { Typed } from './command.js'
import type { ExitCode, Io } from './io.js'
import { hasFailed, probeToJson, writeProbe } from './report-probe.js'
import { settingsOf } from './setting-flags.js'

/** Probes the URL that was typed, and prints what each device would make of it. */
export async function probeUrl(typed: Typed, io: Io): Promise<ExitCode> {
  if (typed.args.length !== 1)
    throw new OperatorError('OTAD_ERR_USAGE', 'one URL is probed at a time', 'otad probe --help has examples')
  const teller = tellProgress(typed, io)
  let result: ProbeResult
  try {
    result = await probeAsked(typed, io, teller.tell)
  } catch (error) {
    teller.end()
    if (!io.signal.aborted || (error as Error).name !== 'AbortError') throw error
    io.stderr('otad: stopped probing\n')
    return 1
  }
  teller.end()
  io.stdout(typed.options.json === true ? jsonText(probeToJson(result)) : writeProbe(result))
  if (hasFailed(result)) return 3
  // Where nothing was looked at, nothing was found to be good either.
  return result.obstacle === undefined ? 0 : 1
}

/** Fits a terminal of 80 columns: what wraps cannot be written over. */
const LONGEST_PROGRESS = 76
/** Nobody takes that long for a program that hangs. */
const QUIET_MS = 5000

interface Teller {
  readonly tell: (text: string) => void
  readonly end: () => void
}

/** What is looked at: on one line where a person watches, else a line now and then; with --json, nothing but for that person. */
function tellProgress({ options }: Typed, io: Io): Teller {
  if (io.isWatched || options.json === true)
    return { tell: text => io.progress(printable(text).slice(0, LONGEST_PROGRESS)), end: () => io.progress('') }
  let last = ''
  const timer = setInterval(() => io.stderr(`looking at ${last}\n`), QUIET_MS)
  return {
    tell: text => {
      last = printable(text)
    },
    end: () => clearInterval(timer)
  }
}

/** @throws AbortError when the process is asked to stop */
async function probeAsked(typed: Typed, io: Io, progress: (text: string) => void): Promise<ProbeResult> {
  const { options } = typed
  const asked = readTarget(typed.args[0] ?? '')
  const candidates = await candidatesOf(typed, io)
  progress(`${asked.host} port ${asked.port}`)
  await reach(asked, io.signal)
  const { target, others } = await findImage(asked, io.signal)
  if (others.length > 0)
    io.stderr(`probing ${printable(target.url.pathname)}; the server lists ${others.length} more\n`)
  return probe({
    target,
    candidates,
    isInsecure: options.insecure === true,
    isLong: options.long === true,
    progress,
    signal: io.signal
  })
}

/** What the device may hold: what was given, else the CA of the home, else that of the folder. */
async function candidatesOf({ options }: Typed, io: Io): Promise<readonly Candidate[]> {
  if (typeof options.ca === 'string') return [await readCandidate(options.ca, io)]
  const { settings } = settingsOf({ args: [], options }, io)
  const files = [
    path.resolve(io.cwd, settings.home, 'certs', CERTIFICATE_FILES.caCertificate),
    path.join(io.cwd, 'certs', CERTIFICATE_FILES.caCertificate)
  ]
  const candidates: Candidate[] = []
  for (const file of new Set(files)) {
    try {
      candidates.push(await readCandidate(file, io))
    } catch (error) {
      const isMissing = error instanceof OperatorError && systemErrorCode(error.cause) === 'ENOENT'
      if (!isMissing) throw error
    }
  }
  return candidates
}

async function readCandidate(file: string, io: Io): Promise<Candidate> {
  const shown = shortPath(path.resolve(io.cwd, file), io.cwd)
  let certificate: string
  try {
    certificate = await readFile(path.resolve(io.cwd, file), 'utf8')
  } catch (error) {
    throw new OperatorError(
      'OTAD_ERR_NO_SUCH_FILE',
      `${shown} cannot be read (${systemErrorCode(error) ?? String(error)})`,
      'name the certificate that the device holds: --ca FILE',
      { cause: error }
    )
  }
  if (isCertificate(certificate)) return { file: shown, certificate }
  throw new OperatorError(
    'OTAD_ERR_BAD_CERTIFICATE',
    `${shown} is not a certificate in PEM form`,
    'it begins with -----BEGIN CERTIFICATE-----'
  )
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).subject !== undefined
  } catch {
    return false
  }
}
