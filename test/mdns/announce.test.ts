// otad on a network of its own: two namespaces with a wire in between, so that no packet leaves this machine.
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it, type TestContext } from 'vitest'
import { temporaryFolder } from '../support/daemon.js'
import { type Machine, type Talker, type Told, twoMachines } from '../support/two-machines.js'

const SERVICE = '_otad._tcp.local'
const INSTANCE = `otad on bench.${SERVICE}`
const A = (name: string, data: string, ttl = 120) => ({ name, type: 'A', ttl, flush: true, data })
const SRV = (name: string, port: number, target: string) => ({ name, type: 'SRV', ttl: 120, data: { port, target } })

interface Network {
  readonly here: Machine
  readonly there: Machine
  /** On the other machine. */
  readonly neighbour: Talker
}

async function aNetwork(context: TestContext): Promise<Network> {
  const machines = await twoMachines()
  if (machines === undefined) return context.skip('no network namespaces here')
  const [here, there] = machines
  return { here, there, neighbour: await aNeighbour(there) }
}

async function aNeighbour(machine: Machine, address = machine.address): Promise<Talker> {
  const neighbour = machine.start('mdns-neighbour.ts', address)
  await neighbour.told(told => told.type === 'ready')
  return neighbour
}

const startOtad = (machine: Machine, options: object = {}): Talker =>
  machine.start('mdns-announcer.ts', JSON.stringify(options))
const announced = (otad: Talker, after?: number): Promise<Told> =>
  otad.told(told => told.event === 'mdns.announced', after)
const say = (neighbour: Talker, what: object): void => neighbour.tell(JSON.stringify(what))
const holds = (told: Told, record: object): boolean => {
  try {
    expect(told.answers).toContainEqual(expect.objectContaining(record))
    return true
  } catch {
    return false
  }
}
const response = (neighbour: Talker, record: object, after?: number): Promise<Told> =>
  neighbour.told(told => told.type === 'response' && holds(told, record), after)

