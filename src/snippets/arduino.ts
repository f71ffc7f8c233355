import type { SnippetFacts } from './facts.js'
import { certificateConstant, firmwareUrlDefine, IS_NEW } from './sketch.js'

/** Arduino: HTTPUpdate of arduino-esp32, with notes for the ESP8266. */
export function arduinoSnippet(facts: SnippetFacts): string {
  const { caCertificate } = facts
  return [
    '#include <WiFi.h>',
    '#include <WiFiClientSecure.h>',
    '#include <HTTPClient.h>',
    '#include <HTTPUpdate.h>',
    '',
    firmwareUrlDefine(facts),
    '#define FIRMWARE_VERSION "1.0.0" // yours; the server is told',
    '',
    ...(caCertificate === undefined ? [] : [certificateConstant(caCertificate), '']),
    ...IS_NEW,
    '',
    '// Call it when WiFi is connected, at the start and every few hours. The partition scheme needs two app slots (OTA).',
    'void updateFromOtad() {',
    '  WiFiClientSecure client;',
    ...(caCertificate === undefined
      ? [
          '  // The certificate of this server is from a public CA. Before arduino-esp32 3.3.12: setCACert() with its root.',
          '  client.useBuiltinCACertBundle();'
        ]
      : ['  client.setCACert(CA_CERT);']),
    '  if (!isNew(client)) return;',
    '  switch (httpUpdate.update(client, FIRMWARE_URL, FIRMWARE_VERSION)) {',
    '    case HTTP_UPDATE_FAILED:',
    '      Serial.printf("update failed (%d): %s\\n", httpUpdate.getLastError(), httpUpdate.getLastErrorString().c_str());',
    '      break;',
    '    case HTTP_UPDATE_NO_UPDATES:',
    '      Serial.println("no update");',
    '      break;',
    '    case HTTP_UPDATE_OK: // it restarts before it comes here',
    '      break;',
    '  }',
    '}',
    '',
    ...esp8266(caCertificate),
    ''
  ].join('\n')
}

/** BearSSL checks dates, and takes its anchors as a list that has to outlive the client. */
function esp8266(caCertificate: string | undefined): readonly string[] {
  return [
    '// ESP8266: include <ESP8266WiFi.h>, <ESP8266HTTPClient.h> and <ESP8266httpUpdate.h>, and write ESPhttpUpdate for httpUpdate.',
    ...(caCertificate === undefined
      ? ['// There is no bundle of roots: CA_CERT is the root of your CA. Instead of the line with the bundle:']
      : ['// Instead of setCACert:']),
    '//   BearSSL::X509List anchors(CA_CERT);',
    '//   client.setTrustAnchors(&anchors);',
    '// The clock must be right before: configTime(0, 0, "pool.ntp.org"), then wait until time(nullptr) is of this year.'
  ]
}
