import { createPrivateKey, X509Certificate } from 'node:crypto'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { CERTIFICATE_FILES, readPem } from '../certs/keystore.js'
import { OperatorError } from '../errors.js'
import type { IdentitySettings } from '../identity.js'
import { certificateWithNames } from './certificate-facts.js'
import type { CertificateFacts } from './facts.js'

/** The certificates as they lie there, with the PEM to trust. Nothing is made. */
export interface FoundCertificates {
  readonly facts: CertificateFacts
  readonly anchor: string | undefined
}

export async function lookAtCertificates(settings: IdentitySettings): Promise<FoundCertificates> {
  const readableKeys = await readableKeysOf(settings)
  try {
    const found = settings.certFile === '' ? await keptCertificates(settings) : await ownCertificates(settings)
    return { ...found, facts: { ...found.facts, readableKeys } }
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error
    const problem = { sentence: error.message, hint: error.hint }
    const source = settings.certFile === '' ? settings.certMode : 'own'
    return { facts: { source, anchor: null, leaf: null, problem, readableKeys }, anchor: undefined }
  }
}

async function ownCertificates(settings: IdentitySettings): Promise<FoundCertificates> {
  const { loadOwnIdentity } = await import('../certs/own.js')
  const { shown, anchor } = await loadOwnIdentity(settings)
  return {
    facts: {
      source: 'own',
      anchor: anchor === undefined ? null : certificateWithNames(anchor, settings.caFile || settings.certFile),
      leaf: certificateWithNames(shown.certificate, settings.certFile),
      problem: null,
      readableKeys: []
    },
    anchor
  }
}

async function keptCertificates({ home, certMode }: IdentitySettings): Promise<FoundCertificates> {
  const fileOf = (name: string): string => path.join(home, 'certs', name)
  const caFile = fileOf(CERTIFICATE_FILES.caCertificate)
  const leafFile = certMode === 'self-signed' ? caFile : fileOf(CERTIFICATE_FILES.leafCertificate)
  const [ca, caKey, leaf] = [
    await readPem(caFile),
    await readPem(fileOf(CERTIFICATE_FILES.caKey)),
    await readPem(leafFile)
  ]
  const anchor = ca === undefined ? null : certificateWithNames(ca, caFile)
  return {
    facts: {
      source: certMode,
      anchor,
      leaf: leaf === undefined ? null : certificateWithNames(leaf, leafFile),
      problem: problemOf({ ca, caKey, caFile, keyFile: fileOf(CERTIFICATE_FILES.caKey), certMode }),
      readableKeys: []
    },
    anchor: anchor === null ? undefined : ca
  }
}

interface KeptPair {
  readonly ca: string | undefined
  readonly caKey: string | undefined
  readonly caFile: string
  readonly keyFile: string
  readonly certMode: IdentitySettings['certMode']
}

/** What would keep otad from starting with the CA that lies there. */
function problemOf({ ca, caKey, caFile, keyFile, certMode }: KeptPair): CertificateFacts['problem'] {
  if (ca === undefined) return null
  if (caKey === undefined)
    return {
      sentence: `${keyFile} is missing, but devices may already trust ${caFile}`,
      hint: 'put the key back; without it every device has to be flashed with a new CA: otad cert --new-ca'
    }
  try {
    const certificate = new X509Certificate(ca)
    if (certMode === 'ca' && !certificate.ca)
      return {
        sentence: `${caFile} is not the certificate of a CA (CA:TRUE): devices would trust nothing under it`,
        hint: '--cert-mode self-signed serves a certificate that is its own anchor; otad cert --new-ca makes a CA'
      }
    if (!certificate.checkPrivateKey(createPrivateKey(caKey)))
      return { sentence: `${keyFile} is not the key of ${caFile}`, hint: 'put back the file that belongs there' }
    return null
  } catch {
    return {
      sentence: `${caFile} or ${keyFile} is not in PEM form`,
      hint: 'put the right file back; or otad cert --new-ca, and flash every device with the new one'
    }
  }
}

async function readableKeysOf({
  home,
  certFile,
  keyFile
}: IdentitySettings): Promise<CertificateFacts['readableKeys']> {
  if (process.platform === 'win32') return []
  const kept = [CERTIFICATE_FILES.caKey, CERTIFICATE_FILES.leafKey].map(name => path.join(home, 'certs', name))
  const keys = certFile === '' ? kept : [keyFile || certFile]
  const modes = await Promise.all(
    keys.map(async file => ({ file, mode: ((await stat(file).catch(() => undefined))?.mode ?? 0) & 0o777 }))
  )
  return modes.filter(({ mode }) => (mode & 0o077) !== 0).map(({ file, mode }) => ({ file, mode: mode.toString(8) }))
}