describe('otad on a quiet network', () => {
  it('asks three times for its names before it takes them, and announces them twice', async context => {
    const { here, neighbour } = await aNetwork(context)
    const otad = startOtad(here)
    expect(await announced(otad)).toMatchObject({ name: 'otad on bench', host: 'bench.local' })
    const isProbe = (told: Told): boolean => told.type === 'query' && told.authorities.length > 0
    const probes = neighbour.everything.filter(isProbe)
    expect(probes).toHaveLength(3)
    expect(probes[0].questions.map(({ name }: Told) => name)).toEqual([INSTANCE, 'bench.local'])
    expect(probes[0].authorities).toContainEqual(expect.objectContaining({ name: 'bench.local', data: here.address }))
    const first = await response(neighbour, { name: SERVICE, type: 'PTR', data: INSTANCE })
    await response(neighbour, { name: SERVICE, type: 'PTR' }, neighbour.everything.indexOf(first) + 1)
    expect(first.answers).toContainEqual(
      expect.objectContaining({
        name: INSTANCE,
        type: 'SRV',
        flush: true,
        data: expect.objectContaining({ port: 8070, target: 'bench.local' })
      })
    )
    expect(first.answers).toContainEqual(
      expect.objectContaining({ name: INSTANCE, type: 'TXT', data: ['path=/', 'version=1.2.3', 'ca=3f9a0102'] })
    )
    expect(first.answers).toContainEqual(expect.objectContaining(A('bench.local', here.address)))
    expect(first.answers.some(({ data }: Told) => /^(127\.|::1|fe80)/.test(data))).toBe(false)
  })

  it('answers a browser, with what it asks for next, and is silent to one that knows it already', async context => {
    const { here, neighbour } = await aNetwork(context)
    const otad = startOtad(here)
    await announced(otad)
    // The second announcement is over.
    await neighbour.told(
      told => told.type === 'response' && neighbour.everything.filter(one => holds(one, { type: 'SRV' })).length === 2
    )
    const pointer = { name: SERVICE, type: 'PTR', ttl: 4500, data: INSTANCE }
    const before = neighbour.count
    say(neighbour, { ask: { questions: [{ name: SERVICE.toUpperCase(), type: 'PTR' }] } })
    const answer = await response(neighbour, pointer, before)
    expect(answer.additionals.map(({ type }: Told) => type)).toEqual(expect.arrayContaining(['SRV', 'TXT', 'A']))

    const after = neighbour.count
    say(neighbour, { ask: { questions: [{ name: SERVICE, type: 'PTR' }], answers: [pointer] } })
    say(neighbour, { ask: { questions: [{ name: 'bench.local', type: 'A' }] } })
    await response(neighbour, A('bench.local', here.address), after)
    expect(
      neighbour.everything.slice(after).some(told => told.type === 'response' && holds(told, { type: 'PTR' }))
    ).toBe(false)
  })

  it('answers one that does not speak mDNS by itself, briefly and with the number of its question', async context => {
    const { here, there } = await aNetwork(context)
    await announced(startOtad(here))
    const digger = there.start('mdns-digger.ts', there.address, 'bench.local')
    const answer = await digger.told(() => true)
    expect(answer).toMatchObject({ id: 4711, type: 'response', questions: [{ name: 'bench.local', type: 'A' }] })
    expect(answer.answers).toEqual([expect.objectContaining({ type: 'A', data: here.address, ttl: 10, flush: false })])
  })

  it('says goodbye when it is told to stop, within 300 ms, and leaves nothing that keeps its process', async context => {
    const { here, neighbour } = await aNetwork(context)
    const otad = startOtad(here)
    await announced(otad)
    otad.tell('close')
    const { closedMs } = await otad.told(told => 'closedMs' in told)
    expect(closedMs).toBeLessThan(350)
    const goodbye = await response(neighbour, { name: SERVICE, type: 'PTR', ttl: 0 })
    expect(goodbye.answers.every(({ ttl }: Told) => ttl === 0)).toBe(true)
    expect(goodbye.answers).toContainEqual(expect.objectContaining(A('bench.local', here.address, 0)))
    if (otad.child.exitCode === null) await once(otad.child, 'exit', { signal: AbortSignal.timeout(5000) })
  })

  it('announces the addresses and the certificate of now when they have changed', async context => {
    const { here, neighbour } = await aNetwork(context)
    const otad = startOtad(here)
    await announced(otad)
    await here.ip('addr', 'add', '192.168.77.9/24', 'dev', 'wire')
    otad.tell('update')
    const again = await response(neighbour, A('bench.local', '192.168.77.9'))
    expect(again.answers).toContainEqual(expect.objectContaining(A('bench.local', here.address)))
    expect(again.answers).toContainEqual(
      expect.objectContaining({ type: 'TXT', data: expect.arrayContaining(['ca=abcdef01']) })
    )
    expect(otad.everything.filter(told => told.event === 'mdns.announced')).toHaveLength(1)
  })

  it('announces on the network of one address alone where the server listens on that', async context => {
    const { here, neighbour } = await aNetwork(context)
    await here.ip('addr', 'add', '10.9.8.7/32', 'dev', 'lo')
    const otad = startOtad(here, { listensOn: here.address })
    await announced(otad)
    await response(neighbour, A('bench.local', here.address))
  })
})

