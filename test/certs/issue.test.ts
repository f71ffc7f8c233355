import { execFile, spawnSync } from 'node:child_process'
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createIssuer, issueCa, makeKey, type Pair } from '../../src/certs/issue.js'
import { namesIn } from '../../src/certs/keystore.js'
import { certificateNames } from '../../src/certs/names.js'
import { temporaryFolder } from '../support/daemon.js'

const run = promisify(execFile)
const hasOpenssl = spawnSync('openssl', ['version']).status === 0

const NOW = new Date('2026-11-21T12:00:00Z')
const DAY_MS = 24 * 60 * 60 * 1000
const names = certificateNames('192.168.1.8', ['fd00::2', '::1', 'bench', 'bench.local', 'localhost', '*.example.lan'])

const KEYS = {
  ec: await makeKey('ec'),
  rsa: await makeKey('rsa'),
  otherEc: await makeKey('ec'),
  otherRsa: await makeKey('rsa')
}
const KINDS = ['ec', 'rsa'] as const

async function makeCa(kind: (typeof KINDS)[number], now = NOW): Promise<Pair> {
  return { key: KEYS[kind], certificate: await issueCa(KEYS[kind], now) }
}

async function makeLeaf(ca: Pair, key: string, now = NOW): Promise<string> {
  return (await createIssuer(ca)).issueLeaf(key, names, now)
}

/** Content of each element of a DER sequence, with its own tag and length before it. */
function elements(der: Buffer): readonly Buffer[] {
  const found: Buffer[] = []
  for (let at = headerLength(der); at < der.length; ) {
    const rest = der.subarray(at)
    const element = rest.subarray(0, headerLength(rest) + contentLength(rest))
    found.push(element)
    at += element.length
  }
  return found
}

const headerLength = (der: Buffer): number => 2 + ((der[1] ?? 0) < 0x80 ? 0 : (der[1] ?? 0) & 0x7f)
const contentLength = (der: Buffer): number =>
  headerLength(der) === 2 ? (der[1] ?? 0) : der.readUIntBE(2, headerLength(der) - 2)

/** The fields of a certificate that is of version 3 (RFC 5280, 4.1). */
function fieldsOf(pem: string): Record<'serial' | 'issuer' | 'subject', Buffer> {
  const [toBeSigned = Buffer.alloc(0)] = elements(new X509Certificate(pem).raw)
  const [, serial, , issuer, , subject] = elements(toBeSigned)
  if (serial === undefined || issuer === undefined || subject === undefined) throw new Error('not a certificate')
  return { serial, issuer, subject }
}

/** SHA-1 of the bits of the public key: the first method of RFC 5280, 4.2.1.2. */
function keyIdentifier(keyPem: string): string {
  const [, bits = Buffer.alloc(0)] = elements(createPublicKey(keyPem).export({ type: 'spki', format: 'der' }))
  return createHash('sha1')
    .update(bits.subarray(headerLength(bits) + 1))
    .digest('hex')
    .toUpperCase()
}

/** One extension as `openssl x509 -text` prints it: its heading with what follows there, and its lines. */
function extensionIn(text: string, title: string): { heading: string; value: string } | undefined {
  const found = new RegExp(`^ {12}${title}:(.*)\\n((?: {16}.*\\n)*)`, 'm').exec(text)
  return found === null ? undefined : { heading: (found[1] ?? '').trim(), value: (found[2] ?? '').trim() }
}

async function textOf(pem: string): Promise<string> {
  const file = path.join(await temporaryFolder(), 'cert.pem')
  await writeFile(file, pem)
  return (await run('openssl', ['x509', '-in', file, '-noout', '-text'])).stdout
}

async function verify(ca: string, leaf: string, ...args: string[]): Promise<string> {
  const folder = await temporaryFolder()
  const [caFile, leafFile] = [path.join(folder, 'ca.pem'), path.join(folder, 'leaf.pem')]
  await writeFile(caFile, ca)
  await writeFile(leafFile, leaf)
  const at = ['-attime', String(NOW.getTime() / 1000)]
  const found = await run('openssl', ['verify', ...at, '-CAfile', caFile, ...args, leafFile])
  return found.stdout.trim().replace(leafFile, 'leaf')
}

