import type { SnippetFacts } from './facts.js'
import { cString } from './quote.js'
import { certificateConstant, firmwareUrlDefine, IS_NEW } from './sketch.js'

/** esp32FOTA: by forceUpdate with a URL, since its manifest (execHTTPcheck) is one that otad does not serve. */
export function esp32fotaSnippet(facts: SnippetFacts): string {
  const type =
    facts.name
      .split('/')
      .at(-1)
      ?.replace(/\.bin$/, '') ?? ''
  return [
    '#include <WiFi.h>',
    '#include <WiFiClientSecure.h>',
    '#include <HTTPClient.h>',
    '#include <esp32FOTA.hpp>',
    '',
    firmwareUrlDefine(facts),
    '',
    ...certificate(facts.caCertificate),
    'CryptoMemAsset rootCA("CA of otad", CA_CERT, sizeof(CA_CERT)); // sizeof: the final NUL counts',
    '',
    '// Type and version of this firmware. false, here and below: the file does not begin with a signature of esp32FOTA.',
    `esp32FOTA fota(${cString(type)}, "1.0.0", false);`,
    '',
    ...IS_NEW,
    '',
    '// Call it when WiFi is connected. otad does not serve the manifest of esp32FOTA, so execHTTPcheck() and',
    '// setManifestURL() are of no use; forceUpdate takes the image itself, whatever its version, and restarts.',
    'void updateFromOtad() {',
    '  {',
    '    WiFiClientSecure client;',
    '    client.setCACert(CA_CERT);',
    '    if (!isNew(client)) return;',
    '  }',
    '  fota.setRootCA(&rootCA);',
    '  fota.forceUpdate(FIRMWARE_URL, false);',
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