describe('names that somebody has', () => {
  it('goes by another name where there is an otad on bench already', async context => {
    const { here, neighbour } = await aNetwork(context)
    say(neighbour, { hold: [SRV(INSTANCE, 9999, 'elsewhere.local')] })
    expect(await announced(startOtad(here))).toMatchObject({ name: 'otad on bench (2)', host: 'bench.local' })
  })

  it('goes by another host where another machine is called bench', async context => {
    const { here, there, neighbour } = await aNetwork(context)
    say(neighbour, { hold: [A('bench.local', there.address)] })
    expect(await announced(startOtad(here))).toMatchObject({ name: 'otad on bench', host: 'bench-2.local' })
    await response(neighbour, A('bench-2.local', here.address))
    expect(
      neighbour.everything.some(told => told.type === 'response' && holds(told, A('bench.local', here.address)))
    ).toBe(false)
  })

  it('leaves the host to a responder of this machine, and takes it when that goes', async context => {
    const { here, neighbour } = await aNetwork(context)
    const avahi = await aNeighbour(here)
    say(avahi, { hold: [A('bench.local', here.address)] })
    expect(await announced(startOtad(here))).toMatchObject({ host: 'bench.local' })
    const announcement = await response(neighbour, { type: 'SRV', name: INSTANCE })
    expect(holds(announcement, { type: 'A' })).toBe(false)
    const before = neighbour.count
    say(avahi, { hold: [], say: [A('bench.local', here.address, 0)] })
    await neighbour.told(told => holds(told, A('bench.local', here.address)) && holds(told, { type: 'SRV' }), before)
  })

  it('leaves the host to a responder of this machine that begins later', async context => {
    const { here, neighbour } = await aNetwork(context)
    const otad = startOtad(here)
    await announced(otad)
    await response(neighbour, A('bench.local', here.address))
    const avahi = await aNeighbour(here)
    say(avahi, {
      ask: { questions: [{ name: 'bench.local', type: 'ANY' }], authorities: [A('bench.local', here.address)] }
    })
    await neighbour.told(told => told.type === 'query' && told.authorities.length === 1)
    const before = neighbour.count
    say(neighbour, {
      ask: [
        { name: 'bench.local', type: 'A' },
        { name: INSTANCE, type: 'SRV' }
      ]
    })
    const answer = await response(neighbour, { type: 'SRV' }, before)
    expect([...answer.answers, ...answer.additionals].some(({ type }: Told) => type === 'A')).toBe(false)
  })

  it('gives a name up that somebody else says to be his, and announces another', async context => {
    const { here, neighbour } = await aNetwork(context)
    const otad = startOtad(here)
    await announced(otad)
    const record = SRV(INSTANCE, 9999, 'elsewhere.local')
    say(neighbour, { hold: [record], say: [record] })
    await otad.told(told => told.event === 'mdns.announced' && told.name === 'otad on bench (2)')
  })

  it('waits for one that asks for the same name at the same time', async context => {
    const { here, neighbour } = await aNetwork(context)
    const otad = startOtad(here)
    await neighbour.told(told => told.type === 'query' && told.authorities.length > 0)
    const record = SRV(INSTANCE, 9999, 'elsewhere.local')
    say(neighbour, { ask: { questions: [{ name: INSTANCE, type: 'ANY' }], authorities: [record] } })
    say(neighbour, { hold: [record] })
    expect((await announced(otad)).name).toBe('otad on bench (2)')
  })

  it('tells two daemons on one machine apart, and the host stays when one of them goes', async context => {
    const { here, neighbour } = await aNetwork(context)
    const first = startOtad(here)
    await announced(first)
    const second = startOtad(here, { port: 8071 })
    expect(await announced(second)).toMatchObject({ name: 'otad on bench (2)', host: 'bench.local' })
    first.tell('close')
    await response(neighbour, { name: INSTANCE, type: 'SRV', ttl: 0 })
    const before = neighbour.count
    say(neighbour, { ask: [{ name: 'bench.local', type: 'A' }] })
    await response(neighbour, A('bench.local', here.address), before)
  })
})

