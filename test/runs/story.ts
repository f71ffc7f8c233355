import { type Caller, type DeskAnswer, type DeskOptions, FirmwareDesk } from './firmware-desk.js'

export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/**
 * A server and its devices, to tell what happens in few words. Answers read `A 0-15` for bytes of build A, `A of 100` for a length, or `416`.
 * What a device asks comes on a connection of its own, and is received whole, unless something else is said.
 */
export class Story {
  readonly desk: FirmwareDesk

  constructor(options: DeskOptions = {}) {
    this.desk = new FirmwareDesk(options)
    this.build('A', 100)
  }

  build(version: string, size = 100): void {
    this.desk.build(version, size)
  }

  wait(ms: number): void {
    this.desk.now += ms
  }

  /** Whether a device could still get bytes of this build. */
  keeps(version: string): boolean {
    this.desk.trim()
    return this.desk.kept.includes(version)
  }

  /** A device with a client certificate or a MAC. */
  known(id = 'certificate 3f:9a'): TestDevice {
    return new TestDevice(this.desk, { client: id, isSure: true })
  }

  /** A device of which nothing is known but where it asks from. */
  at(address = '192.168.1.50'): TestDevice {
    return new TestDevice(this.desk, { client: `${address} ESP32 HTTP Client/1.0`, isSure: false })
  }
}

export class TestDevice {
  readonly caller: Caller
  readonly #desk: FirmwareDesk
  #connection: object | undefined

  constructor(desk: FirmwareDesk, caller: Caller) {
    this.#desk = desk
    this.caller = caller
  }

  /** From now on everything on one connection, as from v5.4.4, v5.5.2 and v6.0 on. */
  keepAlive(): void {
    this.#connection = {}
  }

  /** The connection is gone, and the other end knows no more of it. */
  drop(): void {
    this.#connection = undefined
  }

  head(): string {
    return this.#ask('HEAD', undefined)
  }

  get(): string {
    return this.#ask('GET', undefined)
  }

  /** Bytes from first to last, or to the end. */
  range(first: number, last?: number): string {
    return this.#ask('GET', `bytes=${first}-${last ?? ''}`)
  }

  /** The same, but the connection breaks when the server has handed over everything before byte `end`. */
  cut(end: number, first?: number, last?: number): string {
    const { answer } = this.start(first, last)
    if (answer.status !== 416) answer.finish(end)
    return say(answer, end)
  }

  /** An answer that is under way. */
  start(first?: number, last?: number): { answer: DeskAnswer; said: string } {
    const range = first === undefined ? undefined : `bytes=${first}-${last ?? ''}`
    const answer = this.#desk.request(this.#connection ?? {}, this.caller, 'GET', range)
    return { answer, said: say(answer, answer.end) }
  }

  #ask(method: 'GET' | 'HEAD', range: string | undefined): string {
    const connection = this.#connection ?? {}
    const answer = this.#desk.request(connection, this.caller, method, range)
    answer.finish(answer.end)
    if (connection !== this.#connection) this.#desk.hangUp(connection)
    return say(answer, answer.end)
  }
}

function say({ status, build, size, start }: DeskAnswer, end: number): string {
  if (status === 416) return '416'
  return status === 200 && end === start ? `${build} of ${size}` : `${build} ${start}-${end - 1}`
}
