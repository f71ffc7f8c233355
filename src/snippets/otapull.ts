import type { SnippetFacts } from './facts.js'
import { descriptorOfSketch, manifestUrlDefine } from './sketch.js'

/** ESP32-OTA-Pull: by its manifest. The library calls HTTPClient::begin(url), which takes whoever answers for the server. */
export function otapullSnippet(facts: SnippetFacts): string {
  return [
    '#include <WiFi.h>',
    '#include <esp_app_desc.h>',
    '#include <ESP32OTAPull.h>',
    '',
    manifestUrlDefine(facts, '.otapull.json'),
    '',
    ...descriptorOfSketch(facts),
    '',
    '// Call it when WiFi is connected, at the start and every few hours. A newer version is installed and started.',
    '// Newer is what comes later as text: after 1.9 comes 2.0, not 1.10. Count 1.09, 1.10.',
    '// The library verifies no certificate, and there is none to give it: in a network that others use, take esp32FOTA.',
    'void updateFromOtad() {',
    '  ESP32OTAPull ota;',
    '  int result = ota.CheckForOTAUpdate(MANIFEST_URL, FIRMWARE_VERSION);',
    '  Serial.printf("no update: %d\\n", result); // -1: there is none; 404: the log of otad says why',
    '}',
    ''
  ].join('\n')
}