describe('where nothing can be announced', () => {
  it('says so once where the machine is on no network, and announces when it is', async context => {
    const { here } = await aNetwork(context)
    await here.ip('addr', 'flush', 'dev', 'wire')
    const otad = startOtad(here)
    expect(await otad.told(told => told.event === 'mdns.failed')).toMatchObject({
      reason: 'this machine is on no network'
    })
    await here.ip('addr', 'add', '192.168.77.5/24', 'dev', 'wire')
    otad.tell('update')
    expect(await announced(otad)).toMatchObject({ host: 'bench.local' })
    expect(otad.everything.filter(told => told.event === 'mdns.failed')).toHaveLength(1)
  })

  // Networks are looked at every 5 s, and where the last attempt had failed each look began the next one anew, however far it was.
  it('finds a name where that takes longer than from one look at the networks to the next', async context => {
    const { here, neighbour } = await aNetwork(context)
    const taken = Array.from({ length: 7 }, (_, index) => (index === 0 ? '' : ` (${index + 1})`))
    say(neighbour, { hold: taken.map(number => SRV(`otad on bench${number}.${SERVICE}`, 9999, 'elsewhere.local')) })
    await here.ip('addr', 'flush', 'dev', 'wire')
    const otad = startOtad(here)
    await otad.told(told => told.event === 'mdns.failed')
    await here.ip('addr', 'add', '192.168.77.5/24', 'dev', 'wire')
    otad.tell('update')
    expect(await announced(otad)).toMatchObject({ name: 'otad on bench (8)' })
  })

  it('says so where the server listens on loopback alone', async context => {
    const { here } = await aNetwork(context)
    const { reason, hint } = await startOtad(here, { listensOn: '127.0.0.1' }).told(
      told => told.event === 'mdns.failed'
    )
    expect(reason).toContain('127.0.0.1 alone')
    expect(hint).toContain('--host')
  })

  it('says so where another program keeps the port for itself, goes on, and stops at once', async context => {
    const { here } = await aNetwork(context)
    const keeper = here.start('port-keeper.ts', '5353')
    await keeper.told(told => told === 'kept')
    const otad = startOtad(here)
    const { reason, hint } = await otad.told(told => told.event === 'mdns.failed')
    expect(reason).toContain('5353')
    expect(hint).toContain('avahi')
    otad.tell('close')
    expect((await otad.told(told => 'closedMs' in told)).closedMs).toBeLessThan(350)
  })

  it('says so where packets may not be sent', async context => {
    const { here } = await aNetwork(context)
    if (!(await here.forbid('224.0.0.251'))) return context.skip('no iptables here')
    const { reason, hint } = await startOtad(here).told(told => told.event === 'mdns.failed')
    expect(reason).toMatch(/^nothing can be sent by multicast \(E[A-Z]+\)$/)
    expect(hint).toContain('firewall')
  })
})

describe('avahi, which answers for the host on most Linux machines', () => {
  /** Starts one that calls its machine bench, and tells what it calls it when it has asked the others. */
  async function startAvahi(machine: Machine): Promise<string | undefined> {
    const file = path.join(await temporaryFolder(), 'avahi.conf')
    await writeFile(file, '[server]\nhost-name=bench\nenable-dbus=no\n[publish]\npublish-workstation=no\n')
    const alone = ['--no-drop-root', '--no-chroot', '--no-rlimits', '--no-proc-title']
    for await (const line of machine.runs('avahi-daemon', '-f', file, ...alone)) {
      const [, host] = /startup complete\. Host name is (\S+)\.local/.exec(line) ?? []
      if (host !== undefined) return host
    }
    return undefined
  }

  it('keeps its name where otad was there before it, on the same machine', async context => {
    const { here } = await aNetwork(context)
    await announced(startOtad(here))
    const host = await startAvahi(here)
    if (host === undefined) return context.skip('no avahi here, or one is running')
    expect(host).toBe('bench')
  })

  it.for([
    ['the same machine, and the host is left to it', 'here', 'bench.local'],
    ['another machine, and otad calls its own something else', 'there', 'bench-2.local']
  ] as const)('keeps its name where it was there first, on %s', async ([, where, host], context) => {
    const { here, there } = await aNetwork(context)
    if ((await startAvahi(where === 'here' ? here : there)) === undefined)
      return context.skip('no avahi here, or one is running')
    expect(await announced(startOtad(here))).toMatchObject({ name: 'otad on bench', host })
  })

  it('is called something else where another machine has otad that was there first', async context => {
    const { here, there } = await aNetwork(context)
    await announced(startOtad(here))
    const host = await startAvahi(there)
    if (host === undefined) return context.skip('no avahi here')
    expect(host).toBe('bench-2')
  })
})

describe('hostile neighbours', () => {
  it('does not fall over packets that are none, and answers the next', async context => {
    const { here, there, neighbour } = await aNetwork(context)
    const otad = startOtad(here)
    await announced(otad)
    const thrower = there.start('packet-thrower.ts', there.address, '400')
    await thrower.told(told => told === 'thrown')
    const before = neighbour.count
    say(neighbour, { ask: [{ name: 'bench.local', type: 'A' }] })
    await response(neighbour, A('bench.local', here.address), before)
    expect(otad.child.exitCode).toBeNull()
  })
})