describe.each(KINDS.flatMap(ca => KINDS.map(leaf => [ca, leaf] as const)))(
  'under a CA with an %s key a leaf with an %s key',
  (caKind, leafKind) => {
    const leafKey = leafKind === 'ec' ? KEYS.otherEc : KEYS.otherRsa

    it('is issued and signed by it, and holds the public half of its key', async () => {
      const ca = await makeCa(caKind)
      const leaf = await makeLeaf(ca, leafKey)
      const [root, server] = [new X509Certificate(ca.certificate), new X509Certificate(leaf)]
      expect(server.checkIssued(root)).toBe(true)
      expect(server.verify(root.publicKey)).toBe(true)
      expect(server.checkPrivateKey(createPrivateKey(leafKey))).toBe(true)
      expect(fieldsOf(leaf).issuer.equals(fieldsOf(ca.certificate).subject)).toBe(true)
      expect(namesIn(leaf)).toEqual(names)
      expect(leaf.endsWith('-----END CERTIFICATE-----\n')).toBe(true)
    })

    it.skipIf(!hasOpenssl)('is taken by openssl in its strictest mode, for every name and address', async () => {
      const ca = await makeCa(caKind)
      const leaf = await makeLeaf(ca, leafKey)
      const strict = ['-x509_strict', '-purpose', 'sslserver']
      for (const name of ['bench', 'BENCH.local', 'a.example.lan'])
        expect(await verify(ca.certificate, leaf, ...strict, '-verify_hostname', name)).toBe('leaf: OK')
      for (const address of ['192.168.1.8', 'fd00::2', '::1'])
        expect(await verify(ca.certificate, leaf, ...strict, '-verify_ip', address)).toBe('leaf: OK')
      await expect(verify(ca.certificate, leaf, ...strict, '-verify_ip', '192.168.1.9')).rejects.toThrow(/mismatch/)
    })

    it.skipIf(!hasOpenssl)('has the extensions that mbedTLS asks for (clients.md 15.4)', async () => {
      const ca = await makeCa(caKind)
      const text = await textOf(await makeLeaf(ca, leafKey))
      const usages = leafKind === 'rsa' ? 'Digital Signature, Key Encipherment' : 'Digital Signature'
      expect(extensionIn(text, 'X509v3 Basic Constraints')).toEqual({ heading: 'critical', value: 'CA:FALSE' })
      expect(extensionIn(text, 'X509v3 Key Usage')).toEqual({ heading: 'critical', value: usages })
      expect(extensionIn(text, 'X509v3 Extended Key Usage')?.value).toBe('TLS Web Server Authentication')
      expect(extensionIn(text, 'X509v3 Subject Key Identifier')?.value.replaceAll(':', '')).toBe(keyIdentifier(leafKey))
      expect(extensionIn(text, 'X509v3 Authority Key Identifier')?.value.replaceAll(':', '')).toBe(
        keyIdentifier(ca.key)
      )
      expect(extensionIn(text, 'X509v3 Subject Alternative Name')?.value).toBe(
        'DNS:192.168.1.8, DNS:fd00::2, DNS:::1, DNS:bench, DNS:bench.local, DNS:localhost, DNS:*.example.lan, ' +
          'IP Address:192.168.1.8, IP Address:FD00:0:0:0:0:0:0:2, IP Address:0:0:0:0:0:0:0:1'
      )
      expect(text).toMatch(/Version: 3 /)
      expect(text.match(/Signature Algorithm: .*/g)).toEqual(
        Array(2).fill(`Signature Algorithm: ${caKind === 'ec' ? 'ecdsa-with-SHA256' : 'sha256WithRSAEncryption'}`)
      )
    })
  }
)

