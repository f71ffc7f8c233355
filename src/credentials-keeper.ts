import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stampOf } from './certs/file-stamp.js'
import { tellIfReadable } from './certs/keystore.js'
import type { Settings } from './config/options.js'
import { OperatorError, systemErrorCode } from './errors.js'
import type { Report } from './events.js'
import { type AuthScheme, type Credentials, readCredentials } from './server/credentials.js'

export interface CredentialsKeeperOptions {
  readonly scheme: AuthScheme
  readonly file: string
  readonly report: Report
}

const LOOK_EVERY_MS = 1_000

/** Keeps the credentials of a running server as their file has them. A file that cannot be used leaves those of before in force. */
export class CredentialsKeeper {
  readonly #options: CredentialsKeeperOptions
  readonly #stopping = new AbortController()
  #credentials: Credentials
  #stamp: string
  #lastStamp: string
  #looking: Promise<void> = Promise.resolve()

  /** @throws OperatorError when the file cannot be read, or holds no credentials */
  static async open(options: CredentialsKeeperOptions): Promise<CredentialsKeeper> {
    const stamp = await stampOf([options.file])
    const credentials = await load(options)
    await tellReadable(options)
    return new CredentialsKeeper(options, credentials, stamp)
  }

  private constructor(options: CredentialsKeeperOptions, credentials: Credentials, stamp: string) {
    this.#options = options
    this.#credentials = credentials
    this.#stamp = stamp
    this.#lastStamp = stamp
  }

  get credentials(): Credentials {
    return this.#credentials
  }

  /** Begins to look after the file. */
  begin(): void {
    this.#looking = this.#look()
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#looking
  }

  async #look(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await sleep(LOOK_EVERY_MS, undefined, { ref: false, signal }).catch(() => {})
      if (!signal.aborted) await this.#lookOnce()
    }
  }

  async #lookOnce(): Promise<void> {
    const stamp = await stampOf([this.#options.file])
    // When it holds still it is written to its end.
    const isReplaced = stamp !== this.#stamp && stamp === this.#lastStamp
    this.#lastStamp = stamp
    if (!isReplaced) return
    this.#stamp = stamp
    const { file, report } = this.#options
    try {
      this.#credentials = await load(this.#options)
      report('credentials.replaced', { file })
      await tellReadable(this.#options)
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      report('credentials.kept', { reason: error.message, hint: error.hint })
    }
  }
}

/**
 * What the settings ask for; undefined where firmware is for everybody.
 * @throws OperatorError where one of the two settings is given without the other
 */
export function resolveAuth(
  { auth, authFile }: Pick<Settings, 'auth' | 'authFile'>,
  cwd: string
): Omit<CredentialsKeeperOptions, 'report'> | undefined {
  if (auth === 'off') {
    if (authFile === '') return undefined
    throw new OperatorError(
      'OTAD_ERR_BAD_SETTING',
      'authFile is given and auth is off: firmware would be for everybody',
      'say how devices show their credentials: --auth basic, digest or bearer'
    )
  }
  if (authFile !== '') return { scheme: auth, file: path.resolve(cwd, authFile) }
  throw new OperatorError(
    'OTAD_ERR_BAD_SETTING',
    `auth is ${auth} and no authFile is given: firmware would be for nobody`,
    'give the file of the credentials: --auth-file FILE'
  )
}

async function load({ scheme, file }: CredentialsKeeperOptions): Promise<Credentials> {
  const read = readCredentials(scheme, await readText(file))
  if (read.ok) return read.credentials
  throw new OperatorError('OTAD_ERR_BAD_CREDENTIALS', `${file} ${read.complaint}`, hintFor(scheme))
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const code = systemErrorCode(error)
    const complaint = code === 'ENOENT' ? 'is not there' : `cannot be read (${code ?? String(error)})`
    throw new OperatorError(
      'OTAD_ERR_BAD_CREDENTIALS',
      `${file}, the file of the credentials, ${complaint}`,
      'check --auth-file, and that this user may read it',
      { cause: error }
    )
  }
}

function hintFor(scheme: AuthScheme): string {
  return scheme === 'bearer'
    ? 'it holds one token a line; openssl rand -hex 16 makes one'
    : 'it holds one user:password a line; openssl rand -hex 16 makes a password'
}

/** A moment later the file may be gone, which the next look finds. */
async function tellReadable({ file, report }: CredentialsKeeperOptions): Promise<void> {
  await tellIfReadable(file, (file, mode) => report('credentials.readable', { file, mode })).catch(() => {})
}
