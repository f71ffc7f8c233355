import type { SnippetFacts } from './facts.js'
import { cString } from './quote.js'
import { certificateConstant, descriptorOfSketch, manifestUrlDefine, stemOf } from './sketch.js'

/** esp32FOTA: by its manifest, which otad makes of every release; `type` is the name of the file without its ending. */
export function esp32fotaSnippet(facts: SnippetFacts): string {
  return [
    '#include <WiFi.h>',
    '#include <WiFiClientSecure.h>',
    '#include <HTTPClient.h>',
    '#include <esp_app_desc.h>',
    '#include <esp32FOTA.hpp>',
    '',
    manifestUrlDefine(facts, '.esp32fota.json'),
    '',
    ...descriptorOfSketch(facts),
    '',
    ...certificate(facts.caCertificate),
    'CryptoMemAsset rootCA("CA of otad", CA_CERT, sizeof(CA_CERT)); // sizeof: the final NUL counts',
    '',
    '// Type and version of this firmware. false: the file does not begin with a signature of esp32FOTA.',
    `esp32FOTA fota(${cString(stemOf(facts))}, FIRMWARE_VERSION, false);`,
    '',
    '// Call it when WiFi is connected, at the start and every few hours. A newer version is installed and started.',
    'void updateFromOtad() {',
    '  fota.setManifestURL(MANIFEST_URL);',
    '  fota.setRootCA(&rootCA);',
    '  if (fota.execHTTPcheck()) fota.execOTA();',
    '}',
    ''
  ].join('\n')
}

function certificate(pem: string | undefined): readonly string[] {
  if (pem !== undefined) return [certificateConstant(pem)]
  return [
    '// The certificate of this server is from a public CA, and esp32FOTA knows no bundle: paste the root of that CA.',
    'static const char CA_CERT[] = R"PEM(',
    ')PEM";'
  ]
}
