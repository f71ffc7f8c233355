import fc from 'fast-check'
import { type Chooser, FirmwareDesk } from './firmware-desk.js'
import { type Manners, ModelDevice, type Piece } from './model-device.js'

/** Small numbers, so that everything meets everything: many lengths are equal, and most offsets are multiples of 16. */
const SIZES = [24, 48, 64, 64, 80, 100]
const MINUTE = 60_000
/** A server lets go of a connection on which nothing moves. */
const STALLED_MS = 150_000
const HELD_MS = 7 * 24 * 60 * MINUTE

export interface Setting {
  readonly keepReleases: number
  readonly mostRecords: number
  readonly devices: readonly { readonly stands: 'sure' | 'alone' | 'shared'; readonly manners: Manners }[]
}

/** What happens next. `who` and `which` are taken modulo what there is. */
export type Happening =
  | { readonly type: 'step'; readonly who: number; readonly isAhead: boolean; readonly afterMs: number }
  | { readonly type: 'steps'; readonly who: number; readonly count: number }
  | {
      readonly type: 'cut'
      readonly who: number
      readonly received: number
      readonly taken: number
      readonly isNoticed: boolean
    }
  | { readonly type: 'start over' | 'notice' | 'head by another'; readonly who: number }
  | { readonly type: 'build'; readonly size: number }
  | { readonly type: 'rollback'; readonly which: number }
  | { readonly type: 'restart' | 'trim' | 'forget' | 'flush' }
  | { readonly type: 'kill'; readonly received: number }
  | { readonly type: 'jump'; readonly ms: number }

type Stands = Setting['devices'][number]['stands']

const manners: fc.Arbitrary<Manners> = fc.record({
  flow: fc.constantFrom('plain', 'stream', 'stream', 'partial', 'partial', 'partial', 'curl'),
  most: fc.constantFrom(16, 16, 32),
  isPersistent: fc.boolean(),
  resumes: fc.boolean(),
  probes: fc.boolean(),
  appends200: fc.boolean(),
  after416: fc.constantFrom('range', 'head', 'failure')
})

/** Devices of all kinds, and a crowd of one kind behind one address, which gets in its own way the most. */
const anyDevices = fc.array(
  fc.record({ stands: fc.constantFrom<Stands>('sure', 'alone', 'shared', 'shared', 'shared'), manners }),
  { minLength: 1, maxLength: 6 }
)
const crowd = fc.array(
  fc.record({
    stands: fc.constant<Stands>('shared'),
    manners: manners.map(any => ({ ...any, flow: 'partial' as const, isPersistent: false, resumes: true }))
  }),
  { minLength: 2, maxLength: 5 }
)

export const setting: fc.Arbitrary<Setting> = fc.record({
  keepReleases: fc.constantFrom(1, 2, 10),
  mostRecords: fc.constantFrom(100, 100, 100, 2),
  devices: fc.oneof(anyDevices, crowd)
})

const who = fc.nat({ max: 5 })
const share = fc.constantFrom(0, 0.25, 0.5, 0.8, 1)
const JUMPS = [20_000, 70_000, 3 * MINUTE, 6 * MINUTE, 12 * MINUTE, HELD_MS / 4, HELD_MS + MINUTE]

function happening(weights: { readonly build: number; readonly kill: number; readonly jump: number }) {
  const of = <T extends Happening['type']>(type: T) => ({ type: fc.constant(type) })
  const isNoticed = fc.boolean()
  const arbitraries: readonly (readonly [weight: number, arbitrary: fc.Arbitrary<Happening>])[] = [
    [40, fc.record({ ...of('step'), who, isAhead: fc.boolean(), afterMs: fc.constantFrom(0, 0, 50, 2_000) })],
    [8, fc.record({ ...of('steps'), who, count: fc.integer({ min: 2, max: 8 }) })],
    [10, fc.record({ ...of('cut'), who, received: share, taken: share, isNoticed })],
    [2, fc.record({ ...of('start over'), who })],
    [3, fc.record({ ...of('notice'), who })],
    [2, fc.record({ ...of('head by another'), who })],
    [weights.build, fc.record({ ...of('build'), size: fc.constantFrom(...SIZES) })],
    [1, fc.record({ ...of('rollback'), which: fc.nat({ max: 3 }) })],
    [1, fc.record({ type: fc.constantFrom('restart', 'trim', 'forget', 'flush') })],
    [weights.kill, fc.record({ ...of('kill'), received: share })],
    [weights.jump, fc.record({ ...of('jump'), ms: fc.constantFrom(...JUMPS) })]
  ]
  return fc.oneof(...arbitraries.map(([weight, arbitrary]) => ({ weight, arbitrary })))
}

const many = { minLength: 1, maxLength: 160, size: 'max' } as const
/** Restless days, and quiet ones on which two builds live beside each other for long. */
export const happenings: fc.Arbitrary<Happening[]> = fc.oneof(
  fc.array(happening({ build: 9, kill: 2, jump: 3 }), many),
  fc.array(happening({ build: 3, kill: 0, jump: 0 }), many)
)

