import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  webcrypto,
  X509Certificate
} from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { BasicConstraintsExtension, X509CertificateGenerator } from '@peculiar/x509'
import { beforeEach, describe, expect, it } from 'vitest'
import { loadOwnIdentity, type OwnFiles, type OwnIdentity, readClientCa } from '../../src/certs/own.js'
import type { OperatorError } from '../../src/errors.js'
import { temporaryFolder } from '../support/daemon.js'

const HASH = 'SHA-256'
const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: HASH }
const ec = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const pkcs8 = (key: KeyObject, secret?: { cipher: string; passphrase: string }): string =>
  key.export({ type: 'pkcs8', format: 'pem', ...secret }).toString()

interface Party {
  readonly name: string
  readonly key: KeyObject
}

/** A certificate for any kind of key, signed by an EC key on P-256. */
async function certify(subject: Party, issuer: Party, isCa: boolean | undefined): Promise<string> {
  const signingKey = issuer.key.export({ type: 'pkcs8', format: 'der' })
  const made = await X509CertificateGenerator.create({
    subject: `CN=${subject.name}`,
    issuer: `CN=${issuer.name}`,
    publicKey: createPublicKey(subject.key).export({ type: 'spki', format: 'der' }),
    signingKey: await webcrypto.subtle.importKey('pkcs8', signingKey, P256, false, ['sign']),
    signingAlgorithm: P256,
    extensions: isCa === undefined ? [] : [new BasicConstraintsExtension(isCa, undefined, true)]
  })
  return `${made.toString('pem')}\n`
}

const root: Party = { name: 'root', key: ec() }
const otherRoot: Party = { name: 'other root', key: ec() }
const namesake: Party = { name: 'root', key: ec() }
const upper: Party = { name: 'upper', key: ec() }
const lower: Party = { name: 'lower', key: ec() }
const server: Party = { name: 'bench.lan', key: ec() }
const rsaServer: Party = { name: 'bench.lan', key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey }
const certificates = {
  root: await certify(root, root, true),
  otherRoot: await certify(otherRoot, otherRoot, true),
  namesake: await certify(namesake, namesake, true),
  upper: await certify(upper, root, true),
  lower: await certify(lower, upper, true),
  /** Under root, with nothing in between. */
  direct: await certify(server, root, false),
  /** Under lower, which is under upper, which is under root. */
  deep: await certify(server, lower, false),
  selfSigned: await certify(server, server, undefined),
  selfSignedNoCa: await certify(server, server, false),
  selfSignedCa: await certify(server, server, true),
  rsa: await certify(rsaServer, root, false)
}

let folder: string
beforeEach(async () => {
  folder = await temporaryFolder()
})

/** Writes a file of the test's folder and says where it is. */
async function put(name: string, ...parts: readonly (string | Uint8Array)[]): Promise<string> {
  const file = path.join(folder, name)
  await writeFile(file, Buffer.concat(parts.map(part => Buffer.from(part as string))))
  return file
}

const load = (files: Partial<OwnFiles>): Promise<OwnIdentity> =>
  loadOwnIdentity({ certFile: '', keyFile: '', keyPassphraseFile: '', caFile: '', ...files })

/** Expects a refusal with a code, a sentence that names the file, and a hint. */
async function expectRefusal(loading: Promise<unknown>, code: string, file: string, sentence: RegExp): Promise<void> {
  const refusal = await loading.then(
    () => undefined,
    (error: OperatorError) => error
  )
  expect(refusal).toMatchObject({ name: 'OperatorError', code })
  expect(refusal?.message).toContain(file)
  expect(refusal?.message).toMatch(sentence)
  expect(refusal?.hint).toMatch(/\w{3}/)
}

/** Subjects of the certificates in a PEM text. */
const subjectsIn = (pem: string): readonly string[] =>
  pem
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .filter(part => part.trim() !== '')
    .map(part => new X509Certificate(part).subject)

const same = (one: string | undefined, other: string): boolean =>
  one !== undefined && new X509Certificate(one).fingerprint256 === new X509Certificate(other).fingerprint256

