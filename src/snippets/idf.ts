import type { SnippetFacts } from './facts.js'
import { commentText, cString, quotableUrl } from './quote.js'

/**
 * ESP-IDF: settings for its three OTA examples, and a function for a project of one's own. The examples embed
 * `${project_dir}/server_certs/ca_cert.pem` (main/CMakeLists.txt of simple_ota_example, 4.0 and later).
 */
export function idfSnippet(facts: SnippetFacts): string {
  const url = cString(quotableUrl(facts.url))
  return [
    ...certificateStep(facts),
    '',
    ...settings(facts, url),
    '',
    ...cmake(facts),
    '',
    ...code(facts, url),
    ''
  ].join('\n')
}

function certificateStep({ caCertificate, caFile }: SnippetFacts): readonly string[] {
  if (caCertificate === undefined) return ['# 1. Nothing to embed: the certificate of this server is from a public CA.']
  return [
    '# 1. In the folder of the project. The examples embed server_certs/ca_cert.pem of it;',
    `#    this copies "${commentText(caFile ?? 'ca_cert.pem')}" there.`,
    'otad cert --export server_certs'
  ]
}

function settings({ caCertificate }: SnippetFacts, url: string): readonly string[] {
  const bundle = caCertificate === undefined
  return [
    '# 2. An example of ESP-IDF: sdkconfig, or menuconfig, "Example Configuration".',
    '#    (ESP-IDF 3: the names without EXAMPLE_.)',
    '# simple_ota_example and advanced_https_ota:',
    `CONFIG_EXAMPLE_FIRMWARE_UPGRADE_URL=${url}`,
    ...(bundle
      ? ['CONFIG_MBEDTLS_CERTIFICATE_BUNDLE=y', 'CONFIG_EXAMPLE_USE_CERT_BUNDLE=y']
      : ['# CONFIG_EXAMPLE_USE_CERT_BUNDLE is not set']),
    ...(bundle
      ? ['# native_ota_example knows no bundle: it wants the root of your CA in server_certs/ca_cert.pem.']
      : ['# native_ota_example:']),
    `CONFIG_EXAMPLE_FIRMWARE_UPG_URL=${url}`
  ]
}

function cmake({ caCertificate }: SnippetFacts): readonly string[] {
  const title = '# 3. A project of your own instead: main/CMakeLists.txt'
  if (caCertificate === undefined)
    return [
      title,
      'idf_component_register(SRCS "main.c"',
      '                       INCLUDE_DIRS "."',
      '                       PRIV_REQUIRES esp_http_client esp_https_ota mbedtls)'
    ]
  return [
    title,
    'idf_component_register(SRCS "main.c"',
    '                       INCLUDE_DIRS "."',
    '                       PRIV_REQUIRES esp_http_client esp_https_ota',
    '                       EMBED_TXTFILES ../server_certs/ca_cert.pem)'
  ]
}

function code({ caCertificate }: SnippetFacts, url: string): readonly string[] {
  const bundle = caCertificate === undefined
  return [
    '/* 4. main/main.c */',
    ...(bundle ? ['#include "esp_crt_bundle.h"'] : []),
    '#include "esp_http_client.h"',
    '#include "esp_https_ota.h"',
    '#include "esp_log.h"',
    '#include "esp_system.h"',
    '',
    ...(bundle ? [] : ['extern const char server_cert_pem_start[] asm("_binary_ca_cert_pem_start");', '']),
    '/* Call it from a task with 8 KiB of stack when the network is up. It installs what is served, the same version',
    ' * again too: see advanced_https_ota for how to compare first. Returns only when nothing was installed. */',
    'void update_from_otad(void)',
    '{',
    '    esp_http_client_config_t http_config = {',
    `        .url = ${url},`,
    ...(bundle ? [] : ['        .cert_pem = server_cert_pem_start,']),
    '        .timeout_ms = 10000,',
    ...(bundle ? ['        .crt_bundle_attach = esp_crt_bundle_attach,'] : []),
    '        .keep_alive_enable = true,',
    '    };',
    '    esp_https_ota_config_t ota_config = {',
    '        .http_config = &http_config,',
    '    };',
    '    esp_err_t err = esp_https_ota(&ota_config); /* before ESP-IDF 5.0: esp_https_ota(&http_config) */',
    '    if (err == ESP_OK) {',
    '        esp_restart();',
    '    }',
    '    ESP_LOGE("ota", "nothing installed: %s", esp_err_to_name(err));',
    '}'
  ]
}