describe.each(KINDS)('a CA with an %s key', kind => {
  it.skipIf(!hasOpenssl)('has the extensions without which mbedTLS trusts nothing under it', async () => {
    const { certificate, key } = await makeCa(kind)
    const text = await textOf(certificate)
    expect(extensionIn(text, 'X509v3 Basic Constraints')).toEqual({
      heading: 'critical',
      value: expect.stringMatching(/^CA:TRUE/)
    })
    expect(extensionIn(text, 'X509v3 Key Usage')).toEqual({
      heading: 'critical',
      value: expect.stringContaining('Certificate Sign')
    })
    expect(extensionIn(text, 'X509v3 Subject Key Identifier')?.value.replaceAll(':', '')).toBe(keyIdentifier(key))
    expect(text).toContain(
      kind === 'ec' ? 'Signature Algorithm: ecdsa-with-SHA256' : 'Signature Algorithm: sha256WithRSAEncryption'
    )
  })

  it('has a name of its own each time', async () => {
    const subjects = await Promise.all(Array.from({ length: 20 }, async () => (await makeCa(kind)).certificate))
    expect(new Set(subjects.map(pem => new X509Certificate(pem).subject)).size).toBe(20)
  })
})

describe('the dates', () => {
  it.each([
    ['a plain day', '2026-11-21T12:00:00Z'],
    ['a leap day', '2028-02-29T23:59:59.999Z'],
    ['a day whose certificates end after 2049, where the encoding changes', '2033-01-01T00:00:00Z'],
    ['the last second of a year', '2049-12-31T23:59:59Z'],
    ['the first second that a clock without a battery has', '1970-01-01T00:00:00Z']
  ])('begin in the past and last as product.md says on %s', async (_what, day) => {
    const now = new Date(day)
    const ca = await makeCa('ec', now)
    const root = new X509Certificate(ca.certificate)
    const leaf = new X509Certificate(await makeLeaf(ca, KEYS.otherEc, now))
    for (const { validFrom } of [root, leaf])
      expect(now.getTime() - Date.parse(validFrom)).toBeGreaterThanOrEqual(DAY_MS)
    const leafDays = (Date.parse(leaf.validTo) - Date.parse(leaf.validFrom)) / DAY_MS
    expect(leafDays).toBeGreaterThan(396)
    expect(leafDays).toBeLessThanOrEqual(397)
    expect((Date.parse(root.validTo) - now.getTime()) / DAY_MS / 365.2425).toBeCloseTo(20, 1)
  })

  it('of a leaf never go beyond those of its CA', async () => {
    const ca = await makeCa('ec')
    const root = new X509Certificate(ca.certificate)
    const late = new Date(Date.parse(root.validTo) - 20 * DAY_MS)
    expect(new X509Certificate(await makeLeaf(ca, KEYS.otherEc, late)).validTo).toBe(root.validTo)
  })
})

describe('the serial numbers', () => {
  it('are a thousand different positive ones in DER as short as can be, of at most 20 bytes', async () => {
    const issuer = await createIssuer(await makeCa('ec'))
    const serials: Buffer[] = []
    for (let count = 0; count < 1000; count++)
      serials.push(fieldsOf(await issuer.issueLeaf(KEYS.otherEc, certificateNames('bench', []), NOW)).serial)
    for (const serial of serials) expect(whatIsWrongWith(serial)).toBe('nothing')
    expect(new Set(serials.map(serial => serial.toString('hex'))).size).toBe(1000)
    // Random ones do not follow each other: the CA/Browser Forum asks for 64 bits of it.
    for (const at of [3, 4, 5, 6, 7, 8, 9, 10])
      expect(new Set(serials.map(serial => serial[at])).size).toBeGreaterThan(100)
  })

  it('of CAs are like that too', async () => {
    for (let count = 0; count < 50; count++)
      expect(whatIsWrongWith(fieldsOf((await makeCa('ec')).certificate).serial)).toBe('nothing')
  })
})

/** RFC 5280, 4.1.2.2, and X.690, 8.3.2. */
function whatIsWrongWith(serial: Buffer): string {
  const content = serial.subarray(2)
  const [first = 0, second = 0] = content
  if (serial[0] !== 2 || serial[1] !== content.length) return 'no short integer'
  if (content.length === 0 || content.length > 20) return `${content.length} bytes`
  if (first >= 0x80) return 'negative'
  if (first === 0 && second < 0x80) return 'not minimal'
  return 'nothing'
}

