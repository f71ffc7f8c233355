import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmod, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { CERTIFICATE_FILES, type KeystoreOptions, loadIdentity, namesIn } from '../../src/certs/keystore.js'
import { certificateNames } from '../../src/certs/names.js'
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
