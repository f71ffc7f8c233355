import type { SnippetFacts } from './facts.js'
import { quotableUrl, shellWord } from './quote.js'

/** curl: what a device asks, by hand. `-O` names the file after the URL, percent codes and all. */
export function curlSnippet(facts: SnippetFacts): string {
  const url = quotableUrl(facts.url)
  const file = `./${url.slice(url.lastIndexOf('/') + 1)}`
  const curl = facts.caFile === undefined ? 'curl' : `curl --cacert ${shellWord(facts.caFile)}`
  return [
    '# the firmware, as a file of that name',
    `${curl} -fO ${shellWord(url)}`,
    '',
    '# the same bytes? (macOS: shasum -a 256 -c -)',
    `echo "$(${curl} -fsS ${shellWord(`${url}.sha256`)} | cut -c 1-64)  ${file}" | sha256sum -c -`,
    '',
    '# a part of it, as a device with partial download asks: 206 and Content-Range',
    `${curl} -fsS -r 0-1023 -D - -o /dev/null ${shellWord(url)}`,
    '',
    '# what is served, and since when',
    `${curl} -fsS ${shellWord(`${quotableUrl(facts.origin)}/health`)}`,
    ''
  ].join('\n')
}
