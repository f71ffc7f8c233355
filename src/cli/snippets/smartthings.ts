import type { SnippetFacts } from './facts.js'
import { commentText, cString, quotableUrl } from './quote.js'

/** ota_demo of st-device-sdk-c-ref: its three defines, as they are spelled there, and what it needs beside them. */
export function smartthingsSnippet(facts: SnippetFacts): string {
  return [
    '/* 1. apps/esp32/ota_demo/main/ota_util.c: in place of the defines of these names. menuconfig does not know them. */',
    `#define CONFIG_OTA_SERVER_URL ${cString(`${quotableUrl(facts.origin)}/`)}`,
    '#define CONFIG_FIRMWARE_VERSOIN_INFO_URL CONFIG_OTA_SERVER_URL "version_info.json"',
    `#define CONFIG_FIRMWARE_UPGRADE_URL ${cString(quotableUrl(facts.url))}`,
    '',
    ...certificateStep(facts),
    '',
    '/* 3. The image has to be signed as doc/ota_demo.md says: a footer of 268 bytes, RSA-2048, the public key in',
    ' *    main/public_key.pem. otad serves the signed file as it is, and refuses others with',
    ' *    otad serve --signature required --signature-keys public_key.pem',
    ' *',
    ' * 4. What otad does not do: it serves no version_info.json, without which the demo offers no update in the app.',
    ' *    Set CONFIG_FIRMWARE_VERSOIN_INFO_URL to an HTTPS server whose certificate is under the same root.pem, with',
    ' *    {"versioninfo": {"latest": "2.0.0", "upgrade": ["1.0.0"], "polling": "1"}}',
    ' *    upgrade lists the firmwareVersion (device_info.json) of devices that may update; polling is a string. */',
    ''
  ].join('\n')
}

function certificateStep({ caCertificate, caFile }: SnippetFacts): readonly string[] {
  if (caCertificate === undefined)
    return [
      '/* 2. The certificate of this server is from a public CA, and the demo knows no bundle: put the root of that CA',
      ' *    into apps/esp32/ota_demo/main/root.pem. */'
    ]
  return [
    `/* 2. Copy "${commentText(caFile ?? 'ca_cert.pem')}"`,
    ' *    to apps/esp32/ota_demo/main/root.pem, in place of the one there. */'
  ]
}
