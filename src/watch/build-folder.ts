import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { isChipName } from '../image/chips.js'
import { readPartitionTable, smallestOtaSlot } from '../image/partition-table.js'
import type { ImageContext } from '../image/verdict.js'
import type { Candidate } from './candidate.js'
import { nameOf } from './candidates.js'
import type { WatchedFolder } from './folders.js'
import { ESP_IDF_FILES, type Layout, PLAIN_LAYOUT } from './layout.js'
import { fileKey } from './read-candidate.js'
import { readLayout } from './scan.js'

/**
 * One watched folder with what its build system says of it. The context to judge in is read again whenever those files change:
 * `idf.py set-target` makes it another project under the same path.
 */
export class BuildFolder {
  readonly path: string
  readonly #label: string | undefined
  readonly #asked: ImageContext
  #layout: Layout = PLAIN_LAYOUT
  #context: ImageContext
  #key = ''
  #revision = 0
  #refreshing: Promise<void> | undefined

  /** `asked` are the chip and slot of the settings, which stand above what the project says. */
  constructor({ path: folder, label }: WatchedFolder, asked: ImageContext) {
    this.path = folder
    this.#label = label
    this.#asked = asked
    this.#context = asked
  }

  get layout(): Layout {
    return this.#layout
  }

  get context(): ImageContext {
    return this.#context
  }

  /** The name that the project's app will have, where the build system says which file it is. */
  get appName(): string | undefined {
    return this.#layout.app === undefined ? undefined : nameOf(this.#layout.app, this.#label)
  }

  /** The candidate at a path relative to the folder; undefined for what the build system says is not for OTA. */
  candidateAt(relative: string): Candidate | undefined {
    if (this.#layout.notForOta.has(nameOf(relative, undefined))) return undefined
    const name = nameOf(relative, this.#label)
    return { name, file: path.join(this.path, relative), folder: this.path }
  }

  /** The path relative to the folder that a name has its file at; undefined for a name of another folder. */
  relativeOf(name: string): string | undefined {
    if (this.#label === undefined) return name
    return name.startsWith(`${this.#label}/`) ? name.slice(this.#label.length + 1) : undefined
  }

  /** Goes up with every change of what the build system says: what was judged before was judged by other rules. */
  get revision(): number {
    return this.#revision
  }

  /** Reads the files of the build system again if one of them has changed; those who ask at the same time share one look. */
  async refresh(): Promise<void> {
    this.#refreshing ??= this.#readAgain().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  /** Whether the build system says that the file of this name is not for OTA. */
  leavesOut(name: string): boolean {
    const relative = this.relativeOf(name)
    return relative !== undefined && this.#layout.notForOta.has(relative)
  }

  async #readAgain(): Promise<void> {
    const files = [ESP_IDF_FILES.description, ESP_IDF_FILES.flasherArgs, this.#layout.partitionTable ?? '']
    const key = (await Promise.all(files.map(file => keyOf(path.join(this.path, file))))).join()
    if (key === this.#key) return
    this.#layout = await readLayout(this.path)
    this.#context = await this.#readContext()
    // The key is taken before the files are read: what changes in between is seen the next time.
    this.#key = key
    this.#revision++
  }

  async #readContext(): Promise<ImageContext> {
    const { chip, partitionTable } = this.#layout
    const slotSize = partitionTable === undefined ? undefined : await readSlotSize(path.join(this.path, partitionTable))
    return {
      ...(chip !== undefined && isChipName(chip) ? { chip } : {}),
      ...(slotSize === undefined ? {} : { slotSize }),
      ...this.#asked
    }
  }
}

async function readSlotSize(file: string): Promise<number | undefined> {
  const bytes = await readFile(file).catch(() => undefined)
  return bytes === undefined || bytes.length > 64 * 1024
    ? undefined
    : smallestOtaSlot(readPartitionTable(bytes).entries)
}

async function keyOf(file: string): Promise<string> {
  const stats = await stat(file, { bigint: true }).catch(() => undefined)
  return stats?.isFile() ? fileKey(stats) : ''
}
