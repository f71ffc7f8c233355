import type { SnippetFacts } from './facts.js'
import { commentText, quotableUrl } from './quote.js'

/** ESP Web Tools: the button for a page of one's own. The page has to be on https or localhost, and otad has to let it read. */
export function webtoolsSnippet(facts: SnippetFacts): string {
  const manifest = `${quotableUrl(facts.url)}.webtools.json`
  return [
    '<!-- 1. otad serve --cors https://flash.example.com   the origin of this page, with its port; * is every page',
    ...certificateStep(facts),
    '     3. Chrome or Edge, on https or localhost: others have no Web Serial. -->',
    '<script type="module" src="https://unpkg.com/esp-web-tools@10/dist/web/install-button.js?module"></script>',
    `<esp-web-install-button manifest="${manifest}"></esp-web-install-button>`,
    ''
  ].join('\n')
}

function certificateStep({ caCertificate, caFile }: SnippetFacts): readonly string[] {
  if (caCertificate === undefined)
    return ['     2. The certificate of this server is from a public CA: browsers know it.']
  const file = commentText(caFile ?? 'ca_cert.pem').replaceAll('--', '- -')
  return ['     2. Make the browser trust the CA, in its settings or those of the system:', `        ${file}`]
}
