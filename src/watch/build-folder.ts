import path from 'node:path'
import type { Kind } from '../image/kinds.js'
import type { ImageContext } from '../image/verdict.js'
import type { Candidate } from './candidate.js'
import { isPackedFile, nameOf } from './candidates.js'
import type { WatchedFolder } from './folders.js'
import { describeLayouts, FILE_SYSTEM } from './layout.js'
import { sketchOf } from './layout-arduino.js'
import type { FoundFlash } from './layout-flash.js'
import { LayoutPlace } from './layout-place.js'
import { listOutputs } from './read-layout.js'

/**
 * One watched folder with what build systems say of it and of the folders in it. Each candidate is judged by the nearest place that
 * a build system has made: its sketch, its folder, or one around it. So each environment of PlatformIO has its own chip and slot.
 */
export class BuildFolder {
  readonly path: string
  readonly #label: string | undefined
  readonly #asked: ImageContext
  /** By the path of the folder with a slash behind it, and the sketch if it is one's: ``, `esp32dev/`, `out/Blink.ino`. */
  readonly #places = new Map<string, LayoutPlace>()
  readonly #root: LayoutPlace
  #revision = 0
  #isListed = false

  /** `asked` are the chip and slot of the settings, which stand above what the project says. */
  constructor({ path: folder, label }: WatchedFolder, asked: ImageContext) {
    this.path = folder
    this.#label = label
    this.#asked = asked
    this.#root = this.#placeAt('')
  }

  /** What there is to say about the folder as a whole. */
  get layout(): { readonly description: string } {
    const inside = [...this.#places.values()].filter(place => place !== this.#root)
    return {
      description: describeLayouts(
        this.#root.layout,
        inside.map(({ layout }) => layout)
      )
    }
  }

  /** The name that the project's app will have, where the build system says which file it is. */
  get appName(): string | undefined {
    const { app } = this.#root.layout
    return app === undefined ? undefined : nameOf(app, this.#label)
  }

  /** The chip and the slot to judge a file of this name by: those of the settings, else those of the nearest place that has a layout. */
  contextOf(name: string): ImageContext {
    const nearest = this.#placesAround(name).findLast(({ layout }) => layout.system !== 'plain')
    return { ...nearest?.context, ...this.#asked }
  }

  /** What a file of this name is judged by, as a text that is another one when the rules are. */
  rulesOf(name: string): string {
    const { signature, ...context } = this.contextOf(name)
    const keys = signature?.keys.map(({ digest, publicKey }) => [
      digest,
      publicKey?.export({ format: 'der', type: 'spki' }).toString('base64')
    ])
    const flashKey = this.#placeOfApp(name)?.flashKey
    return JSON.stringify([context.chip, context.slotSize, context.kinds, signature?.policy, keys, flashKey])
  }

  /** What lies in flash beside the app of this name, and where; undefined for any other file, and where nobody says. */
  async flashOf(name: string): Promise<FoundFlash | undefined> {
    return this.#placeOfApp(name)?.readFlash()
  }

  /** The place whose build system says that this is its app. */
  #placeOfApp(name: string): LayoutPlace | undefined {
    const relative = this.relativeOf(name)
    if (relative === undefined) return undefined
    const isApp = (key: string): boolean => this.#placeAt(key).layout.app === relative.slice(key.lastIndexOf('/') + 1)
    const key = keysAround(relative).findLast(isApp)
    return key === undefined ? undefined : this.#placeAt(key)
  }

  /** The candidate at a path relative to the folder; undefined for what the build system says is not for OTA. */
  candidateAt(relative: string): Candidate | undefined {
    const name = nameOf(relative, this.#label)
    // Packed files lie beside what they are made of: only who asks for them hears of them.
    if (isPackedFile(relative) && this.#asked.kinds?.includes('gzip') !== true) return undefined
    return this.leavesOut(name) ? undefined : { name, file: path.join(this.path, relative), folder: this.path }
  }

  /** The path relative to the folder that a name has its file at; undefined for a name of another folder. */
  relativeOf(name: string): string | undefined {
    if (this.#label === undefined) return name
    return name.startsWith(`${this.#label}/`) ? name.slice(this.#label.length + 1) : undefined
  }

  /** Goes up when a build system says another thing than before: what was judged before was judged by other rules. */
  get revision(): number {
    return this.#revision
  }

  /** Reads those files of build systems again that have changed: all of them, or those that count for some names. */
  async refresh(...names: readonly string[]): Promise<void> {
    if (!this.#isListed) await this.#list()
    const places = names.length === 0 ? this.#places.values() : names.flatMap(name => this.#placesAround(name))
    await Promise.all([...new Set(places)].map(place => place.look()))
  }

  /** Whether a build system says that the file of this name is not for OTA. */
  leavesOut(name: string): boolean {
    const relative = this.relativeOf(name)
    if (relative === undefined) return false
    // Every place around it may say so: ESP-IDF builds its bootloader as a project of its own, inside that of the app.
    return keysAround(relative).some(key => {
      const inPlace = relative.slice(key.lastIndexOf('/') + 1)
      const what = this.#placeAt(key).layout.notForOta.get(inPlace)
      return what !== undefined && !(what === FILE_SYSTEM && this.#servesFileSystems)
    })
  }

  /** Whether the settings ask for them. */
  get #servesFileSystems(): boolean {
    return FILE_SYSTEM_KINDS.some(kind => this.#asked.kinds?.includes(kind))
  }

  /** What lies right in the folder, so that it can be described before anybody has asked about a file. */
  async #list(): Promise<void> {
    const outputs = await listOutputs(this.path)
    if (outputs === undefined) return
    this.#isListed = true
    for (const key of outputs) this.#placeAt(key)
  }

  /** From the outermost inwards. */
  #placesAround(name: string): readonly LayoutPlace[] {
    const relative = this.relativeOf(name)
    return relative === undefined ? [] : keysAround(relative).map(key => this.#placeAt(key))
  }

  #placeAt(key: string): LayoutPlace {
    const known = this.#places.get(key)
    if (known !== undefined) return known
    const end = key.lastIndexOf('/') + 1
    const place = new LayoutPlace({
      folder: path.join(this.path, key.slice(0, end)),
      root: this.path,
      sketch: key.slice(end) || undefined,
      onChange: () => {
        this.#revision++
      }
    })
    this.#places.set(key, place)
    return place
  }
}

const FILE_SYSTEM_KINDS: readonly Kind[] = ['spiffs', 'littlefs', 'fat']

/** The keys of all places that a file may belong to: `out/Blink.ino.bin` to ``, `out/` and `out/Blink.ino`. */
function keysAround(relative: string): readonly string[] {
  const keys = ['']
  for (let end = relative.indexOf('/') + 1; end > 0; end = relative.indexOf('/', end) + 1)
    keys.push(relative.slice(0, end))
  const folder = keys.at(-1) ?? ''
  const sketch = sketchOf(relative.slice(folder.length))
  if (sketch !== undefined) keys.push(`${folder}${sketch}`)
  return keys
}
