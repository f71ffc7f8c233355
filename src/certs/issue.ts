import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator
} from '@peculiar/x509'
import { curveOf } from './device-key.js'
import type { CertificateNames } from './names.js'

export type KeyType = 'ec' | 'rsa'

/** A certificate, with what belongs between it and the root behind it, and its private key; both PEM text with a final line end. */
export interface Pair {
  readonly certificate: string
  readonly key: string
}

const DAY_MS = 24 * 60 * 60 * 1000
const CA_YEARS = 20
/** Browsers take no leaf that lives longer than 398 days. */
const LEAF_DAYS = 397
/** Certificates begin this long before they are made: clocks of build machines and devices differ. */
const BACKDATED_MS = 2 * DAY_MS

/** ECDSA on P-256 or RSA with 2048 bits, SHA-256 both: what every mbedTLS since 2.13 verifies (clients.md 15.4). */
const ALGORITHMS = {
  ec: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  rsa: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }
} as const

/** Makes a private key, as PKCS #8 PEM. */
export async function makeKey(keyType: KeyType): Promise<string> {
  const { privateKey } = await webcrypto.subtle.generateKey(ALGORITHMS[keyType], true, ['sign', 'verify'])
  return `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY')}\n`
}

/**
 * Makes the CA certificate for a key: the one certificate that devices embed. CA:TRUE and keyCertSign, both critical, or
 * mbedTLS trusts nothing under it; a name of its own, since tools choke on two CAs of one name.
 */
export async function issueCa(keyPem: string, now: Date): Promise<string> {
  const keys = await importPair(keyPem)
  const name = `otad root ${randomBytes(4).toString('hex')}`
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [name] }],
    notBefore: new Date(now.getTime() - BACKDATED_MS),
    notAfter: yearsAfter(now, CA_YEARS),
    keys,
    signingAlgorithm: keys.privateKey.algorithm.name === 'ECDSA' ? ALGORITHMS.ec : ALGORITHMS.rsa,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey)
    ]
  })
  return `${certificate.toString('pem')}\n`
}

/** Signs leaves under one CA. */
export interface Issuer {
  /**
   * Makes a leaf for these names. The root is not part of it: devices have it, and their input buffers are small.
   * @param serverKey the server's private key, PEM; the leaf holds its public half
   */
  issueLeaf(serverKey: string, names: CertificateNames, now: Date): Promise<string>
}

/** Reads the CA once for all the leaves to come: a leaf that a handshake waits for has to be made quickly. */
export async function createIssuer(ca: Pair): Promise<Issuer> {
  const caCertificate = new X509Certificate(ca.certificate)
  const { privateKey: signingKey } = await importPair(ca.key)
  // What the CA calls its key: other tools compute that otherwise, and OpenSSL compares (RFC 5280, 4.2.1.1).
  const keyId = caCertificate.getExtension(SubjectKeyIdentifierExtension)?.keyId
  const authority =
    keyId === undefined
      ? await AuthorityKeyIdentifierExtension.create(caCertificate.publicKey)
      : new AuthorityKeyIdentifierExtension(keyId)
  let server: { key: string; publicKey: webcrypto.CryptoKey; subject: SubjectKeyIdentifierExtension } | undefined

  const serverOf = async (key: string): Promise<NonNullable<typeof server>> => {
    if (server?.key === key) return server
    const { publicKey } = await importPair(key)
    server = { key, publicKey, subject: await SubjectKeyIdentifierExtension.create(publicKey) }
    return server
  }
  return {
    issueLeaf: async (serverKey, names, now) => {
      const { publicKey, subject } = await serverOf(serverKey)
      const isRsa = publicKey.algorithm.name !== 'ECDSA'
      const certificate = await X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        subject: [{ CN: [names.commonName.slice(0, 64)] }],
        // The name object, not its text: re-encoded text is another name to BearSSL (libraries.md 2).
        issuer: caCertificate.subjectName,
        notBefore: new Date(now.getTime() - BACKDATED_MS),
        notAfter: new Date(
          Math.min(now.getTime() + LEAF_DAYS * DAY_MS - BACKDATED_MS, caCertificate.notAfter.getTime())
        ),
        publicKey,
        signingKey,
        signingAlgorithm: signingKey.algorithm.name === 'ECDSA' ? ALGORITHMS.ec : ALGORITHMS.rsa,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature | (isRsa ? KeyUsageFlags.keyEncipherment : 0), true),
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
          new SubjectAlternativeNameExtension([
            ...names.dnsNames.map(value => ({ type: 'dns' as const, value })),
            ...names.ipAddresses.map(value => ({ type: 'ip' as const, value }))
          ]),
          subject,
          authority
        ]
      })
      return `${certificate.toString('pem')}\n`
    }
  }
}

/** 128 random bits, positive: the high bit would make it negative, a leading zero byte would not be minimal. */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

function yearsAfter(date: Date, years: number): Date {
  const later = new Date(date)
  later.setUTCFullYear(later.getUTCFullYear() + years)
  return later
}

async function importPair(keyPem: string): Promise<CryptoKeyPair> {
  const key = createPrivateKey(keyPem)
  const algorithm = algorithmOf(key)
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' })
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return {
    privateKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']),
    publicKey: await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify'])
  }
}

function algorithmOf(key: KeyObject): (typeof ALGORITHMS)['rsa'] | { name: 'ECDSA'; namedCurve: string; hash: string } {
  if (key.asymmetricKeyType === 'rsa') return ALGORITHMS.rsa
  return { ...ALGORITHMS.ec, namedCurve: curveOf(key) ?? 'P-256' }
}

type CryptoKeyPair = webcrypto.CryptoKeyPair
