import { arduinoSnippet } from './arduino.js'
import { curlSnippet } from './curl.js'
import { esp32fotaSnippet } from './esp32fota.js'
import { esphomeSnippet } from './esphome.js'
import type { SnippetFacts } from './facts.js'
import { ghotaSnippet } from './ghota.js'
import { idfSnippet } from './idf.js'
import { otapullSnippet } from './otapull.js'
import { platformioSnippet } from './platformio.js'
import { rainmakerSnippet } from './rainmaker.js'
import { smartthingsSnippet } from './smartthings.js'
import { tasmotaSnippet } from './tasmota.js'
import { webtoolsSnippet } from './webtools.js'

export type { SnippetFacts } from './facts.js'

export const SNIPPET_KINDS = [
  'idf',
  'arduino',
  'platformio',
  'esphome',
  'esp32fota',
  'otapull',
  'ghota',
  'rainmaker',
  'tasmota',
  'webtools',
  'smartthings',
  'curl'
] as const
export type SnippetKind = (typeof SNIPPET_KINDS)[number]

const SNIPPETS: Readonly<Record<SnippetKind, (facts: SnippetFacts) => string>> = {
  idf: idfSnippet,
  arduino: arduinoSnippet,
  platformio: platformioSnippet,
  esphome: esphomeSnippet,
  esp32fota: esp32fotaSnippet,
  otapull: otapullSnippet,
  ghota: ghotaSnippet,
  rainmaker: rainmakerSnippet,
  tasmota: tasmotaSnippet,
  webtools: webtoolsSnippet,
  smartthings: smartthingsSnippet,
  curl: curlSnippet
}

/** Lines to paste into a project so that its devices, or a person's shell, get their firmware from this server; with a final newline. */
export function snippetFor(kind: SnippetKind, facts: SnippetFacts): string {
  return SNIPPETS[kind](facts)
}
