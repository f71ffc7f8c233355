import type { SnippetFacts } from './facts.js'
import { commentText, cString, quotableUrl } from './quote.js'

/** esp_ghota: otad answers in the place of api.github.com. The library verifies with the bundle of ESP-IDF and nothing else. */
export function ghotaSnippet(facts: SnippetFacts): string {
  const segments = quotableUrl(facts.url.slice(facts.origin.length + 1)).split('/')
  const repository = segments.at(-1)?.replace(/\.bin$/, '') ?? ''
  const organisation = segments.length > 1 ? segments.slice(0, -1).join('/') : 'otad'
  return [
    ...certificateStep(facts),
    '',
    `/* 2. The version that is compared is PROJECT_VER, as 1.4.2 without a v. This asks for ${commentText(quotableUrl(facts.url))} */`,
    '#include "esp_ghota.h"',
    '',
    '/* Call it once when the network is up: it looks every hour, installs what is newer, and restarts. */',
    'void update_from_otad(void)',
    '{',
    '    ghota_config_t config = {',
    '        .filenamematch = "*.bin",',
    `        .hostname = ${cString(facts.origin.replace('https://', ''))},`,
    `        .orgname = ${cString(organisation)},`,
    `        .reponame = ${cString(repository)},`,
    '        .updateInterval = 60, /* minutes */',
    '    };',
    '    ghota_client_handle_t *client = ghota_init(&config);',
    '    if (client != NULL) {',
    '        ghota_start_update_timer(client);',
    '    }',
    '}',
    ''
  ].join('\n')
}

function certificateStep({ caCertificate, caFile }: SnippetFacts): readonly string[] {
  if (caCertificate === undefined)
    return ['/* 1. The certificate of this server is from a public CA: CONFIG_MBEDTLS_CERTIFICATE_BUNDLE=y is all. */']
  return [
    '/* 1. In the folder of the project: otad cert --export server_certs',
    ` *    It copies "${commentText(caFile ?? 'ca_cert.pem')}" there. sdkconfig puts it into the bundle:`,
    ' *    CONFIG_MBEDTLS_CERTIFICATE_BUNDLE=y',
    ' *    CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE=y',
    ' *    CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE_PATH="server_certs" */'
  ]
}
