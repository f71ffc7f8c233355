/** Certificates as a test wants them: any dates, any names, any purpose, under an authority of its own or under none. */
import { randomBytes, webcrypto } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator
} from '@peculiar/x509'
import { afterAll } from 'vitest'
import type { Pair } from '../../src/certs/issue.js'

export type { Pair } from '../../src/certs/issue.js'

const DAY_MS = 24 * 60 * 60 * 1000
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

export interface LeafOptions {
  readonly purpose: 'server' | 'client'
  /** dNSName entries; the first is the CN too. */
  readonly names?: readonly string[]
  /** iPAddress entries. */
  readonly addresses?: readonly string[]
  /** From, and to; around today when left out. */
  readonly valid?: readonly [from: Date, to: Date]
}

/** A CA that issues what it is asked for. */
export interface Authority extends Pair {
  issue(options: LeafOptions): Promise<Pair>
}

/** Begins and ends that many days from now. */
export function daysFromNow(from: number, to: number): readonly [Date, Date] {
  return [new Date(Date.now() + from * DAY_MS), new Date(Date.now() + to * DAY_MS)]
}

export async function anAuthority(): Promise<Authority> {
  const keys = await makeKeys()
  const name = `CN=test root ${randomBytes(4).toString('hex')}`
  const root = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name,
    ...datesOf(daysFromNow(-1000, 1000)),
    keys,
    signingAlgorithm: EC,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true)
    ]
  })
  return {
    ...(await pairOf(root.toString('pem'), keys)),
    issue: async options => {
      const own = await makeKeys()
      const leaf = await X509CertificateGenerator.create({
        ...contentOf(options),
        issuer: root.subjectName,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: EC
      })
      return pairOf(leaf.toString('pem'), own)
    }
  }
}

/** A certificate that nobody else signed. */
export async function aSelfSigned(options: LeafOptions): Promise<Pair> {
  const keys = await makeKeys()
  const { subject, ...content } = contentOf(options)
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...content,
    name: subject,
    keys,
    signingAlgorithm: EC
  })
  return pairOf(certificate.toString('pem'), keys)
}

export interface PairFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** A temporary folder for certificates that goes with the suite. */
export async function certificateFolder(): Promise<{
  /** Writes `<name>.pem` and `<name>-key.pem`. */
  readonly write: (name: string, pair: Pair) => Promise<PairFiles>
  readonly path: string
}> {
  const folder = await mkdtemp(path.join(tmpdir(), 'otad-test-'))
  afterAll(() => rm(folder, { recursive: true, force: true }))
  return {
    path: folder,
    write: async (name, { certificate, key }) => {
      const files = { certFile: path.join(folder, `${name}.pem`), keyFile: path.join(folder, `${name}-key.pem`) }
      await writeFile(files.certFile, certificate)
      await writeFile(files.keyFile, key, { mode: 0o600 })
      return files
    }
  }
}

function contentOf({ purpose, names = [], addresses = [], valid = daysFromNow(-2, 300) }: LeafOptions) {
  const alternatives = [
    ...names.map(value => ({ type: 'dns' as const, value })),
    ...addresses.map(value => ({ type: 'ip' as const, value }))
  ]
  return {
    serialNumber: serialNumber(),
    subject: `CN=${names[0] ?? addresses[0] ?? purpose}`,
    ...datesOf(valid),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage[purpose === 'server' ? 'serverAuth' : 'clientAuth']]),
      ...(alternatives.length === 0 ? [] : [new SubjectAlternativeNameExtension(alternatives)])
    ]
  }
}

const datesOf = ([notBefore, notAfter]: readonly [Date, Date]) => ({ notBefore, notAfter })

/** Positive, and without a leading zero byte. */
function serialNumber(): string {
  return `4${randomBytes(16).toString('hex').slice(1)}`
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
}

async function pairOf(certificate: string, { privateKey }: webcrypto.CryptoKeyPair): Promise<Pair> {
  const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY')
  return { certificate: `${certificate}\n`, key: `${key}\n` }
}
