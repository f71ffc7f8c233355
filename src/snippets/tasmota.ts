import type { SnippetFacts } from './facts.js'
import { quotableUrl } from './quote.js'

/** Tasmota: two lines for its console. Its URL has 200 characters, in which `%d` would become the chip id. */
export function tasmotaSnippet(facts: SnippetFacts): string {
  const url = quotableUrl(facts.url)
  return [
    '# In the console of Tasmota, line by line. https is for ESP32 builds with USE_WEBCLIENT_HTTPS only; any other build needs',
    '# otad serve --http-port 8071, and http with that port in the URL: then anybody on the way can change what it gets.',
    ...(url.length > LONGEST_URL
      ? [`# Tasmota keeps ${LONGEST_URL} characters of a URL: give the file a shorter name.`]
      : []),
    ...(/%[0-9]*d/.test(url)
      ? ['# There is a %d in this URL, which Tasmota replaces: give the file another name.']
      : []),
    `OtaUrl ${url}`,
    'Upgrade 1',
    ''
  ].join('\n')
}

const LONGEST_URL = 200
