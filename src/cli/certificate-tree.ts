import type { X509Certificate } from 'node:crypto'

/** One certificate with how it is told of. */
export interface TreeCertificate {
  /** As a person at this folder would type it. */
  readonly file: string
  readonly purpose: string
  readonly certificate: X509Certificate
}

export interface CertificateTree {
  /** From the one that devices embed, where it is known, to the one that the server shows. */
  readonly certificates: readonly TreeCertificate[]
  /** What the last one is good for. */
  readonly names: readonly string[]
  /** Which of them this machine has now. */
  readonly isOwn: (name: string) => boolean
  readonly now: Date
}

/** The certificates as a tree: names, dates in words, whole fingerprints. */
export function drawTree({ certificates, names, isOwn, now }: CertificateTree): string {
  const lines = certificates.flatMap(({ file, purpose, certificate }, depth) => {
    const lead = depth === 0 ? '' : `${'   '.repeat(depth - 1)}└─ `
    const below = ' '.repeat(depth * 3 + 2)
    return [
      `${lead}${file}   ${purpose}`,
      `${below}${oneLine(certificate.subject)}, ${spokenKey(certificate)}`,
      `${below}${spokenDates(certificate, now)}`,
      `${below}SHA-256 ${certificate.fingerprint256}`
    ]
  })
  const indent = ' '.repeat((certificates.length - 1) * 3 + 2)
  lines.push(
    `${indent}good for (* this machine has it now)`,
    ...names.map(name => `${indent}${isOwn(name) ? '*' : ' '} ${name}`)
  )
  return `${lines.join('\n')}\n`
}

const oneLine = (subject: string): string => subject.replaceAll('\n', ', ')

function spokenKey({ publicKey }: X509Certificate): string {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = publicKey
  if (type === 'rsa') return `RSA with ${details?.modulusLength} bits`
  return details?.namedCurve === 'prime256v1'
    ? 'EC on P-256'
    : `${(type ?? 'unknown').toUpperCase()} ${details?.namedCurve ?? ''}`.trim()
}

/** `valid until 21 December 2027, 13 months from now`. */
function spokenDates({ validFrom, validTo }: X509Certificate, now: Date): string {
  const [from, to] = [new Date(validFrom), new Date(validTo)]
  if (from > now) return `NOT VALID YET: from ${spokenDay(from)} until ${spokenDay(to)}`
  if (to < now) return `EXPIRED on ${spokenDay(to)}, ${spokenSpan(to, now)} ago`
  return `valid until ${spokenDay(to)}, ${spokenSpan(now, to)} from now`
}

const DAY_MS = 24 * 60 * 60 * 1000

const spokenDay = (date: Date): string =>
  new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' }).format(date)

function spokenSpan(from: Date, to: Date): string {
  const days = Math.floor((to.getTime() - from.getTime()) / DAY_MS)
  if (days < 60) return count(days, 'day')
  if (days < 731) return count(Math.round(days / 30.44), 'month')
  return count(Math.round(days / 365.25), 'year')
}

const count = (number: number, unit: string): string => `${number} ${unit}${number === 1 ? '' : 's'}`
