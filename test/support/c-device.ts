// Builds and runs the C stand-in for an old device (test/device-c), whose TLS and certificate checks are those of the
// mbedTLS release in ESP-IDF 4.4 and not Node's. Where there is no compiler or no library, there is no such device.
import { execFile, spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { access, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** The one JSON line the device prints at its end, whether it holds a whole image or not. */
export interface DeviceReport {
  /** Of the last answer; null when there was none. */
  readonly status: number | null
  readonly bytes: number
  /** Of what the slot holds, in lower-case hex. */
  readonly sha256: string
  readonly requests: number
  readonly connections: number
  readonly tls: string | null
  readonly ciphersuite: string | null
  /** Plaintext of the largest record received after the handshake. */
  readonly maxRecord: number
  /** Of the first handshake; a resumed one only when its session came from a file. */
  readonly handshakeMs: number
  /** Whether at least one connection took up the saved TLS session. */
  readonly resumed: boolean
  readonly error: string | null
  /** How many ended well, resumed ones included. */
  readonly handshakes: number
  /**
   * Of all of them together, without the TCP connects before them. Some 40 ms of each whole one are no work but Nagle's
   * algorithm waiting for a delayed ACK, as esp-tls, which sets no TCP_NODELAY, has it too; a resumed one is free of it.
   */
  readonly handshakesMs: number
}

export interface DeviceRun {
  readonly code: number
  readonly report: DeviceReport
  readonly stderr: string
}

/** Exit codes of the device, as `Outcome` in test/device-c/report.h has them. */
export const DEVICE_EXIT = {
  done: 0,
  wrongUsage: 2,
  handshakeFailed: 10,
  cannotConnect: 11,
  answerRefused: 12,
  imageRefused: 13,
  transferBroken: 14
} as const

const SOURCE_FOLDER = fileURLToPath(new URL('../device-c/', import.meta.url))
const BUILD_FOLDER = join(SOURCE_FOLDER, 'build')
const COMPILER = process.env.CC ?? 'cc'
const COMPILER_FLAGS = ['-std=c99', '-D_POSIX_C_SOURCE=200809L', '-Wall', '-Wextra', '-Werror', '-O2']
const LIBRARIES = ['-lmbedtls', '-lmbedx509', '-lmbedcrypto']

/** What compiler and linker say when the library is missing or is another release; all else is a fault of our source. */
const LIBRARY_IS_MISSING =
  /mbedtls\/\S+: No such file|mbedtls\/\S+' file not found|(cannot find|not found for) -lmbed|needs mbedTLS 2\.28/

/** With REQUIRE_C_DEVICE=1 a missing device fails the suites that need it, instead of skipping them. */
export function cDeviceIsRequired(): boolean {
  return process.env.REQUIRE_C_DEVICE === '1'
}

/**
 * The path of the program, compiled unless these very sources were compiled before; undefined without a compiler or
 * without libmbedtls-dev 2.28.
 */
export async function buildDevice(): Promise<string | undefined> {
  const sources = await readSources()
  // Named by its sources, so that a program from older ones is never taken for it, whatever the files' times say.
  const program = join(BUILD_FOLDER, `device-${digestOf(sources)}`)
  if (await exists(program)) return program
  await mkdir(BUILD_FOLDER, { recursive: true })
  // Several test workers may come here at once: each compiles its own, and the renames are whole one after the other.
  const unfinished = `${program}.${randomUUID()}`
  try {
    if (!(await compile([...sources.keys()].filter(isTranslationUnit), unfinished))) return undefined
    await rename(unfinished, program)
  } finally {
    await rm(unfinished, { force: true })
  }
  return program
}

/** Runs the device to its end. A non-zero exit is an answer; only a device that leaves no report is an error. */
export async function runDevice(program: string, args: readonly string[]): Promise<DeviceRun> {
  const { code, stdout, stderr } = await run(program, args)
  if (code === null || !stdout.startsWith('{')) {
    throw new Error(`the device ended without a report: ${stderr || stdout}`)
  }
  return { code, report: JSON.parse(stdout) as DeviceReport, stderr }
}

function isTranslationUnit(path: string): boolean {
  return path.endsWith('.c')
}

async function readSources(): Promise<ReadonlyMap<string, Buffer>> {
  const names = (await readdir(SOURCE_FOLDER)).filter(name => /\.[ch]$/.test(name)).sort()
  const entries = names.map(async name => {
    const path = join(SOURCE_FOLDER, name)
    return [path, await readFile(path)] as const
  })
  return new Map(await Promise.all(entries))
}

function digestOf(sources: ReadonlyMap<string, Buffer>): string {
  const hash = createHash('sha256').update([COMPILER, ...COMPILER_FLAGS].join(' '))
  for (const source of sources.values()) hash.update(source)
  return hash.digest('hex').slice(0, 16)
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false
  )
}

/** False when this machine cannot build it; a source that does not compile is thrown. */
async function compile(sources: readonly string[], program: string): Promise<boolean> {
  try {
    const args = [...COMPILER_FLAGS, ...sources, '-o', program, ...LIBRARIES]
    // In English, whatever the machine speaks: the words are looked at below.
    await promisify(execFile)(COMPILER, args, { env: { ...process.env, LC_ALL: 'C' } })
    return true
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string }
    if (code === 'ENOENT' || LIBRARY_IS_MISSING.test(stderr ?? '')) return false
    throw error
  }
}

function run(program: string, args: readonly string[]) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', text => {
      stderr += text
    })
    child.once('error', reject)
    child.once('close', code => resolve({ code, stdout, stderr }))
  })
}
