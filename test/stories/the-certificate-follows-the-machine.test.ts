// A laptop moves to another network, a certificate nears its end, a file is replaced: nobody restarts anything, and no device notices.
import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createIssuer, issueCa, makeKey, type Pair } from '../../src/certs/issue.js'
import { certificateNames } from '../../src/certs/names.js'
import { atRate } from '../../src/probe/pause.js'
import { exchange, openConnection } from '../../src/probe/raw-http.js'
import { truncateAndWrite } from '../support/build-folder.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { type } from '../support/desk.js'
import { anImage } from '../support/image-builder.js'
import { becomesServed, becomesTrue, digestOf, getOnce } from './line.js'

const IMAGE = anImage({ length: 512 * 1024, seed: 4 })
const DAY_MS = 24 * 60 * 60 * 1000
const run = promisify(execFile)

async function leafOf({ port }: Pick<RunningDaemon, 'port'>, servername = ''): Promise<X509Certificate> {
  const socket = connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false })
  await once(socket, 'secureConnect', { signal: AbortSignal.timeout(5000) })
  const leaf = new X509Certificate(socket.getPeerCertificate().raw)
  socket.destroy()
  return leaf
}

const becomesLeaf = (daemon: RunningDaemon, fingerprint: string): Promise<number> =>
  becomesTrue('another leaf', 10_000, async () => (await leafOf(daemon)).fingerprint256 === fingerprint, 50)

const inCerts = (daemon: RunningDaemon, file: string): string => path.join(daemon.home, 'certs', file)

/** Reads slowly to the end of the image; what came of it. */
async function downloadSlowly(daemon: RunningDaemon, bytesPerSecond: number): Promise<string> {
  const connection = await openConnection({ host: '127.0.0.1', port: daemon.port, ca: daemon.ca })
  const answer = await exchange(connection, 'GET /app.bin HTTP/1.1\r\nHost: otad\r\n\r\n', {
    method: 'GET',
    bodyTimeoutMs: 20_000,
    pause: atRate(bytesPerSecond)
  })
  await connection.close()
  return `${answer.status} ${answer.bodyEnd} ${digestOf(answer.body)}`
}

async function serving(args: readonly string[] = []): Promise<RunningDaemon> {
  const folder = await temporaryFolder()
  await truncateAndWrite(path.join(folder, 'app.bin'), IMAGE)
  const daemon = await startDaemon({ folders: [folder], args })
  await becomesServed(daemon, 'app.bin', IMAGE, 10_000)
  return daemon
}

/** A pair that the operator would bring, under a root of their own. */
async function ownPair(names: readonly string[], endsAt?: Date): Promise<{ root: Pair; leaf: Pair }> {
  const [rootKey, key] = [await makeKey('ec'), await makeKey('ec')]
  const root = { key: rootKey, certificate: await issueCa(rootKey, new Date()) }
  // Leaves live 397 days from two days before they are made.
  const madeAt = endsAt === undefined ? new Date() : new Date(endsAt.getTime() - 395 * DAY_MS)
  const [first = 'localhost', ...others] = names
  const certificate = await (await createIssuer(root)).issueLeaf(key, certificateNames(first, others), madeAt)
  return { root, leaf: { key, certificate } }
}

