import { spawn } from 'node:child_process'
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  webcrypto,
  X509Certificate
} from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { BasicConstraintsExtension, X509CertificateGenerator } from '@peculiar/x509'
import { describe, expect, it } from 'vitest'
import {
  CERTIFICATE_FILES,
  fingerprintOf,
  type KeystoreOptions,
  loadIdentity,
  namesIn,
  renewLeaf,
  replaceCa
} from '../../src/certs/keystore.js'
import { certificateNames } from '../../src/certs/names.js'
import type { OperatorError } from '../../src/errors.js'
import { temporaryFolder } from '../support/daemon.js'

const NOW = new Date('2026-11-21T12:00:00Z')
const names = certificateNames('192.168.1.8', ['fd00::2', 'bench', 'bench.local', 'localhost'])

async function options(changes: Partial<KeystoreOptions> = {}): Promise<KeystoreOptions> {
  return {
    folder: path.join(await temporaryFolder(), 'certs'),
    keyType: 'ec',
    names,
    now: NOW,
    tellReadableKey: () => {},
    ...changes
  }
}

const file = ({ folder }: KeystoreOptions, which: keyof typeof CERTIFICATE_FILES): string =>
  path.join(folder, CERTIFICATE_FILES[which])

describe.each(['ec', 'rsa'] as const)('an identity with %s keys', keyType => {
  it('is a CA that signs, and a leaf under it that serves, each with its key', async () => {
    const { ca, leaf, made } = await loadIdentity(await options({ keyType }))
    const root = new X509Certificate(ca.certificate)
    const server = new X509Certificate(leaf.certificate)
    expect(made).toEqual(['ca', 'leaf'])
    expect(root.ca).toBe(true)
    expect(server.ca).toBe(false)
    expect(root.checkPrivateKey(createPrivateKey(ca.key))).toBe(true)
    expect(server.checkPrivateKey(createPrivateKey(leaf.key))).toBe(true)
    expect(server.checkIssued(root)).toBe(true)
    expect(server.verify(root.publicKey)).toBe(true)
    expect(createPrivateKey(leaf.key).asymmetricKeyType).toBe(keyType)
  })

  it('begins in the past and lasts as long as product.md says', async () => {
    const { ca, leaf } = await loadIdentity(await options({ keyType }))
    const [root, server] = [new X509Certificate(ca.certificate), new X509Certificate(leaf.certificate)]
    expect(Date.parse(root.validFrom)).toBeLessThan(NOW.getTime())
    expect(new Date(root.validTo).getUTCFullYear()).toBe(2046)
    expect((Date.parse(server.validTo) - Date.parse(server.validFrom)) / 86_400_000).toBeCloseTo(397, 0)
  })
})

