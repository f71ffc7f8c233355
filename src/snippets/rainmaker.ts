import type { SnippetFacts } from './facts.js'
import { commentText, quotableUrl } from './quote.js'

/** ESP RainMaker: OTA by URL, with the certificate of this server in the place of the one that it comes with. */
export function rainmakerSnippet(facts: SnippetFacts): string {
  return [
    ...certificateStep(facts),
    '',
    '/* main/app_main.c, after esp_rmaker_node_init() and before esp_rmaker_start(): a parameter "URL" that is written to. */',
    '#include <esp_rmaker_ota.h>',
    '',
    ...(facts.caCertificate === undefined
      ? []
      : ['extern const char otad_ca_cert[] asm("_binary_ca_cert_pem_start");', '']),
    'void enable_ota_by_url(void)',
    '{',
    '    esp_rmaker_ota_config_t config = {',
    `        .server_cert = ${facts.caCertificate === undefined ? 'ESP_RMAKER_OTA_DEFAULT_SERVER_CERT' : 'otad_ca_cert'},`,
    '    };',
    '    esp_rmaker_ota_enable(&config, OTA_USING_PARAMS);',
    '}',
    '',
    '/* The URL to write into that parameter, in the app or with the rainmaker command:',
    ` *   ${quotableUrl(facts.url)}`,
    ' * The version in the image (PROJECT_VER) has to be another than the one that runs, the project the same. */',
    ''
  ].join('\n')
}

function certificateStep({ caCertificate, caFile }: SnippetFacts): readonly string[] {
  if (caCertificate === undefined) return ['/* The certificate of this server is from a public CA. */']
  return [
    '/* In the folder of the project: otad cert --export server_certs',
    ` * It copies "${commentText(caFile ?? 'ca_cert.pem')}" there. main/CMakeLists.txt:`,
    ' *   idf_component_register(… EMBED_TXTFILES ../server_certs/ca_cert.pem) */'
  ]
}