describe('an address that was not there at the start', () => {
  it('is in the certificate when the first client comes by it, though that sends no name', async () => {
    const daemon = await serving(['--host', '::'])
    for (const address of ['127.0.0.33', '127.0.0.34']) {
      const socket = connect({ host: address, port: daemon.port, ca: daemon.ca })
      await once(socket, 'secureConnect', { signal: AbortSignal.timeout(5000) })
      expect(socket.authorized, String(socket.authorizationError)).toBe(true)
      socket.destroy()
    }
  })

  it('costs no more than a few: a walk through all of 127/8 leaves the certificate small', {
    timeout: 60_000
  }, async () => {
    const daemon = await serving(['--host', '::'])
    for (let last = 1; last <= 60; last++) {
      const socket = connect({ host: `127.1.0.${last}`, port: daemon.port, ca: daemon.ca })
      await once(socket, 'secureConnect', { signal: AbortSignal.timeout(5000) })
      expect(socket.authorized).toBe(true)
      socket.destroy()
    }
    expect((await leafOf(daemon)).raw.length).toBeLessThan(1200)
  })

  it('is told with the new URL when the machine moves to another network', { timeout: 60_000 }, async context => {
    const namespace = `otad-test-${process.pid}`
    const hasNamespaces = await run('ip', ['netns', 'add', namespace]).then(
      () => true,
      () => false
    )
    if (!hasNamespaces) return context.skip()
    onTestFinished(async () => void (await run('ip', ['netns', 'del', namespace])))
    const inside = async (...args: string[]): Promise<string> =>
      (await run('ip', ['netns', 'exec', namespace, ...args])).stdout
    await inside('ip', 'link', 'set', 'lo', 'up')
    await inside('ip', 'addr', 'add', '192.168.50.8/32', 'dev', 'lo')
    const daemon = await startDaemon({ through: ['ip', 'netns', 'exec', namespace], args: ['--host', '::'] })
    const ca = inCerts(daemon, 'ca_cert.pem')
    const health = (address: string): Promise<string> =>
      inside('curl', '-sS', '--noproxy', '*', '--cacert', ca, `https://${address}:${daemon.port}/health`)
    expect(JSON.parse(await health('192.168.50.8')).status).toBe('serving')

    await inside('ip', 'addr', 'add', '10.20.30.40/32', 'dev', 'lo')
    expect(JSON.parse(await health('10.20.30.40')).status).toBe('serving')
    await inside('ip', 'addr', 'del', '192.168.50.8/32', 'dev', 'lo')
    const { urls } = await daemon.event('address.changed')
    expect(urls[0]).toBe(`https://10.20.30.40:${daemon.port}/`)
    expect(JSON.parse(await health('10.20.30.40')).status).toBe('serving')
  })
})

describe('a leaf that nears its end', () => {
  it('is made anew without a restart, and 20 slow downloads go on', { timeout: 60_000 }, async () => {
    const daemon = await serving()
    const ca = { certificate: daemon.ca, key: await readFile(inCerts(daemon, 'ca_key.pem'), 'utf8') }
    const before = await leafOf(daemon)
    const downloads = Promise.all(Array.from({ length: 20 }, () => downloadSlowly(daemon, 128 * 1024)))

    // A leaf with 29 days left, in the place of the one that was made today.
    const key = await readFile(inCerts(daemon, 'server_key.pem'), 'utf8')
    const made = new Date(Date.now() - (395 - 29) * DAY_MS)
    const old = await (await createIssuer(ca)).issueLeaf(key, certificateNames('127.0.0.1', []), made)
    await writeFile(inCerts(daemon, 'server_cert.pem'), old)

    const { reason } = await daemon.event('certificate.issued', event => event.reason === 'it was about to end')
    expect(reason).toBe('it was about to end')
    await becomesTrue('another leaf', 5000, async () => (await leafOf(daemon)).fingerprint256 !== before.fingerprint256)
    const days = (Date.parse((await leafOf(daemon)).validTo) - Date.now()) / DAY_MS
    expect(days).toBeGreaterThan(390)
    expect(new Set(await downloads)).toEqual(new Set([`200 complete ${digestOf(IMAGE)}`]))
  })

  it('is renewed by otad cert --renew beside a running daemon', async () => {
    const daemon = await serving()
    const before = await leafOf(daemon)
    const said = await type(['cert', '--renew', '--home', daemon.home, '--host', '127.0.0.1', '--json'])
    expect(said.code, said.stderr).toBe(0)
    const { leaf } = JSON.parse(said.stdout)
    expect(leaf.fingerprint256).not.toBe(before.fingerprint256)
    await becomesLeaf(daemon, leaf.fingerprint256)
    expect(await readFile(inCerts(daemon, 'ca_cert.pem'), 'utf8')).toBe(daemon.ca)
    expect((await getOnce(daemon, 'app.bin')).status).toBe(200)
  })
})