describe('the leaf', () => {
  it('has every address as iPAddress and as dNSName, and the advertised one as CN', async () => {
    const { leaf } = await loadIdentity(await options())
    expect(namesIn(leaf.certificate)).toEqual({
      commonName: '192.168.1.8',
      dnsNames: ['192.168.1.8', 'fd00::2', 'bench', 'bench.local', 'localhost'],
      ipAddresses: ['192.168.1.8', 'fd00::2']
    })
  })

  it('is under 1.2 KB, so that it fits the input buffer of a small device', async () => {
    const { leaf } = await loadIdentity(await options())
    expect(new X509Certificate(leaf.certificate).raw.length).toBeLessThan(1200)
  })

  it('is kept as long as it will do', async () => {
    const opts = await options()
    const first = await loadIdentity(opts)
    const second = await loadIdentity(opts)
    expect(second.made).toEqual([])
    expect(second).toMatchObject({ ca: first.ca, leaf: first.leaf })
  })

  it.each([
    ['a name is missing', { names: certificateNames('192.168.1.8', ['10.0.0.9']) }, 'it lacked 10.0.0.9'],
    ['another host is advertised', { names: certificateNames('bench', ['192.168.1.8']) }, 'it was for 192.168.1.8'],
    ['less than 30 days are left', { now: new Date('2027-11-25T12:00:00Z') }, 'it was about to end']
  ] as const)('is made anew under the same CA when %s', async (_what, changes, reason) => {
    const opts = await options()
    const first = await loadIdentity(opts)
    const second = await loadIdentity({ ...opts, ...changes })
    expect(second.leafReason).toBe(reason)
    expect(second.ca).toEqual(first.ca)
    expect(second.leaf.key).toBe(first.leaf.key)
  })

  it.each([
    ['the certificate is cut', async (o: KeystoreOptions) => truncate(file(o, 'leafCertificate'), 100)],
    ['the certificate is empty', async (o: KeystoreOptions) => truncate(file(o, 'leafCertificate'), 0)],
    ['the key is cut', async (o: KeystoreOptions) => truncate(file(o, 'leafKey'), 50)],
    ['the key is gone', async (o: KeystoreOptions) => rm(file(o, 'leafKey'))],
    [
      'the key is another one',
      async (o: KeystoreOptions) => rename(file(o, 'caKey'), file(o, 'leafKey')).then(() => undefined)
    ]
  ])('is never a pair that does not match: %s', async (_what, damage) => {
    const opts = await options()
    const first = await loadIdentity(opts)
    await damage(opts)
    await writeFile(file(opts, 'caKey'), first.ca.key)
    const { leaf } = await loadIdentity(opts)
    expect(new X509Certificate(leaf.certificate).checkPrivateKey(createPrivateKey(leaf.key))).toBe(true)
    expect(await readFile(file(opts, 'leafKey'), 'utf8')).toBe(leaf.key)
  })
})

describe('the CA', () => {
  it.each([
    ['its key is gone', (o: KeystoreOptions) => rm(file(o, 'caKey')), 'OTAD_ERR_KEY_MISSING'],
    ['its key is cut', (o: KeystoreOptions) => truncate(file(o, 'caKey'), 60), 'OTAD_ERR_KEY_UNREADABLE'],
    ['its key is empty', (o: KeystoreOptions) => truncate(file(o, 'caKey'), 0), 'OTAD_ERR_KEY_UNREADABLE'],
    [
      'its certificate is cut',
      (o: KeystoreOptions) => truncate(file(o, 'caCertificate'), 100),
      'OTAD_ERR_BAD_CERTIFICATE'
    ],
    [
      'its key is that of another certificate',
      (o: KeystoreOptions) => rename(file(o, 'leafKey'), file(o, 'caKey')),
      'OTAD_ERR_KEY_MISMATCH'
    ]
  ])('is not replaced behind the back of the devices that trust it when %s', async (_what, damage, code) => {
    const opts = await options()
    await loadIdentity(opts)
    await damage(opts)
    const before = await readFile(file(opts, 'caCertificate'), 'utf8')
    await expect(loadIdentity(opts)).rejects.toMatchObject({ code })
    expect(await readFile(file(opts, 'caCertificate'), 'utf8')).toBe(before)
  })

  it('gets its certificate when a process was killed between key and certificate', async () => {
    const opts = await options()
    const first = await loadIdentity(opts)
    await rm(file(opts, 'caCertificate'))
    const { ca } = await loadIdentity(opts)
    expect(ca.key).toBe(first.ca.key)
    expect(new X509Certificate(ca.certificate).checkPrivateKey(createPrivateKey(ca.key))).toBe(true)
  })
})

