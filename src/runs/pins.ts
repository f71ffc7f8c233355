import { readFile, rename } from 'node:fs/promises'
import { writeFileAtomically } from '../atomic-file.js'
import { normalDevice } from '../devices/normal-device.js'
import { systemErrorCode } from '../errors.js'

/** One release of a name that one device is given, whatever is current. */
export interface Pin {
  /** As `normalDevice` spells it. */
  readonly device: string
  readonly name: string
  readonly digest: string
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface PinsOptions {
  /** Told when the file was damaged: it is set aside, and no device is pinned. */
  readonly onDamaged?: () => void
}

/**
 * The devices that are given a certain release, with their file, `state/pins.json`. What changes is on disk before it takes effect.
 * Says nothing about whether a release is still kept.
 */
export class Pins {
  readonly #file: string
  #pins: ReadonlyMap<string, Pin>
  /** Of every pin the name with the digest. */
  #held: ReadonlySet<string>
  #writing: Promise<unknown> = Promise.resolve()

  /** @throws the system error when the file is there and cannot be read, or a damaged one cannot be set aside */
  static async open(file: string, { onDamaged = () => {} }: PinsOptions = {}): Promise<Pins> {
    const text = await readIfThere(file)
    const pins = text === undefined ? [] : readPins(text)
    if (pins !== undefined) return new Pins(file, pins)
    await rename(file, `${file}.damaged`)
    onDamaged()
    return new Pins(file, [])
  }

  private constructor(file: string, pins: readonly Pin[]) {
    this.#file = file
    this.#pins = new Map(pins.map(pin => [keyOf(pin.device, pin.name), pin]))
    this.#held = heldBy(pins)
  }

  get list(): readonly Pin[] {
    return [...this.#pins.values()]
  }

  /** The digest that a device is pinned to, known by these ids, the surest first; each in any spelling. */
  pinnedFor(ids: readonly string[], name: string): string | undefined {
    if (this.#pins.size === 0) return undefined
    for (const id of ids) {
      const device = normalDevice(id)
      const pin = device === undefined ? undefined : this.#pins.get(keyOf(device, name))
      if (pin !== undefined) return pin.digest
    }
    return undefined
  }

  /** Whether any device is pinned to this release of a name. */
  holds(name: string, digest: string): boolean {
    return this.#held.has(holdingOf(name, digest))
  }

  /**
   * Gives a device, spelled as `normalDevice` does, this release of a name from now on, instead of the one that it was pinned to before.
   * @throws the system error of the disk; nothing has changed then
   */
  async pin(device: string, name: string, digest: string): Promise<void> {
    await this.#replace(pins => new Map(pins).set(keyOf(device, name), { device, name, digest, at: Date.now() }))
  }

  /**
   * Lets go of a device's pins, of one name or of all; returns them.
   * @throws the system error of the disk; nothing has changed then
   */
  async unpin(device: string, name?: string): Promise<readonly Pin[]> {
    let gone: readonly Pin[] = []
    await this.#replace(pins => {
      gone = [...pins.values()].filter(pin => pin.device === device && (name === undefined || pin.name === name))
      if (gone.length === 0) return pins
      return new Map([...pins].filter(([, pin]) => !gone.includes(pin)))
    })
    return gone
  }

  /** One change behind the other, so that each begins with what the one before it has written. */
  #replace(change: (pins: ReadonlyMap<string, Pin>) => ReadonlyMap<string, Pin>): Promise<void> {
    const replacing = this.#writing.then(async () => {
      const next = change(this.#pins)
      if (next === this.#pins) return
      const pins = [...next.values()]
      await writeFileAtomically(this.#file, `${JSON.stringify({ version: FILE_VERSION, pins }, undefined, 2)}\n`, 0o600)
      this.#pins = next
      this.#held = heldBy(pins)
    })
    this.#writing = replacing.catch(() => {})
    return replacing
  }
}

const FILE_VERSION = 1

// No device and no digest has a space in it.
const keyOf = (device: string, name: string): string => `${device} ${name}`
const holdingOf = (name: string, digest: string): string => `${digest} ${name}`

function heldBy(pins: readonly Pin[]): ReadonlySet<string> {
  return new Set(pins.map(({ name, digest }) => holdingOf(name, digest)))
}

/** The pins of a file, or undefined where it is not as it was written. */
function readPins(text: string): readonly Pin[] | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || !('version' in value) || value.version !== FILE_VERSION)
    return undefined
  if (!('pins' in value) || !Array.isArray(value.pins) || !value.pins.every(isPin)) return undefined
  return value.pins
}

function isPin(value: unknown): value is Pin {
  if (typeof value !== 'object' || value === null) return false
  const { device, name, digest, at } = value as Record<string, unknown>
  return (
    typeof device === 'string' &&
    normalDevice(device) === device &&
    typeof name === 'string' &&
    name !== '' &&
    typeof digest === 'string' &&
    /^[0-9a-f]{64}$/.test(digest) &&
    typeof at === 'number'
  )
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