describe.skipIf(!hasOpenssl)('a CA that the operator made with openssl', () => {
  async function makeWithOpenssl(...args: string[]): Promise<Pair> {
    const folder = await temporaryFolder()
    const [keyFile, certificateFile] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')]
    const files = ['-keyout', keyFile, '-out', certificateFile]
    const usage = ['-addext', 'keyUsage=critical,keyCertSign']
    await run('openssl', ['req', '-x509', '-nodes', '-days', '7300', '-utf8', ...usage, ...files, ...args])
    return { key: await readFile(keyFile, 'utf8'), certificate: await readFile(certificateFile, 'utf8') }
  }
  const curve = (name: string): string[] => ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${name}`]

  it.each([
    ['P-256', curve('P-256')],
    ['P-384', curve('P-384')],
    ['P-521', curve('P-521')],
    ['RSA-2048', ['-newkey', 'rsa:2048']],
    ['RSA-3072', ['-newkey', 'rsa:3072']]
  ])('signs leaves of either kind with %s', async (_what, args) => {
    const ca = await makeWithOpenssl(...args, '-subj', '/CN=bench root')
    const now = new Date()
    for (const key of [KEYS.ec, KEYS.rsa]) {
      const leaf = await makeLeaf(ca, key, now)
      expect(
        await verify(ca.certificate, leaf, '-x509_strict', '-attime', String(Math.floor(now.getTime() / 1000)))
      ).toBe('leaf: OK')
      expect(new X509Certificate(leaf).verify(new X509Certificate(ca.certificate).publicKey)).toBe(true)
    }
  })

  it.each([
    ['several parts', '/C=DE/ST=Bayern/O=Otto \\/ Söhne/OU=Lab+CN=root', 'utf8only'],
    ['umlauts in T61String', '/O=Büro/CN=root', 'default'],
    ['kanji in BMPString', '/O=日本/CN=root', 'default'],
    ['characters that RFC 4514 escapes', '/O=a, b; "c" <d> #e = f/CN= root ', 'utf8only'],
    ['an address of e-mail in IA5String', '/CN=root/emailAddress=a@b.example', 'utf8only']
  ])('finds its name byte for byte as issuer: %s', async (_what, subject, mask) => {
    const config = path.join(await temporaryFolder(), 'openssl.cnf')
    await writeFile(
      config,
      `[req]\ndistinguished_name=dn\nstring_mask=${mask}\nx509_extensions=v3\n[dn]\n[v3]\nsubjectKeyIdentifier=hash\nbasicConstraints=critical,CA:TRUE\n`
    )
    const ca = await makeWithOpenssl('-config', config, '-multivalue-rdn', ...curve('P-256'), '-subj', subject)
    const leaf = await makeLeaf(ca, KEYS.ec)
    expect(fieldsOf(leaf).issuer.toString('hex')).toBe(fieldsOf(ca.certificate).subject.toString('hex'))
    expect(new X509Certificate(leaf).checkIssued(new X509Certificate(ca.certificate))).toBe(true)
  })
})

describe('a key of the operator', () => {
  it.each([
    ['RSA in PKCS #1', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'pkcs1'],
    ['EC in SEC 1', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'sec1'],
    ['P-384 in SEC 1', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey, 'sec1'],
    ['P-521 in PKCS #8', generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey, 'pkcs8'],
    [
      'RSA with another exponent',
      generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).privateKey,
      'pkcs8'
    ]
  ] as const)('may be the one of a CA and the one of a leaf: %s', async (_what, privateKey, type) => {
    const key = privateKey.export({ type: type as 'pkcs8', format: 'pem' }).toString()
    const ca = { key, certificate: await issueCa(key, NOW) }
    const leaf = new X509Certificate(await makeLeaf(ca, key))
    expect(leaf.checkPrivateKey(privateKey)).toBe(true)
    expect(leaf.verify(createPublicKey(privateKey))).toBe(true)
    expect(new X509Certificate(ca.certificate).verify(createPublicKey(privateKey))).toBe(true)
  })
})