describe.skipIf(process.platform === 'win32')('the key files', () => {
  it('are readable by their owner alone, in a folder that is closed to others', async () => {
    const opts = await options()
    await loadIdentity(opts)
    const modeOf = async (which: string): Promise<number> => (await stat(which)).mode & 0o777
    expect(await modeOf(file(opts, 'caKey'))).toBe(0o600)
    expect(await modeOf(file(opts, 'leafKey'))).toBe(0o600)
    expect(await modeOf(opts.folder)).toBe(0o700)
    expect(await readdir(opts.folder)).toHaveLength(4)
  })

  it('are told of when others can read them', async () => {
    const told: string[] = []
    const opts = await options({ tellReadableKey: (key, mode) => told.push(`${path.basename(key)} ${mode}`) })
    await loadIdentity(opts)
    await chmod(file(opts, 'caKey'), 0o644)
    await loadIdentity(opts)
    expect(told).toEqual(['ca_key.pem 644'])
  })
})

const contentOf = async (folder: string): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries(
    await Promise.all(
      (await readdir(folder)).map(async name => [name, await readFile(path.join(folder, name), 'utf8')] as const)
    )
  )

const isPair = (certificate: string, key: string): boolean =>
  new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))

describe('renewing the leaf', () => {
  it('changes its certificate and nothing else', async () => {
    const opts = await options()
    const first = await loadIdentity(opts)
    const before = await contentOf(opts.folder)
    const second = await renewLeaf(opts)
    expect(second.made).toEqual(['leaf'])
    expect(second.ca).toEqual(first.ca)
    expect(second.leaf.key).toBe(first.leaf.key)
    expect(new X509Certificate(second.leaf.certificate).serialNumber).not.toBe(
      new X509Certificate(first.leaf.certificate).serialNumber
    )
    expect(await contentOf(opts.folder)).toEqual({
      ...before,
      [CERTIFICATE_FILES.leafCertificate]: second.leaf.certificate
    })
    expect(await loadIdentity(opts)).toMatchObject({ made: [], leaf: second.leaf })
  })

  it('is done once where there was none, or it would not do', async () => {
    const opts = await options()
    expect((await renewLeaf(opts)).made).toEqual(['ca', 'leaf'])
    expect((await renewLeaf({ ...opts, names: certificateNames('10.0.0.9', []) })).leafReason).toBe(
      'it lacked 10.0.0.9'
    )
  })
})

describe('replacing the CA', () => {
  it('moves the old files aside as they are, and makes a new set that belongs together', async () => {
    const opts = await options()
    const first = await loadIdentity(opts)
    const before = await contentOf(opts.folder)
    const moved = await replaceCa(opts)
    const mark = fingerprintOf(first.ca.certificate).replaceAll(':', '').slice(0, 8).toLowerCase()
    const after = await contentOf(opts.folder)
    expect(Object.keys(after).sort()).toEqual(
      Object.values(CERTIFICATE_FILES)
        .flatMap(name => [name, name.replace('.pem', `-${mark}.pem`)])
        .sort()
    )
    expect(moved.map(aside => path.basename(aside)).sort()).toEqual(
      Object.keys(before)
        .map(name => name.replace('.pem', `-${mark}.pem`))
        .sort()
    )
    for (const [name, text] of Object.entries(before)) expect(after[name.replace('.pem', `-${mark}.pem`)]).toBe(text)

    const second = await loadIdentity(opts)
    expect(second.made).toEqual([])
    for (const { key } of [first.ca, first.leaf]) expect([second.ca.key, second.leaf.key]).not.toContain(key)
    expect(isPair(second.ca.certificate, second.ca.key)).toBe(true)
    expect(isPair(second.leaf.certificate, second.leaf.key)).toBe(true)
    const root = new X509Certificate(second.ca.certificate)
    expect(new X509Certificate(second.leaf.certificate).verify(root.publicKey)).toBe(true)
  })

  it.skipIf(process.platform === 'win32')('leaves the old keys closed to others', async () => {
    const opts = await options()
    await loadIdentity(opts)
    const moved = await replaceCa(opts)
    for (const aside of moved.filter(name => name.includes('_key-')))
      expect((await stat(aside)).mode & 0o777).toBe(0o600)
  })

  it('keeps the files of each time apart', async () => {
    const opts = await options()
    await loadIdentity(opts)
    const keys = new Set<string>()
    for (let time = 0; time < 3; time++) {
      keys.add(await readFile(file(opts, 'caKey'), 'utf8'))
      await replaceCa(opts)
    }
    const kept = Object.values(await contentOf(opts.folder))
    expect(keys.size).toBe(3)
    for (const key of keys) expect(kept).toContain(key)
    expect(kept).toHaveLength(16)
  })

  it('is making one where there was none', async () => {
    const opts = await options()
    expect(await replaceCa(opts)).toEqual([])
    expect((await loadIdentity(opts)).made).toEqual([])
  })

  it('gets rid of one that cannot be read', async () => {
    const opts = await options()
    await loadIdentity(opts)
    await truncate(file(opts, 'caCertificate'), 100)
    const moved = await replaceCa(opts)
    expect(moved).toHaveLength(4)
    expect(new X509Certificate((await loadIdentity(opts)).ca.certificate).ca).toBe(true)
  })
})