describe('what is shown', () => {
  it('is the leaf, then each that issued the one before it, without the root', async () => {
    const { deep, lower, upper, root } = certificates
    const certFile = await put('chain.pem', deep, lower, upper, root)
    const keyFile = await put('key.pem', pkcs8(server.key))
    const { shown, anchor } = await load({ certFile, keyFile })
    expect(subjectsIn(shown.certificate)).toEqual(['CN=bench.lan', 'CN=lower', 'CN=upper'])
    expect(createPrivateKey(shown.key).equals(server.key)).toBe(true)
    expect(same(anchor, root)).toBe(true)
  })

  it('is the same when the root is left out, or comes in between', async () => {
    const { deep, lower, upper, root } = certificates
    const keyFile = await put('key.pem', pkcs8(server.key))
    const without = await load({ certFile: await put('a.pem', deep, lower, upper), keyFile })
    const between = await load({ certFile: await put('b.pem', deep, root, lower, upper), keyFile })
    expect(subjectsIn(without.shown.certificate)).toEqual(['CN=bench.lan', 'CN=lower', 'CN=upper'])
    expect(between.shown.certificate).toBe(without.shown.certificate)
    expect(without.anchor).toBeUndefined()
    expect(same(between.anchor, root)).toBe(true)
  })

  it.each([
    ['no extensions', certificates.selfSigned],
    ['CA:FALSE', certificates.selfSignedNoCa],
    ['CA:TRUE', certificates.selfSignedCa]
  ])('is a self-signed certificate, which is its own anchor, with %s', async (_what, certificate) => {
    const certFile = await put('cert.pem', certificate)
    const { shown, anchor } = await load({ certFile, keyFile: await put('key.pem', pkcs8(server.key)) })
    expect(same(shown.certificate, certificate)).toBe(true)
    expect(same(anchor, certificate)).toBe(true)
  })

  it.each([
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    ['P-521', generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey],
    ['RSA-2048', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
    ['RSA-3072', generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey]
  ])('may have a key that is %s', async (_what, key) => {
    const certFile = await put('cert.pem', await certify({ name: 'bench.lan', key }, root, false))
    const { shown } = await load({ certFile, keyFile: await put('key.pem', pkcs8(key)) })
    expect(createPrivateKey(shown.key).equals(key)).toBe(true)
  })

  it('is found among the words that openssl writes around it, and with the line ends of Windows', async () => {
    const words = 'Bag Attributes\r\n    friendlyName: bench - lab\r\nsubject=CN = bench.lan\r\n'
    const certFile = await put('cert.pem', words, certificates.direct.replaceAll('\n', '\r\n'), words)
    const keyFile = await put('key.pem', words, pkcs8(server.key).replaceAll('\n', '\r\n'))
    expect(subjectsIn((await load({ certFile, keyFile })).shown.certificate)).toEqual(['CN=bench.lan'])
  })

  it.each([
    ['key first', (key: string, certificate: string) => [key, certificate]],
    ['certificate first', (key: string, certificate: string) => [certificate, key]]
  ])('may be in one file with its key: %s', async (_order, ordered) => {
    const certFile = await put('both.pem', ...ordered(pkcs8(server.key), certificates.direct), certificates.root)
    const { shown, anchor } = await load({ certFile })
    expect(createPrivateKey(shown.key).equals(server.key)).toBe(true)
    expect(subjectsIn(shown.certificate)).toEqual(['CN=bench.lan'])
    expect(same(anchor, certificates.root)).toBe(true)
    expect(shown.certificate).not.toContain('PRIVATE KEY')
  })
})

describe('a chain out of order', () => {
  const { deep, lower, upper, direct, otherRoot } = certificates
  it.each([
    ['the links are the wrong way round', [deep, upper, lower], /lower.*upper|bench\.lan.*upper/],
    ['one between is missing', [deep, upper], /bench\.lan.*upper/],
    ['the leaf is there twice', [deep, deep, lower], /bench\.lan/],
    ['a link has nothing to do with it', [direct, lower], /bench\.lan.*lower/]
  ])('is refused: %s', async (_what, chain, sentence) => {
    const certFile = await put('chain.pem', ...chain)
    const keyFile = await put('key.pem', pkcs8(server.key))
    await expectRefusal(load({ certFile, keyFile }), 'OTAD_ERR_BAD_CERTIFICATE', certFile, sentence)
  })

  it('is refused when the leaf does not come first: the key is not that of the one that does', async () => {
    const certFile = await put('chain.pem', lower, deep)
    const keyFile = await put('key.pem', pkcs8(server.key))
    await expectRefusal(load({ certFile, keyFile }), 'OTAD_ERR_KEY_MISMATCH', certFile, /is not the key of/)
  })

  it('is refused when its root comes first', async () => {
    const certFile = await put('chain.pem', otherRoot, direct)
    const keyFile = await put('key.pem', pkcs8(server.key))
    await expectRefusal(load({ certFile, keyFile }), 'OTAD_ERR_KEY_MISMATCH', certFile, /is not the key of/)
  })
})

describe('the file of the CA', () => {
  const { deep, lower, upper, direct } = certificates
  const keyOf = (): Promise<string> => put('key.pem', pkcs8(server.key))

  it.each([
    ['the root of a chain without it', [deep, lower, upper]],
    ['the root of a chain with it', [deep, lower, upper, certificates.root]],
    ['what issued the leaf', [direct]]
  ])('gives the anchor: %s', async (_what, chain) => {
    const certFile = await put('chain.pem', ...chain)
    const caFile = await put('ca.pem', certificates.root)
    expect(same((await load({ certFile, keyFile: await keyOf(), caFile })).anchor, certificates.root)).toBe(true)
  })

  it('may hold others too: the anchor is the one that fits', async () => {
    const certFile = await put('chain.pem', direct)
    const caFile = await put('ca.pem', certificates.namesake, certificates.otherRoot, certificates.root)
    expect(same((await load({ certFile, keyFile: await keyOf(), caFile })).anchor, certificates.root)).toBe(true)
  })

  it('may hold the last certificate that is shown, which mbedTLS trusts as well as a root', async () => {
    const certFile = await put('chain.pem', deep, lower)
    const caFile = await put('ca.pem', lower)
    expect(same((await load({ certFile, keyFile: await keyOf(), caFile })).anchor, lower)).toBe(true)
  })

  it.each([
    ['another root', [certificates.otherRoot]],
    ['another root of the same name', [certificates.namesake]],
    ['several that do not fit', [certificates.namesake, certificates.otherRoot]]
  ])('is refused when a device that embeds it would refuse this server: %s', async (_what, anchors) => {
    const certFile = await put('chain.pem', direct)
    const caFile = await put('ca.pem', ...anchors)
    await expectRefusal(
      load({ certFile, keyFile: await keyOf(), caFile }),
      'OTAD_ERR_BAD_CERTIFICATE',
      caFile,
      /did not issue CN=bench\.lan/
    )
  })

  it('is refused when certificates between it and the leaf are missing', async () => {
    const certFile = await put('chain.pem', deep, lower)
    const caFile = await put('ca.pem', certificates.root)
    await expectRefusal(
      load({ certFile, keyFile: await keyOf(), caFile }),
      'OTAD_ERR_BAD_CERTIFICATE',
      caFile,
      /did not issue CN=lower/
    )
  })

  it.each([
    ['missing', 'OTAD_ERR_NO_SUCH_FILE', undefined, /is not there/],
    ['empty', 'OTAD_ERR_BAD_CERTIFICATE', '', /no certificate in PEM form/],
    ['a key', 'OTAD_ERR_BAD_CERTIFICATE', pkcs8(root.key), /no certificate in PEM form/]
  ])('is refused when it is %s', async (_what, code, content, sentence) => {
    const certFile = await put('chain.pem', direct)
    const caFile = content === undefined ? path.join(folder, 'ca.pem') : await put('ca.pem', content)
    await expectRefusal(load({ certFile, keyFile: await keyOf(), caFile }), code, caFile, sentence)
  })
})

describe('an encrypted key', () => {
  const secret = { cipher: 'aes-256-cbc', passphrase: 'correct horse, Batterie stäple ' }
  const KINDS = [
    ['PKCS #8 with EC', server.key, certificates.direct, 'pkcs8'],
    ['SEC 1 with EC', server.key, certificates.direct, 'sec1'],
    ['PKCS #8 with RSA', rsaServer.key, certificates.rsa, 'pkcs8'],
    ['PKCS #1 with RSA', rsaServer.key, certificates.rsa, 'pkcs1']
  ] as const
  const encrypted = (key: KeyObject, type: string): string =>
    key.export({ type: type as 'pkcs8', format: 'pem', ...secret }).toString()

  describe.each(KINDS)('as %s', (_what, key, certificate, type) => {
    it.each([
      ['without a line end', ''],
      ['with one', '\n'],
      ['with one of Windows', '\r\n']
    ])('is opened with the passphrase of a file %s, and kept open', async (_end, end) => {
      const certFile = await put('cert.pem', certificate)
      const keyFile = await put('key.pem', encrypted(key, type))
      const keyPassphraseFile = await put('passphrase', secret.passphrase, end)
      const { shown } = await load({ certFile, keyFile, keyPassphraseFile })
      expect(createPrivateKey(shown.key).equals(key)).toBe(true)
    })

    it.each([
      ['wrong', 'correct horse'],
      ['empty', ''],
      ['with a space too few', secret.passphrase.trimEnd()],
      ['with a line end too many', `${secret.passphrase}\n\n`]
    ])('is refused with a passphrase that is %s, which is not told', async (_what, passphrase) => {
      const certFile = await put('cert.pem', certificate)
      const keyFile = await put('key.pem', encrypted(key, type))
      const keyPassphraseFile = await put('passphrase', passphrase)
      const loading = load({ certFile, keyFile, keyPassphraseFile })
      await expectRefusal(loading, 'OTAD_ERR_KEY_UNREADABLE', keyFile, /the passphrase in .* does not open/)
      await expectRefusal(loading, 'OTAD_ERR_KEY_UNREADABLE', keyPassphraseFile, /^(?!.*correct horse)/)
    })

    it('is refused without a passphrase', async () => {
      const certFile = await put('cert.pem', certificate)
      const keyFile = await put('key.pem', encrypted(key, type))
      await expectRefusal(load({ certFile, keyFile }), 'OTAD_ERR_KEY_UNREADABLE', keyFile, /is encrypted/)
    })
  })

  it('may be in one file with its certificate', async () => {
    const certFile = await put('both.pem', certificates.direct, encrypted(server.key, 'pkcs8'))
    const keyPassphraseFile = await put('passphrase', secret.passphrase)
    expect(createPrivateKey((await load({ certFile, keyPassphraseFile })).shown.key).equals(server.key)).toBe(true)
  })

  it('is not needed where there is a passphrase', async () => {
    const certFile = await put('cert.pem', certificates.direct)
    const keyFile = await put('key.pem', pkcs8(server.key))
    const keyPassphraseFile = await put('passphrase', 'whatever\n')
    expect(createPrivateKey((await load({ certFile, keyFile, keyPassphraseFile })).shown.key).equals(server.key)).toBe(
      true
    )
  })

  it('is refused when the file of its passphrase is missing', async () => {
    const certFile = await put('cert.pem', certificates.direct)
    const keyFile = await put('key.pem', encrypted(server.key, 'pkcs8'))
    const keyPassphraseFile = path.join(folder, 'nothing')
    await expectRefusal(
      load({ certFile, keyFile, keyPassphraseFile }),
      'OTAD_ERR_NO_SUCH_FILE',
      keyPassphraseFile,
      /is not there/
    )
  })
})

describe('what is no certificate', () => {
  const der = new X509Certificate(certificates.direct).raw
  it.each([
    ['DER instead of PEM', der],
    ['an empty file', ''],
    ['a key alone', pkcs8(server.key)],
    ['a request', '-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n'],
    ['cut in the middle', certificates.direct.slice(0, 300)],
    ['in UTF-16, as PowerShell writes', Buffer.from(certificates.direct, 'utf16le')]
  ])('is refused: %s', async (_what, content) => {
    const certFile = await put('cert.pem', content)
    const keyFile = await put('key.pem', pkcs8(server.key))
    await expectRefusal(load({ certFile, keyFile }), 'OTAD_ERR_BAD_CERTIFICATE', certFile, /no certificate in PEM form/)
  })

  it.each([
    [
      'something else between its lines',
      '-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n'
    ],
    ['a second one that is broken', `${certificates.direct}${certificates.root.replace(/\n.{20}/, '\nAAAA')}`]
  ])('is refused: %s', async (_what, content) => {
    const certFile = await put('cert.pem', content)
    const keyFile = await put('key.pem', pkcs8(server.key))
    await expectRefusal(load({ certFile, keyFile }), 'OTAD_ERR_BAD_CERTIFICATE', certFile, /cannot be read/)
  })

  it('is a file that is missing', async () => {
    const certFile = path.join(folder, 'nothing.pem')
    await expectRefusal(load({ certFile }), 'OTAD_ERR_NO_SUCH_FILE', certFile, /is not there/)
  })

  it('is a folder', async () => {
    const certFile = path.join(folder, 'certs')
    await mkdir(certFile)
    await expectRefusal(load({ certFile }), 'OTAD_ERR_KEY_UNREADABLE', certFile, /cannot be read/)
  })
})

describe('a key', () => {
  it.each([
    ['of another certificate', ec()],
    ['of another kind', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey]
  ])('%s is refused', async (_what, key) => {
    const certFile = await put('cert.pem', certificates.direct)
    const keyFile = await put('key.pem', pkcs8(key))
    const loading = load({ certFile, keyFile })
    await expectRefusal(loading, 'OTAD_ERR_KEY_MISMATCH', keyFile, /is not the key of/)
    await expectRefusal(loading, 'OTAD_ERR_KEY_MISMATCH', certFile, /is not the key of/)
  })

  it.each([
    ['DER instead of PEM', server.key.export({ type: 'pkcs8', format: 'der' })],
    ['an empty file', ''],
    ['a certificate', certificates.direct],
    ['a public key', createPublicKey(server.key).export({ type: 'spki', format: 'pem' }).toString()],
    ['cut in the middle', pkcs8(server.key).slice(0, 100)]
  ])('is refused: %s', async (_what, content) => {
    const certFile = await put('cert.pem', certificates.direct)
    const keyFile = await put('key.pem', content)
    await expectRefusal(load({ certFile, keyFile }), 'OTAD_ERR_KEY_UNREADABLE', keyFile, /no private key in PEM form/)
  })

  it('that is missing from the file of the certificate is asked for', async () => {
    const certFile = await put('cert.pem', certificates.direct)
    await expectRefusal(load({ certFile }), 'OTAD_ERR_KEY_UNREADABLE', certFile, /no private key in PEM form/)
  })

  it('in a file that is not there is refused', async () => {
    const certFile = await put('cert.pem', certificates.direct)
    const keyFile = path.join(folder, 'nothing.pem')
    await expectRefusal(load({ certFile, keyFile }), 'OTAD_ERR_NO_SUCH_FILE', keyFile, /is not there/)
  })

  it.each([
    ['Ed25519', generateKeyPairSync('ed25519').privateKey, /ed25519/],
    ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey, /secp256k1/],
    ['RSA-1024', generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey, /rsa 1024/]
  ])('that devices cannot use is refused: %s', async (_what, key, named) => {
    const certFile = await put('cert.pem', await certify({ name: 'bench.lan', key }, root, false))
    const keyFile = await put('key.pem', pkcs8(key))
    await expectRefusal(load({ certFile, keyFile }), 'OTAD_ERR_BAD_CERTIFICATE', certFile, named)
  })
})

describe('the file of whose clients are let in', () => {
  it('gives every certificate in it', async () => {
    const file = await put('clients.pem', certificates.root, 'and\n', certificates.otherRoot)
    expect(subjectsIn(await readClientCa(file))).toEqual(['CN=root', 'CN=other root'])
  })

  it('is refused without one', async () => {
    const empty = await put('empty.pem', '')
    await expectRefusal(readClientCa(empty), 'OTAD_ERR_BAD_CERTIFICATE', empty, /no certificate/)
    const missing = path.join(folder, 'nothing.pem')
    await expectRefusal(readClientCa(missing), 'OTAD_ERR_NO_SUCH_FILE', missing, /is not there/)
  })
})
