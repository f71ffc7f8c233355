// Whoever starts a daemon and gets a stack trace has learnt nothing. One sentence, one hint, a code for scripts.
import { once } from 'node:events'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type DaemonOptions, startDaemon, temporaryFolder } from '../support/daemon.js'

const FAILS_MS = 5000

interface Failure {
  readonly code: number | NodeJS.Signals
  readonly said: string
}

/** Starts a daemon that cannot start. What it says has to be one sentence and a hint, and soon. */
async function failing(options: DaemonOptions): Promise<Failure> {
  const startedAt = performance.now()
  const daemon = await startDaemon({ ...options, waits: false })
  const closed = once(daemon.child, 'close', { signal: AbortSignal.timeout(FAILS_MS) }).catch(() => [])
  const [code, signal] = (await closed) as [number | null, NodeJS.Signals | null]
  const tookMs = performance.now() - startedAt
  const said = daemon.complaints()
  expect(code ?? signal ?? 'it goes on', said).not.toBe('it goes on')
  expect(tookMs).toBeLessThanOrEqual(FAILS_MS)
  expect(said, 'no stack').not.toMatch(/\n\s+at |node:internal|file:\/\//)
  const lines = said.trim().split('\n')
  expect(said.trim(), 'a sentence').not.toBe('')
  expect(lines.length, `a sentence and a hint: ${said}`).toBeLessThanOrEqual(4)
  return { code: (code ?? signal) as number | NodeJS.Signals, said }
}

/** A home whose certificates were made. */
async function aHome(): Promise<string> {
  const home = await temporaryFolder()
  const daemon = await startDaemon({ home })
  expect(await daemon.stop()).toBe(0)
  return home
}

describe('it stops with code 1 and names', () => {
  it('the port that is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const { code, said } = await failing({ args: ['--port', String(port)] })
    expect(code).toBe(1)
    expect(said).toContain(String(port))
    expect(said).toMatch(/in use/i)
  })

  it('the folder of the state when it cannot be written', async () => {
    const home = await temporaryFolder()
    await writeFile(path.join(home, 'state'), 'a file is in the way')
    const { code, said } = await failing({ home })
    expect(code).toBe(1)
    expect(said).toContain('state')
  })

  it('the folder of the certificates when it cannot be written', async () => {
    const home = await temporaryFolder()
    await writeFile(path.join(home, 'certs'), 'a file is in the way')
    const { code, said } = await failing({ home })
    expect(code).toBe(1)
    expect(said).toContain('certs')
  })

  it('the home when it is a file', async () => {
    const home = path.join(await temporaryFolder(), 'home')
    await writeFile(home, 'a file is in the way')
    const { code, said } = await failing({ home })
    expect(code).toBe(1)
    expect(said).toContain(home)
  })

  it('the home when another daemon uses it', async () => {
    const daemon = await startDaemon()
    const { code, said } = await failing({ home: daemon.home })
    expect(code).toBe(1)
    expect(said).toContain(daemon.home)
  })

  const damages: readonly (readonly [what: string, damage: (home: string) => Promise<unknown>])[] = [
    ['garbage', home => writeFile(path.join(home, 'certs', 'ca_key.pem'), 'this is no key')],
    ['empty', home => writeFile(path.join(home, 'certs', 'ca_key.pem'), '')],
    [
      'cut in half',
      async home => {
        const key = path.join(home, 'certs', 'ca_key.pem')
        const pem = await readFile(key)
        await writeFile(key, pem.subarray(0, pem.length / 2))
      }
    ],
    [
      'the key of another certificate',
      async home => {
        const other = await aHome()
        await copyFile(path.join(other, 'certs', 'ca_key.pem'), path.join(home, 'certs', 'ca_key.pem'))
      }
    ]
  ]
  for (const [what, damage] of damages) {
    it(`the key of the CA when it is ${what}, and leaves the certificate alone`, async () => {
      const home = await aHome()
      const certificate = await readFile(path.join(home, 'certs', 'ca_cert.pem'), 'utf8')
      await damage(home)
      const key = await readFile(path.join(home, 'certs', 'ca_key.pem'), 'utf8')
      const { code, said } = await failing({ home })
      expect(code).toBe(1)
      expect(said).toContain('ca_key.pem')
      expect(said).not.toContain('PRIVATE KEY')
      expect(await readFile(path.join(home, 'certs', 'ca_cert.pem'), 'utf8')).toBe(certificate)
      expect(await readFile(path.join(home, 'certs', 'ca_key.pem'), 'utf8')).toBe(key)
    })
  }

  it('the certificate of the CA when it is garbage', async () => {
    const home = await aHome()
    await writeFile(path.join(home, 'certs', 'ca_cert.pem'), 'this is no certificate')
    const { code, said } = await failing({ home })
    expect(code).toBe(1)
    expect(said).toContain('ca_cert.pem')
  })
})

