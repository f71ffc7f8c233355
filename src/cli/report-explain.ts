import type { Client, Decoded, Evidence, Explanation, Finding, Outcome, Step } from '../explain/explanation.js'
import type { Sightings } from '../explain/what-otad-saw.js'
import { clockTime, counted, printable } from '../words.js'

/** What a running otad adds, or why none does. */
export type Seen = { readonly saw: Sightings } | { readonly absent: string }

/** A log that was explained. */
export interface ExplainedLog {
  /** As it was typed; `-` for standard input. */
  readonly log: string
  readonly explanation: Explanation
  readonly seen: Seen
}

/** The object that `otad explain --json` prints. */
export function explanationToJson({ log, explanation, seen }: ExplainedLog): object {
  return { log, ...explanation, otad: 'saw' in seen ? seen.saw : null }
}

/** An explanation as a page for people: what happened, why, what to do, the lines that say so, and what otad saw. */
export function writeExplanation({ log, explanation, seen }: ExplainedLog): string {
  const { cause, next, not, findings, notes, evidence } = explanation
  const lines = [
    `${log === '-' ? 'standard input' : printable(log)}   ${describeLog(explanation)}`,
    '',
    ...wrapped('  ', '  ', headline(explanation)),
    '',
    ...(cause === null ? [] : labelled('why', cause)),
    ...(next === null ? [] : labelled('do', next)),
    ...(not === null ? [] : labelled('not', not)),
    ...findings.flatMap(describeFinding),
    ...notes.flatMap(note => labelled('note', note)),
    ...(evidence.length === 0 ? [] : ['', ...evidence.flatMap(shown => describeEvidence(shown, evidence))]),
    '',
    ...describeSeen(seen)
  ]
  return `${lines.map(line => line.trimEnd()).join('\n')}\n`
}

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  succeeded: 'SUCCEEDED',
  failed: 'FAILED',
  unchanged: 'UNCHANGED',
  unfinished: 'UNFINISHED',
  unknown: 'UNKNOWN'
}

const STEPS: Readonly<Record<Step, string>> = {
  network: 'while joining the network',
  reach: 'while reaching the server',
  tls: 'in the TLS handshake',
  http: 'while asking for the file',
  download: 'during the download',
  image: 'at the check of the image',
  flash: 'while writing to flash',
  boot: 'when starting the new firmware'
}

const CLIENTS: Readonly<Record<Client, string>> = {
  'esp-idf': 'ESP-IDF',
  'arduino-esp32': 'Arduino-ESP32',
  esp8266: 'ESP8266',
  esphome: 'ESPHome',
  tasmota: 'Tasmota',
  esp32fota: 'esp32FOTA',
  esp_ghota: 'esp_ghota',
  smartthings: 'SmartThings'
}

function headline({ outcome, step, code, title }: Explanation): string {
  const where = outcome === 'failed' && step !== null ? ` ${STEPS[step]}` : ''
  return `${OUTCOMES[outcome]}${where}: ${printable(title)}${code === null ? '' : `   [${code}]`}`
}

/** `1204 lines, ESP-IDF v5.1, 192.168.1.50, 2 attempts`. */
function describeLog({ lines, noticed, attempts }: Explanation): string {
  const { client, idf, address, mac } = noticed
  const program = client === null ? '' : CLIENTS[client]
  const release = idf === null ? '' : client === 'esp-idf' ? ` ${idf}` : `${client === null ? '' : ', '}ESP-IDF ${idf}`
  const count = attempts.failed + attempts.succeeded
  return [
    counted(lines, 'line'),
    printable(`${program}${release}`),
    printable(address ?? mac ?? ''),
    count > 1 ? counted(count, 'attempt') : ''
  ]
    .filter(part => part !== '')
    .join(', ')
}

function describeFinding({ title, next, line }: Finding): readonly string[] {
  return labelled('also', `${title} (line ${line}). ${next}`)
}

/** The line as it stands, and what its numbers mean where no line above has said it. */
function describeEvidence(shown: Evidence, all: readonly Evidence[]): readonly string[] {
  const above = all.slice(0, all.indexOf(shown)).flatMap(({ decoded }) => decoded.map(({ sentence }) => sentence))
  const sentences = new Set(shown.decoded.map(({ sentence }: Decoded) => sentence).filter(one => !above.includes(one)))
  const number = String(shown.line).padStart(6)
  return [
    `${number}  ${printable(shown.text)}`,
    ...[...sentences].flatMap(sentence => wrapped('        ', '        ', `= ${printable(sentence)}`))
  ]
}

function describeSeen(seen: Seen): readonly string[] {
  if ('absent' in seen) return wrapped('  ', '  ', seen.absent)
  const { sentence, sightings, elsewhere } = seen.saw
  return [
    ...wrapped('  ', '  ', `otad saw ${printable(sentence)}${sightings.length > 0 ? ':' : ''}`),
    ...sightings.flatMap(({ at, device, sentence: what, fix }) =>
      wrapped(
        '  ',
        '            ',
        `${clockTime(Date.parse(at))}  ${printable(device)}  ${printable(what)}${fix === null ? '' : `. ${printable(fix)}`}`
      )
    ),
    ...(elsewhere === null ? [] : wrapped('  ', '  ', printable(elsewhere)))
  ]
}

function labelled(label: string, text: string): readonly string[] {
  return wrapped(`  ${label.padEnd(6)}`, '        ', printable(text))
}

const WIDTH = 110

/** Breaks a text at blanks, the first line behind `first`, the others behind `rest`. */
function wrapped(first: string, rest: string, text: string): readonly string[] {
  const lines: string[] = []
  let line = first
  let isEmpty = true
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = rest
      isEmpty = true
    }
    line += isEmpty ? word : ` ${word}`
    isEmpty = false
  }
  return [...lines, line]
}
