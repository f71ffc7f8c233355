import { useEffect, useState } from 'preact/hooks'
import type { DeskCertificate } from '../desk/desk-facts.js'
import { CopyButton } from './copy-button.js'
import { dayOf } from './wording.js'

/** Where the certificate is found that devices embed, as seen from the page. */
const CERTIFICATE_FILE = 'ca_cert.pem'

/** The PEM of the certificate that devices embed; undefined until it is read, or where there is none. */
export function usePem(certificate: DeskCertificate | null): string | undefined {
  const [pem, setPem] = useState<string>()
  const fingerprint = certificate?.fingerprint
  useEffect(() => {
    setPem(undefined)
    if (fingerprint === undefined) return
    const gone = new AbortController()
    fetch(CERTIFICATE_FILE, { cache: 'no-cache', signal: gone.signal })
      .then(answer => (answer.ok ? answer.text() : undefined))
      .then(setPem, () => undefined)
    return () => gone.abort()
  }, [fingerprint])
  return pem
}

/** The certificate to embed, and how to know that it is this one. */
export function Certificate({
  certificate,
  pem
}: {
  readonly certificate: DeskCertificate | null
  readonly pem: string | undefined
}) {
  return (
    <section class="card" aria-labelledby="certificate">
      <h2 id="certificate">Certificate to embed</h2>
      {certificate === null ? (
        <p>otad shows a certificate of yours. Devices need the root of its CA, which only you know.</p>
      ) : (
        <>
          <dl class="facts">
            <div>
              <dt>SHA-256</dt>
              <dd>
                <Fingerprint fingerprint={certificate.fingerprint} />
              </dd>
            </div>
            <div>
              <dt>Good until</dt>
              <dd>
                <time dateTime={certificate.validUntil}>{dayOf(certificate.validUntil)}</time>
              </dd>
            </div>
          </dl>
          <p class="buttons">
            <a class="button" href={CERTIFICATE_FILE} download={CERTIFICATE_FILE}>
              Download ca_cert.pem
            </a>
            {pem !== undefined && <CopyButton text={pem} what="of the certificate" label="Copy PEM" />}
          </p>
        </>
      )}
    </section>
  )
}

/** Eight bytes at a time, as they are compared by eye; one text for who copies it. */
function Fingerprint({ fingerprint }: Pick<DeskCertificate, 'fingerprint'>) {
  return (
    <code class="fingerprint">
      {fingerprint.match(/(?:[^:]+:?){1,8}/g)?.map(part => (
        <span key={part}>{part}</span>
      ))}
    </code>
  )
}
