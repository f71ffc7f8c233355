import { useMemo, useState } from 'preact/hooks'
import type { DeskName } from '../desk/desk-facts.js'
import { SNIPPET_KINDS, type SnippetKind, snippetFor } from '../snippets/snippet.js'
import { CopyButton } from './copy-button.js'
import type { Desk } from './desk.js'

const KINDS: Readonly<Record<SnippetKind, string>> = {
  idf: 'ESP-IDF',
  arduino: 'Arduino',
  platformio: 'PlatformIO',
  esphome: 'ESPHome',
  esp32fota: 'esp32FOTA',
  otapull: 'ESP32-OTA-Pull',
  ghota: 'esp_ghota',
  rainmaker: 'ESP RainMaker',
  tasmota: 'Tasmota',
  webtools: 'ESP Web Tools',
  smartthings: 'SmartThings',
  curl: 'curl'
}

/** What stands for the name until there is one, as in `otad snippet`. */
const PLACEHOLDER = 'firmware.bin'

interface SnippetsProps {
  readonly name: DeskName | undefined
  readonly general: Desk['general']
  readonly pem: string | undefined
}

/** Lines to paste, for each kind of client. */
export function Snippets({ name, general, pem }: SnippetsProps) {
  const [kind, setKind] = useState<SnippetKind>('idf')
  const { origin, certificate } = general
  const text = useMemo(() => {
    // Without the PEM they would say that a public CA stands behind the certificate.
    if (certificate !== null && pem === undefined) return undefined
    const { hostname, port } = new URL(origin)
    return snippetFor(kind, {
      url: name?.url ?? `${origin}/${PLACEHOLDER}`,
      origin,
      name: name?.name ?? PLACEHOLDER,
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || 443),
      caCertificate: pem,
      caFile: pem === undefined ? undefined : 'ca_cert.pem'
    })
  }, [kind, name, origin, certificate, pem])
  return (
    <section class="card snippets" aria-labelledby="snippets">
      <div class="heading">
        <h2 id="snippets">Lines to paste</h2>
        {text !== undefined && <CopyButton text={text} what={`the lines for ${KINDS[kind]}`} />}
      </div>
      <fieldset class="kinds">
        <legend class="unseen">Kind of client</legend>
        {SNIPPET_KINDS.map(one => (
          <label key={one}>
            <input type="radio" name="kind" value={one} checked={one === kind} onChange={() => setKind(one)} />
            <span>{KINDS[one]}</span>
          </label>
        ))}
      </fieldset>
      {text === undefined ? (
        <p class="quiet">Reading the certificate…</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard (WCAG 2.1.1)
        <section class="lines" tabIndex={0} aria-label={`Lines for ${KINDS[kind]}`}>
          <pre>
            <code>{text}</code>
          </pre>
        </section>
      )}
    </section>
  )
}
