import type { SnippetFacts } from './facts.js'
import { commentText, quotableUrl } from './quote.js'

/**
 * ESPHome: http_request with its update platform, and its OTA platform, started by a button. `ca_certificate_path` works on ESP32 since 2026.2
 * (esphome/esphome#13552); before, and on other chips, a private CA cannot be verified.
 */
export function esphomeSnippet(facts: SnippetFacts): string {
  const url = quotableUrl(facts.url)
  return [
    ...verification(facts),
    '',
    'ota:',
    '  - platform: http_request',
    '',
    '# Says when there is another version, and installs it when somebody says so. It compares the version of the project',
    '# with the one in the image, where ESPHome writes its own: ESP-IDF is told to write that of the project. Raise it.',
    '# Into the blocks esphome and esp32 that are there.',
    'substitutions:',
    '  firmware_version: "1.0.0"',
    'esphome:',
    '  project:',
    '    name: "otad.firmware"',
    '    version: "$firmware_version"',
    'esp32:',
    '  framework:',
    '    type: esp-idf',
    '    sdkconfig_options:',
    '      CONFIG_APP_PROJECT_VER_FROM_CONFIG: "y"',
    `      CONFIG_APP_PROJECT_VER: '"$firmware_version"'`,
    'update:',
    '  - platform: http_request',
    '    name: "Firmware from otad"',
    `    source: "${url}.esphome.json"`,
    '',
    '# Or whatever is served, when the button is pressed; ESP8266 too.',
    'button:',
    '  - platform: template',
    '    name: "Update from otad"',
    '    on_press:',
    '      - ota.http_request.flash:',
    `          url: "${url}"`,
    `          md5_url: "${url}.md5"`,
    ''
  ].join('\n')
}

function verification({ caCertificate, caFile }: SnippetFacts): readonly string[] {
  if (caCertificate === undefined)
    return [
      '# The certificate of this server is from a public CA: ESP32 verifies it with its bundle.',
      '# ESP8266 cannot: verify_ssl: false.',
      'http_request:',
      '  verify_ssl: true'
    ]
  return [
    '# In the folder of this file: otad cert --export .',
    `# It copies "${commentText(caFile ?? 'ca_cert.pem')}" to ca_cert.pem there.`,
    '# ESP32 with ESPHome 2026.2 or newer. Others cannot verify a CA of your own: verify_ssl: false, without the',
    '# path; then a device takes firmware from whoever answers at that address.',
    'http_request:',
    '  verify_ssl: true',
    '  ca_certificate_path: ca_cert.pem'
  ]
}