describe('a leaf that ends with its CA', () => {
  it.each([
    ['20 days before', '2046-11-01T12:00:00Z'],
    ['on the day', '2046-11-21T11:59:00Z'],
    ['a year after', '2047-11-21T12:00:00Z']
  ])('is not made anew at every look: %s', async (_when, day) => {
    const opts = await options()
    await loadIdentity(opts)
    const late = { ...opts, now: new Date(day) }
    await loadIdentity(late)
    const before = await contentOf(opts.folder)
    for (let look = 0; look < 3; look++) expect((await loadIdentity(late)).made).toEqual([])
    expect(await contentOf(opts.folder)).toEqual(before)
  })

  it('is made anew while that makes it last longer', async () => {
    const opts = await options()
    await loadIdentity({ ...opts, now: new Date('2045-10-01T12:00:00Z') })
    const later = await loadIdentity({ ...opts, now: new Date('2046-10-25T12:00:00Z') })
    expect(later.leafReason).toBe('it was about to end')
  })
})

describe('a CA of no use to devices', () => {
  const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

  /** A certificate for any kind of key: who signed it is of no matter here. */
  async function certificateFor(key: KeyObject, isCa: boolean): Promise<string> {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
    const pkcs8 = signer.export({ type: 'pkcs8', format: 'der' })
    const made = await X509CertificateGenerator.create({
      subject: 'CN=bench root',
      issuer: 'CN=bench root',
      publicKey: createPublicKey(key).export({ type: 'spki', format: 'der' }),
      signingKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
      signingAlgorithm: algorithm,
      extensions: [new BasicConstraintsExtension(isCa, undefined, true)]
    })
    return `${made.toString('pem')}\n`
  }

  it.each([
    ['CA:FALSE', signer, false, 'ca_cert.pem'],
    ['Ed25519', generateKeyPairSync('ed25519').privateKey, true, 'ca_key.pem'],
    ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey, true, 'ca_key.pem'],
    ['RSA-1024', generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey, true, 'ca_key.pem']
  ] as const)('is refused with a sentence and a hint, and left as it is: %s', async (_what, key, isCa, named) => {
    const opts = await options()
    await mkdir(opts.folder)
    await writeFile(file(opts, 'caCertificate'), await certificateFor(key, isCa))
    await writeFile(file(opts, 'caKey'), key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    const before = await contentOf(opts.folder)
    const refusal = await loadIdentity(opts).then(
      () => undefined,
      (error: OperatorError) => error
    )
    expect(refusal).toMatchObject({ name: 'OperatorError', code: 'OTAD_ERR_BAD_CERTIFICATE' })
    expect(refusal?.message).toContain(path.join(opts.folder, named))
    expect(refusal?.hint).toMatch(/\w{3}/)
    expect(await contentOf(opts.folder)).toEqual(before)
  })
})

