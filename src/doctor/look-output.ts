import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { isChipName } from '../image/chips.js'
import { explainProblem, isWarning } from '../image/problem.js'
import { isServable } from '../image/servable.js'
import type { ImageContext, Verdict } from '../image/verdict.js'
import { verifyImage } from '../image/verify.js'
import { readCandidate } from '../watch/read-candidate.js'
import { readLayout, readSlotSize } from '../watch/read-layout.js'
import { certificatesIn } from './certificate-facts.js'
import type { EmbeddedCertificate, ImageFact, OutputFact, TableFact, UrlFact } from './facts.js'
import { urlsInImage } from './firmware-url.js'
import { readProjectFile } from './project-files.js'
import { tableOfBytes } from './read-tables.js'

/** Where a build leaves an app: a folder, or a sketch in one. */
export interface OutputPlace {
  readonly folder: string
  readonly sketch?: string
}

export interface OutputOptions {
  /** What the settings say of chip, slot and signatures; it stands above what the project says. */
  readonly asked: ImageContext
  readonly maxImageBytes: number
  /** The smallest slot of the tables that the project says it has, for a build that left none. */
  readonly slotSize: number | undefined
  /** Paths are told as from here. */
  readonly project: string
}

export interface FoundOutput {
  readonly output: OutputFact
  readonly description: string
  readonly table: TableFact | undefined
  /** What the firmware itself has in it. */
  readonly urls: readonly UrlFact[]
  readonly certificates: readonly EmbeddedCertificate[]
}

/** Looks at what a build has left in one place, and judges its image as otad would. */
export async function lookAtOutput(place: OutputPlace, options: OutputOptions): Promise<FoundOutput> {
  const { folder, sketch } = place
  const layout = await readLayout(folder, sketch)
  const toldAs = (file: string): string =>
    path.relative(options.project, path.join(folder, file)).split(path.sep).join('/')
  const bytes =
    layout.partitionTable === undefined ? undefined : (await readProjectFile(folder, layout.partitionTable))?.bytes
  const slotSize = (await readSlotSize(folder, layout)) ?? options.slotSize
  const chip = layout.chip !== undefined && isChipName(layout.chip) ? layout.chip : undefined
  const context: ImageContext = {
    ...(chip === undefined ? {} : { chip }),
    ...(slotSize === undefined || chip === 'esp8266' ? {} : { slotSize }),
    ...options.asked
  }
  const image = layout.app === undefined ? undefined : await readImageAt(folder, layout.app, options.maxImageBytes)
  const file = layout.app === undefined ? null : toldAs(layout.app)
  return {
    description: layout.description,
    output: {
      folder,
      chip: layout.chip ?? null,
      app: file,
      image: image === undefined || file === null ? null : imageFact(image, file, context)
    },
    table:
      bytes === undefined || layout.partitionTable === undefined || chip === 'esp8266'
        ? undefined
        : tableOfBytes(bytes, toldAs(layout.partitionTable)),
    urls: image === undefined || file === null ? [] : urlsInImage(image.bytes, file),
    certificates: image === undefined || file === null ? [] : certificatesInImage(image.bytes, file)
  }
}

/** An image of a folder that no build system has made. */
export async function lookAtImage(
  folder: string,
  name: string,
  { asked, maxImageBytes, slotSize }: OutputOptions
): Promise<ImageFact | undefined> {
  const image = await readImageAt(folder, name, maxImageBytes)
  const context = { ...(slotSize === undefined ? {} : { slotSize }), ...asked }
  return image === undefined ? undefined : imageFact(image, name, context)
}

interface FoundImage {
  readonly bytes: Buffer
  readonly modifiedAt: number
}

async function readImageAt(folder: string, name: string, maxImageBytes: number): Promise<FoundImage | undefined> {
  const file = path.join(folder, name)
  const reading = await readCandidate({ file, folder, maxImageBytes, knownKey: undefined })
  const stats = await stat(file).catch(() => undefined)
  return reading.outcome === 'read' && stats !== undefined
    ? { bytes: reading.bytes, modifiedAt: stats.mtimeMs }
    : undefined
}

function imageFact({ bytes, modifiedAt }: FoundImage, file: string, context: ImageContext): ImageFact {
  const verdict = verifyImage(bytes, context)
  const { kind, chip, problems, device, fields } = verdict
  const description = fields?.appDesc
  return {
    file,
    size: bytes.length,
    digest: createHash('sha256').update(bytes).digest('hex'),
    kind,
    chip,
    project: description?.projectName ?? null,
    version: description?.version ?? null,
    secureVersion: description?.secureVersion ?? null,
    builtAt: description === undefined ? null : builtAtOf(`${description.date} ${description.time}`),
    modifiedAt: new Date(modifiedAt).toISOString(),
    slotSize: context.slotSize ?? null,
    isServable: isServable(verdict, context),
    isSigned: isSigned(verdict),
    problems: problems.map(problem => ({
      code: problem.code,
      sentence: explainProblem(problem),
      isWarning: isWarning(problem)
    })),
    device: device.map(({ text }) => text)
  }
}

function isSigned({ fields }: Verdict): boolean {
  return fields !== null && ('signatureV1' in fields || 'signatureV2' in fields || 'arduino' in fields)
}

/** The date of an app descriptor (`Jan  2 2026 12:00:00`, the compiler's __DATE__ and __TIME__), whose zone nobody knows. */
function builtAtOf(text: string): string | null {
  const at = Date.parse(`${text.replace(/\s+/g, ' ')} UTC`)
  return Number.isNaN(at) ? null : new Date(at).toISOString()
}

function certificatesInImage(bytes: Buffer, file: string): readonly EmbeddedCertificate[] {
  return certificatesIn(bytes.toString('latin1'))
    .filter(certificate => certificate !== null)
    .map(certificate => ({ file, line: null, place: 'image', certificate }))
}
