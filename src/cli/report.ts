import { CHIPS, type ChipName } from '../image/chips.js'
import type { EspImageFields, ImageFields } from '../image/fields.js'
import { flashModeName } from '../image/flash-mode.js'
import { describeKind } from '../image/kinds.js'
import { explainProblem, isWarning } from '../image/problem.js'
import type { SignatureReport } from '../image/signature.js'
import type { ImageContext, Verdict } from '../image/verdict.js'
import { explainWrongFile, isWrongFile } from '../image/wrong-file.js'
import { fileSize, printable } from '../words.js'

/** One file with what the judge said of it. */
export interface JudgedFile {
  readonly file: string
  readonly length: number
  readonly verdict: Verdict
  /** Other images beside it, where it is the wrong one. */
  readonly neighbours: readonly string[]
}

/** The object that `otad check --json` prints for a file. */
export function toJson({ file, verdict }: JudgedFile): object {
  const { kind, chip, problems, device, fields, signature } = verdict
  const older = device.flatMap(line => (line.older === undefined ? [] : [line.older]))
  return {
    file,
    kind,
    chip,
    verdict: verdict.verdict,
    problems,
    device: device.map(({ older: _, ...line }) => line),
    fields,
    signature,
    // What the release says that the image was built with, where its words are others.
    ...(older.length === 0 ? {} : { olderDevice: older })
  }
}

/** A verdict as a page for people, in the spirit of esptool's image-info. */
export function writeReport({ file, length, verdict, neighbours }: JudgedFile, context: ImageContext): string {
  const { kind, chip, problems, device, fields } = verdict
  const lines = [
    `${printable(file)}   ${fileSize(length)}`,
    `  ${describeKind(kind)}${chip === null ? '' : `, for ${CHIPS[chip].label}`}`
  ]
  const image = espImage(fields)
  if (image !== undefined) lines.push('', ...describeImage(image, chip))
  if (verdict.signature !== null) lines.push(`  signature   ${describeSignature(verdict.signature)}`)
  if (context.slotSize !== undefined) lines.push('', `  slot        ${bar(length, context.slotSize)}`)
  lines.push('', `  ${verdictWord(verdict)}`)
  for (const problem of problems)
    lines.push(`    ${isWarning(problem) ? 'warning' : 'problem'}  ${explainProblem(problem)}   [${problem.code}]`)
  if (isWrongFile(verdict) && neighbours.length > 0) lines.push(`    ${explainWrongFile(kind, neighbours)}`)
  if (device.length > 0) lines.push('', '  A device would say:')
  for (const { level, tag, text, stage, likely, older } of device) {
    lines.push(`    ${tag === '' ? '' : `${level} ${tag}: `}${text}${likely === true ? ' …' : ''}   (${STAGES[stage]})`)
    if (older !== undefined)
      lines.push(`      ESP-IDF ${older.idf}: ${older.text ?? 'no such check, and nothing is said'}`)
  }
  return `${lines.map(line => line.trimEnd()).join('\n')}\n`
}

const STAGES: Readonly<Record<string, string>> = {
  'https-ota': 'while downloading',
  'ota-write': 'while writing',
  'ota-end': 'at the end of the update',
  boot: 'in the bootloader'
}

function verdictWord({ verdict, kind }: Verdict): string {
  switch (verdict) {
    case 'accept':
      return kind.startsWith('app')
        ? 'ACCEPTED: a device would boot it'
        : `ACCEPTED: sound, and served since --kinds names ${kind}`
    case 'reject':
      return 'REFUSED: otad would not serve it'
    case 'other-family':
      return 'ESP8266: sound, and served only with --chip esp8266'
  }
}

function espImage(fields: ImageFields | null): EspImageFields | undefined {
  return fields !== null && 'chipId' in fields ? fields : undefined
}

function describeImage(image: EspImageFields, chip: ChipName | null): string[] {
  const { appDesc, segments } = image
  const lines: string[] = []
  if (appDesc !== undefined)
    lines.push(
      `  project     ${printable(appDesc.projectName)} ${printable(appDesc.version)}`,
      `  built       ${printable(`${appDesc.date} ${appDesc.time}`)} with ESP-IDF ${printable(appDesc.idfVersion)}`,
      `  elf sha256  ${appDesc.appElfSha256}`,
      `  secure      version ${appDesc.secureVersion}`
    )
  lines.push(
    `  flash mode  ${flashModeName(image.flashMode, appDesc?.spiFlashMode) ?? 'unknown'}`,
    `  revisions   ${revision(image.minRevFull)} to ${image.maxRevFull === 0 || image.maxRevFull === 65535 ? 'any' : revision(image.maxRevFull)}`,
    `  entry       ${hex(image.entry)}`,
    '',
    '  segment  loads at    length    at offset',
    ...segments.map(
      ({ addr, len, offset, use }, index) =>
        `  ${String(index).padStart(7)}  ${hex(addr)}  ${String(len).padStart(8)}  ${hex(offset)}  ${memoryOf(chip, addr).padEnd(5)} ${use === undefined ? '' : USES[use]}`
    ),
    ''
  )
  if (image.checksum !== undefined && image.checksumCalc !== undefined)
    lines.push(
      `  checksum    0x${image.checksum.toString(16).padStart(2, '0')} ${validity(image.checksum === image.checksumCalc)}`
    )
  if (image.sha256 !== undefined)
    lines.push(`  sha256      ${image.sha256} ${validity(image.sha256 === image.sha256Calc)}`)
  return lines
}

/** The memory that an address lies in, by ESP-IDF's name: DROM, IROM, DRAM, IRAM, RTC. Chips whose ranges coincide have one name for both. */
function memoryOf(chip: ChipName | null, address: number): string {
  if (chip === null || address === 0) return ''
  const memories = Object.entries({ ...CHIPS[chip].mapped, ...CHIPS[chip].ram })
  const [name] = memories.find(([, [low, high]]) => address >= low && address < high) ?? ['?']
  return name.startsWith('rtc') ? 'RTC' : name.toUpperCase()
}

function describeSignature({ scheme, verdict, key }: SignatureReport): string {
  const by = key === null ? '' : ` by key ${key + 1}`
  return scheme === null ? 'none of a known form' : `${scheme} ${verdict}${by}`
}

const USES = { map: 'mapped from flash', load: 'loaded to RAM', pad: 'padding' } as const

const validity = (isValid: boolean): string => (isValid ? '(valid)' : '(INVALID)')
const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`
const revision = (full: number): string => `v${Math.floor(full / 100)}.${full % 100}`

const BAR_LENGTH = 32

/** `████████────  842 KiB of 1.0 MiB`, and how much is too much. */
function bar(length: number, slotSize: number): string {
  const filled = Math.min(BAR_LENGTH, Math.round((length / slotSize) * BAR_LENGTH))
  const excess = length > slotSize ? `, ${length - slotSize} bytes too many` : ''
  return `${'█'.repeat(filled)}${'─'.repeat(BAR_LENGTH - filled)}  ${fileSize(length)} of ${fileSize(slotSize)}${excess}`
}