describe('a process that is killed in the middle', () => {
  it.each([1, 2, 3])('of replacing the CA, after %i files, leaves what a start makes whole', async count => {
    const opts = await options()
    await loadIdentity(opts)
    for (const which of (['leafCertificate', 'caCertificate', 'caKey'] as const).slice(0, count))
      await rename(file(opts, which), path.join(opts.folder, `aside-${CERTIFICATE_FILES[which]}`))
    const { ca, leaf } = await loadIdentity(opts)
    expect(isPair(ca.certificate, ca.key)).toBe(true)
    expect(isPair(leaf.certificate, leaf.key)).toBe(true)
    expect(new X509Certificate(leaf.certificate).verify(new X509Certificate(ca.certificate).publicKey)).toBe(true)
  })

  const LANES = 3
  const KILLS_A_LANE = 10

  const keystore = new URL('../../src/certs/keystore.ts', import.meta.url).href
  const program = `
    const { loadIdentity, renewLeaf, replaceCa } = await import('${keystore}')
    const { folder, names } = JSON.parse(process.argv[1])
    const options = { folder, names, keyType: 'ec', now: new Date('${NOW.toISOString()}'), tellReadableKey: () => {} }
const { issueCa, makeKey } = await import('${new URL('issue.ts', keystore).href}')
    await issueCa(await makeKey('ec'), new Date())
    process.stdout.write('ready')
    for (;;) {
      await loadIdentity(options)
      await renewLeaf(options)
      await replaceCa(options)
    }`

  async function killInTheMiddle(folder: string, afterMs: number): Promise<void> {
    const args = ['--import', 'tsx/esm', '--input-type=module', '-e', program, JSON.stringify({ folder, names })]
    const cwd = fileURLToPath(new URL('../..', import.meta.url))
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
    const hasEnded = once(child, 'exit')
    await Promise.race([once(child.stdout, 'data'), hasEnded])
    await elapse(afterMs)
    child.kill('SIGKILL')
    expect(await hasEnded).toEqual([null, 'SIGKILL'])
  }

  /** Every certificate of the folder whose key is there too, those moved aside as well. */
  function pairsIn(content: Readonly<Record<string, string>>): readonly { name: string; isMatching: boolean }[] {
    return Object.entries(content).flatMap(([name, certificate]) => {
      const key = name.startsWith('.') ? undefined : content[name.replace('_cert', '_key')]
      return !name.includes('_cert') || key === undefined ? [] : [{ name, isMatching: isPair(certificate, key) }]
    })
  }

  it('leaves no pair that does not match, and nothing that the next start cannot use', async () => {
    const lane = async (): Promise<number> => {
      const opts = await options()
      let kills = 0
      for (; kills < KILLS_A_LANE; kills++) {
        // Each second time on what the last one left.
        if (kills % 2 === 0) await rm(opts.folder, { recursive: true, force: true })
        const afterMs = Math.random() * 120
        await killInTheMiddle(opts.folder, afterMs)
        const left = await contentOf(opts.folder).catch(() => ({}))
        const told = `killed after ${afterMs} ms: ${Object.keys(left).join(' ')}`
        expect(
          pairsIn(left).filter(({ isMatching }) => !isMatching),
          told
        ).toEqual([])
        const { ca, leaf } = await loadIdentity(opts)
        const now = await contentOf(opts.folder)
        expect(
          pairsIn(now).filter(({ isMatching }) => !isMatching),
          told
        ).toEqual([])
        expect(
          Object.entries(CERTIFICATE_FILES).map(([, name]) => now[name]),
          told
        ).toEqual([ca.certificate, ca.key, leaf.certificate, leaf.key])
        const root = new X509Certificate(ca.certificate)
        expect(new X509Certificate(leaf.certificate).verify(root.publicKey), told).toBe(true)
      }
      return kills
    }
    const kills = await Promise.all(Array.from({ length: LANES }, lane))
    expect(kills.reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(30)
  }, 60_000)
})