describe('a missing key of the CA', () => {
  it('never makes a CA that no device knows: it serves with the leaf there is, or says what is missing', async () => {
    const home = await aHome()
    const certificate = await readFile(path.join(home, 'certs', 'ca_cert.pem'), 'utf8')
    await rm(path.join(home, 'certs', 'ca_key.pem'))
    const daemon = await startDaemon({ home, waits: false })
    const outcome = await daemon.event('server.listening').then(
      () => 'listening' as const,
      () => 'ended' as const
    )
    if (outcome === 'ended') {
      expect(await daemon.stop()).toBe(1)
      expect(daemon.complaints()).toContain('ca_key.pem')
      expect(daemon.complaints()).not.toMatch(/\n\s+at /)
    }
    expect(await readFile(path.join(home, 'certs', 'ca_cert.pem'), 'utf8')).toBe(certificate)
  })
})

describe('it stops with code 2 and names', () => {
  it('a flag that it does not know', async () => {
    const { code, said } = await failing({ args: ['--prot', '8071'] })
    expect(code).toBe(2)
    expect(said).toContain('--prot')
    expect(said).toContain('--port')
  })

  it('a setting that it does not know, and the nearest one', async () => {
    const home = await temporaryFolder()
    await mkdir(path.join(home, 'config'))
    await writeFile(path.join(home, 'config', 'otad.json'), JSON.stringify({ keepRelease: 3 }))
    const { code, said } = await failing({ home })
    expect(code).toBe(2)
    expect(said).toContain('keepRelease')
    expect(said).toContain('keepReleases')
  })

  it('a settings file that is no JSON', async () => {
    const home = await temporaryFolder()
    await mkdir(path.join(home, 'config'))
    await writeFile(path.join(home, 'config', 'otad.json'), '{ "port": 8070, }')
    const { code, said } = await failing({ home })
    expect(code).toBe(2)
    expect(said).toContain('otad.json')
  })

  for (const port of ['70000', '-1', 'http', '80.5', '']) {
    it(`the port "${port}"`, async () => {
      const { code, said } = await failing({ args: [`--port=${port}`] })
      expect(code).toBe(2)
      expect(said).toContain('port')
    })
  }

  it('a variable with a value that cannot be', async () => {
    const { code, said } = await failing({ env: { OTAD_KEEP_RELEASES: 'many' } })
    expect(code).toBe(2)
    expect(said).toContain('OTAD_KEEP_RELEASES')
  })

  it('an address that is none of this machine', async () => {
    const { said } = await failing({ args: ['--host', '203.0.113.77'] })
    expect(said).toContain('203.0.113.77')
  })

  it('two folders with one label', async () => {
    const [left, right] = [await temporaryFolder(), await temporaryFolder()]
    const { said } = await failing({ folders: [`app=${left}`, `app=${right}`] })
    expect(said).toContain('app')
  })
})