/** One server, its builds and its devices. */
export class ModelWorld {
  steps = 0
  completed = 0
  refused = 0
  readonly #desk: FirmwareDesk
  readonly #devices: readonly ModelDevice[]
  readonly #sizes = new Map<string, number>()
  readonly #isSafe: boolean

  constructor({ keepReleases, mostRecords, devices }: Setting, chooser?: Chooser) {
    this.#isSafe = chooser === undefined
    this.#desk = new FirmwareDesk({ keepReleases, mostRecords, ...(chooser === undefined ? {} : { chooser }) })
    this.#build(64)
    this.#devices = devices.map(
      ({ stands, manners }, index) =>
        new ModelDevice(this.#desk, callerOf(stands, index), manners, slot => this.#judge(slot, index))
    )
  }

  happen(happening: Happening): void {
    this.steps++
    const desk = this.#desk
    switch (happening.type) {
      case 'step':
        this.#pass(happening.afterMs)
        this.#of(happening.who).step(happening.isAhead)
        break
      case 'steps':
        for (let count = 0; count < happening.count; count++) this.#of(happening.who).step(count % 2 === 0)
        this.steps += happening.count - 1
        break
      case 'cut':
        this.#of(happening.who).cut(happening.received, happening.taken, happening.isNoticed)
        break
      case 'start over':
        this.#of(happening.who).reset()
        break
      case 'notice':
        notice(this.#of(happening.who))
        break
      case 'head by another': {
        const connection = {}
        desk.request(connection, this.#of(happening.who).caller, 'HEAD')
        desk.hangUp(connection)
        break
      }
      case 'build':
        this.#build(happening.size)
        break
      case 'rollback':
        desk.rollback(desk.kept[happening.which % desk.kept.length] ?? '')
        break
      case 'restart':
        for (const device of this.#devices) device.loseConnection(0.5)
        for (const device of this.#devices) notice(device)
        desk.restart()
        break
      case 'kill':
        desk.kill()
        for (const device of this.#devices) {
          device.loseConnection(happening.received)
          device.lingering.length = 0
        }
        break
      case 'trim':
        desk.trim()
        break
      case 'forget':
        desk.table.forgetOld()
        break
      case 'flush':
        desk.flush()
        break
      case 'jump':
        this.#pass(happening.ms)
    }
    this.#checkBounds()
  }

  /** Whoever goes on alone now, where it stands, gets a whole image soon. */
  settle(): void {
    for (const device of this.#devices) {
      device.stall(0.5)
      notice(device)
    }
    for (const [index, device] of this.#devices.entries()) {
      const before = device.completed
      // For as long as others behind the same address may still ask, nobody knows what length they were told, and where they stand.
      const patience = device.caller.isSure ? [0, 0, 0, 0] : [0, 0, 16_000, 16_000, 0]
      let count = 0
      for (const ms of patience) {
        this.#pass(ms)
        const refusals = device.refusals
        while (device.completed === before && count++ < 200) {
          device.step(true)
          this.steps++
          if (device.refusals > refusals) break
        }
      }
      if (device.completed === before) throw new Error(`device ${index} gets no image any more`)
    }
  }

  #of(who: number): ModelDevice {
    return this.#devices[who % this.#devices.length] as ModelDevice
  }

  #pass(ms: number): void {
    this.#desk.now += ms
    // What has changed is written within a second.
    if (ms >= 1_000) this.#desk.flush()
    if (ms < STALLED_MS) return
    for (const device of this.#devices) {
      device.stall(0.5)
      notice(device)
    }
  }

  #build(size: number): void {
    const version = `build-${this.#sizes.size}`
    this.#sizes.set(version, size)
    this.#desk.build(version, size)
  }

  #judge(slot: readonly Piece[], index: number): void {
    this.completed++
    const [piece] = slot
    const isWhole =
      slot.length === 1 && piece !== undefined && piece.start === 0 && piece.end === this.#sizes.get(piece.build)
    if (!isWhole)
      throw new Error(
        `device ${index} took for whole: ${slot.map(({ build, start, end }) => `${build} [${start}, ${end})`).join(' + ')}`
      )
  }

  #checkBounds(): void {
    if (!this.#isSafe) return
    for (const { runs, promises } of this.#desk.table.records)
      if (runs.length > 16 || promises.length > 32) throw new Error('a record outgrows its bound')
  }
}

function notice(device: ModelDevice): void {
  for (const over of device.lingering.splice(0)) over()
}

function callerOf(stands: Setting['devices'][number]['stands'], index: number) {
  const agent = 'ESP32 HTTP Client/1.0'
  if (stands === 'sure') return { client: `mac 24:0a:c4:00:00:0${index}`, isSure: true }
  return { client: stands === 'alone' ? `192.168.1.${index} ${agent}` : `10.0.0.1 ${agent}`, isSure: false }
}