describe('a new CA', () => {
  it('is taken over while running, told loudly, and is what /ca_cert.pem gives', async () => {
    const daemon = await serving()
    const said = await type(['cert', '--new-ca', '--yes', '--home', daemon.home, '--host', '127.0.0.1', '--json'])
    expect(said.code, said.stderr).toBe(0)
    const { ca } = JSON.parse(said.stdout)
    const told = await daemon.event('certificate.replaced')
    expect(told).toMatchObject({ fingerprint: ca.fingerprint256, isAnotherAnchor: true })
    const pem = await readFile(inCerts(daemon, 'ca_cert.pem'), 'utf8')
    const answer = await getOnce({ port: daemon.port, ca: pem }, 'ca_cert.pem')
    expect(answer.body.toString()).toBe(pem)
    await expect(getOnce(daemon, 'app.bin')).rejects.toThrow()
  })

  it('ends the sessions of the old one: they were made with somebody whom nobody trusts any more', async () => {
    const daemon = await serving()
    const options = { host: '127.0.0.1', port: daemon.port, maxVersion: 'TLSv1.2', servername: '' } as const
    const first = connect({ ...options, ca: daemon.ca })
    await once(first, 'secureConnect')
    const session = first.getSession()
    first.destroy()
    await type(['cert', '--new-ca', '--yes', '--home', daemon.home, '--host', '127.0.0.1'])
    await daemon.event('certificate.replaced')
    const second = connect({ ...options, rejectUnauthorized: false, ...(session && { session }) })
    await once(second, 'secureConnect')
    expect(second.isSessionReused()).toBe(false)
    second.destroy()
  })
})

describe("the operator's own certificate", () => {
  it('is shown in place of ours, taken anew when its files are replaced, and kept while they are wrong', async () => {
    const folder = await temporaryFolder()
    const { root, leaf } = await ownPair(['127.0.0.1', 'ota.example.com'])
    const [certFile, keyFile, caFile] = ['cert.pem', 'key.pem', 'root.pem'].map(file => path.join(folder, file)) as [
      string,
      string,
      string
    ]
    await Promise.all([
      writeFile(certFile, leaf.certificate),
      writeFile(keyFile, leaf.key),
      writeFile(caFile, root.certificate)
    ])
    const daemon = await startDaemon({ args: ['--cert-file', certFile, '--key-file', keyFile, '--ca-file', caFile] })
    expect((await leafOf(daemon)).fingerprint256).toBe(new X509Certificate(leaf.certificate).fingerprint256)
    expect((await getOnce({ port: daemon.port, ca: root.certificate }, 'ca_cert.pem')).body.toString()).toBe(
      root.certificate
    )

    const key = await makeKey('ec')
    await writeFile(keyFile, key)
    const { reason } = await daemon.event('certificate.kept')
    expect(reason).toContain('is not the key of')
    expect((await leafOf(daemon)).fingerprint256).toBe(new X509Certificate(leaf.certificate).fingerprint256)

    const renewed = await (await createIssuer(root)).issueLeaf(key, certificateNames('127.0.0.1', []), new Date())
    await writeFile(path.join(folder, 'aside'), renewed)
    await rename(path.join(folder, 'aside'), certFile)
    await becomesLeaf(daemon, new X509Certificate(renewed).fingerprint256)
    expect((await daemon.event('certificate.replaced')).isAnotherAnchor).toBe(false)
  })

  it.each([
    ['nears its end', new Date(Date.now() + 12.5 * DAY_MS), 12],
    ['has ended', new Date(Date.now() - 2.5 * DAY_MS), -3]
  ])('is warned of when it %s, and served all the same', async (_what, endsAt, days) => {
    const folder = await temporaryFolder()
    const { leaf } = await ownPair(['127.0.0.1'], endsAt)
    const certFile = path.join(folder, 'both.pem')
    await writeFile(certFile, leaf.certificate + leaf.key)
    const daemon = await startDaemon({ args: ['--cert-file', certFile] })
    expect(await daemon.event('certificate.ending')).toMatchObject({ file: certFile, days, source: 'own' })
    expect((await leafOf(daemon)).fingerprint256).toBe(new X509Certificate(leaf.certificate).fingerprint256)
  })
})

describe('a TLS session', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('of %s is resumed after the daemon was started again', async maxVersion => {
    const home = await temporaryFolder()
    const first = await startDaemon({ home })
    const session = await sessionOf(first, maxVersion)
    await first.stop()
    const second = await startDaemon({ home, args: ['--settle-ms', '200'] })
    const socket = connect({ host: '127.0.0.1', port: second.port, ca: second.ca, servername: '', maxVersion, session })
    await once(socket, 'secureConnect')
    expect(socket.isSessionReused()).toBe(true)
    socket.destroy()
  })
})

async function sessionOf({ port, ca }: RunningDaemon, maxVersion: 'TLSv1.2' | 'TLSv1.3'): Promise<Buffer> {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca, servername: '', maxVersion })
  const [session] = (await once(socket, 'session')) as [Buffer]
  socket.destroy()
  return session
}
