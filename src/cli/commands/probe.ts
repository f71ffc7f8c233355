import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { CERTIFICATE_FILES } from '../../certs/keystore.js'
import { OperatorError, systemErrorCode } from '../../errors.js'
import type { Candidate, ProbeResult } from '../../probe/probe.js'
import { findImage, reach } from '../../probe/reach.js'
import { readTarget } from '../../probe/target.js'
import { jsonText, printable } from '../../words.js'
import { shortPath } from '../banner.js'
import type { CliCommand, Typed } from '../command.js'
import type { Io } from '../io.js'
import { hasFailed, probeToJson, writeProbe } from '../report-probe.js'
import { addSettingFlags, settingsOf } from '../setting-flags.js'

const EXAMPLES = `
Examples:
  otad probe https://192.168.1.8:8070/hello_world.bin
  otad probe https://192.168.1.8:8070                  the first image that an otad lists
  otad probe https://files.example.com/fw.bin --json
  otad probe https://192.168.1.9/fw.bin --ca server_certs/ca_cert.pem --long
  otad probe http://192.168.1.9:8000/fw.bin
`

/** `otad probe`: behaves as devices do towards any server, rule by rule and flow by flow. */
export const probe: CliCommand = {
  name: 'probe',
  summary: 'behave as a device does towards any server, and tell what each device would make of it',
  define: command => {
    command.argument('<url>', 'the URL that a device would be given; without a path, what an otad lists first')
    addSettingFlags(command, ['home'])
    command.option(
      '--ca <FILE>',
      'the certificate that the device holds [the CA of --home, else certs/ca_cert.pem here, else the public roots]'
    )
    command.option('--insecure', 'go on where a device would refuse the certificate, which is told all the same')
    command.option('--long', 'look at what takes two minutes too: R12 and R13')
    command.option('--json', 'print JSON')
    command.addHelpText('after', EXAMPLES)
  },
  run: async (typed, io) => {
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
    return hasFailed(result) ? 3 : 0
  }
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
  // All that it takes to be every device is loaded for nobody else.
  const { probe } = await import('../../probe/probe.js')
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
