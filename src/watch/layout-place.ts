import { createHash } from 'node:crypto'
import path from 'node:path'
import { isChipName } from '../image/chips.js'
import type { ImageContext } from '../image/verdict.js'
import { type Layout, PLAIN_LAYOUT } from './layout.js'
import { readArduinoLayout } from './layout-arduino.js'
import { type FoundFlash, placeFlash } from './layout-flash.js'
import { isPlatformioEnvironment, readPlatformioLayout } from './layout-platformio.js'
import { LAYOUT_SIGNS, readFlashFiles, readKeys, readLayout, readSlotSize } from './read-layout.js'

export interface PlaceOptions {
  readonly folder: string
  /** The watched folder that it lies in: no link may lead out of it. */
  readonly root: string
  /** Set for the place of one sketch among the files of the folder. */
  readonly sketch?: string | undefined
  /** Told when what was judged here was judged by other rules than those of now. */
  readonly onChange: () => void
}

/**
 * A place where a build system leaves an app, with what its files say of it: a folder, or a sketch among the files of one.
 * They are read again whenever one of them has changed: `idf.py set-target` makes it another project under the same path.
 */
export class LayoutPlace {
  readonly #options: PlaceOptions
  #layout: Layout
  #context: ImageContext = {}
  #flashKey = ''
  #key: string | undefined
  #looking: Promise<void> | undefined

  constructor(options: PlaceOptions) {
    this.#options = options
    this.#layout = layoutByName(options)
  }

  get layout(): Layout {
    return this.#layout
  }

  /** The chip and the slot to judge by here. */
  get context(): ImageContext {
    return this.#context
  }

  /** Another word whenever what lies beside the app in flash is another thing. */
  get flashKey(): string {
    return this.#flashKey
  }

  /** What lies beside the app in flash, and where. */
  async readFlash(): Promise<FoundFlash | undefined> {
    const { folder, root } = this.#options
    const { flash } = this.#layout
    if (flash === undefined) return undefined
    return placeFlash(flash, await readFlashFiles(folder, root, this.#layout), this.#context.chip)
  }

  /** Reads the files again if one of them has changed; those who ask at the same time share one look. */
  async look(): Promise<void> {
    this.#looking ??= this.#lookAgain().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #lookAgain(): Promise<void> {
    const { folder, root, sketch, onChange } = this.#options
    const key = await this.#readKey()
    if (key === this.#key) return
    const before = rulesOf(this.#layout, this.#context, this.#flashKey)
    const layout = await readLayout(folder, sketch)
    const slotSize = await readSlotSize(folder, layout)
    const flashKey = digestOf(await readFlashFiles(folder, root, layout))
    const { chip } = layout
    this.#layout = layout
    this.#flashKey = flashKey
    this.#context = {
      ...(chip !== undefined && isChipName(chip) ? { chip } : {}),
      ...(slotSize === undefined ? {} : { slotSize })
    }
    const isFirst = this.#key === undefined
    // The key is taken before the files are read: what changes in between is seen the next time.
    this.#key = key
    if (!isFirst && rulesOf(this.#layout, this.#context, this.#flashKey) !== before) onChange()
  }

  #readKey(): Promise<string> {
    const { partitionTable, partitionCsv, sources } = this.#layout
    const signs = this.#options.sketch === undefined ? LAYOUT_SIGNS : []
    const parts = flashFilesOf(this.#layout)
    const files = [...signs, ...sources, ...parts, partitionTable, partitionCsv].filter(file => file !== undefined)
    return readKeys(this.#options.folder, files)
  }
}

/** What can be said before a file has been read: by their names alone the parts of a build are not for OTA. */
function layoutByName({ folder, sketch }: PlaceOptions): Layout {
  const folderName = path.basename(folder)
  if (sketch !== undefined) return readArduinoLayout({ sketch, folderName })
  return isPlatformioEnvironment(folder) ? readPlatformioLayout({ environment: folderName }) : PLAIN_LAYOUT
}

function rulesOf({ description, notForOta }: Layout, context: ImageContext, flashKey: string): string {
  return JSON.stringify([description, [...notForOta.keys()], context.chip, context.slotSize, flashKey])
}

/** Of what is in the files, not of when they were written: builds write the same again. */
function digestOf(files: ReadonlyMap<string, Buffer>): string {
  const hash = createHash('sha256')
  for (const [file, bytes] of files) hash.update(`${file}\0${bytes.length}\0`).update(bytes)
  return files.size === 0 ? '' : hash.digest('hex')
}

const flashFilesOf = ({ flash }: Layout): readonly string[] => flash?.files.map(({ file }) => file) ?? []
