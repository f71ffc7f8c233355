import type { Answer } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { answersTo, holderOf, isLeft, isTaken } from '../../src/mdns/hearing.js'
import {
  addressRecords,
  hostNameOf,
  instanceNameOf,
  instanceRecords,
  pointerRecords,
  SERVICE_TYPE
} from '../../src/mdns/records.js'

const service = { instance: instanceNameOf('bench', 1), host: 'bench.local', port: 8070, text: { path: '/' } }
const own = instanceRecords(service)
const all = [...pointerRecords(service), ...own, ...addressRecords('bench.local', ['192.168.1.8', 'fd00::8'])]
const here = new Set(['192.168.1.8', 'fd00::8'])
const at = (data: string, ttl = 120): Answer => ({
  name: 'Bench.LOCAL',
  type: data.includes(':') ? 'AAAA' : 'A',
  ttl,
  data
})
const typesOf = (records: readonly { type: string }[] = []): readonly string[] => records.map(({ type }) => type)

describe('names', () => {
  it('are numbered from the second on', () => {
    expect(instanceNameOf('bench', 1)).toBe('otad on bench._otad._tcp.local')
    expect(instanceNameOf('bench', 2)).toBe('otad on bench (2)._otad._tcp.local')
    expect(hostNameOf('bench', 1)).toBe('bench.local')
    expect(hostNameOf('bench', 3)).toBe('bench-3.local')
  })

  it.each(['b'.repeat(63), 'ž'.repeat(40), 'a.b.c'])('have labels that fit, with their number: %s', hostName => {
    for (const number of [1, 2, 19]) {
      const instance = instanceNameOf(hostName, number)
      expect(Buffer.byteLength(instance.slice(0, -SERVICE_TYPE.length - 1))).toBeLessThanOrEqual(63)
      const [label = '', ...rest] = hostNameOf(hostName, number).split('.')
      expect(Buffer.byteLength(label)).toBeLessThanOrEqual(63)
      expect(rest).toEqual(['local'])
    }
  })
})

describe('holderOf', () => {
  it.each([
    ['nobody answers', [], 'nobody'],
    ['another name is answered for', [{ name: 'desk.local', type: 'A', ttl: 120, data: '192.168.1.9' }], 'nobody'],
    ['it is a goodbye', [at('192.168.1.9', 0)], 'nobody'],
    ['another machine has it', [at('192.168.1.9')], 'another'],
    ['avahi of this machine has it', [at('192.168.1.8')], 'this-machine'],
    ['it is spelt in another way', [at('fd00:0:0:0:0:0:0:8')], 'this-machine'],
    ['its address cannot be read', [at(':zz')], 'another']
  ] as const)('%s', (_what, heard, holder) => {
    expect(holderOf('bench.local', heard as readonly Answer[], here)).toBe(holder)
  })
})

describe('isTaken', () => {
  const srv = (port: number, target: string): Answer => ({
    name: service.instance,
    type: 'SRV',
    ttl: 120,
    data: { port, target }
  })
  it.each([
    ['what otad says itself, in other letters', [srv(8070, 'BENCH.local')], false],
    ['another port', [srv(8071, 'bench.local')], true],
    ['another host', [srv(8070, 'desk.local')], true],
    ['a goodbye of somebody else', [{ ...srv(8071, 'bench.local'), ttl: 0 } as Answer], false],
    [
      'its text as it comes over the wire',
      [{ name: service.instance, type: 'TXT', ttl: 1, data: [Buffer.from('path=/')] }],
      false
    ],
    ['another text', [{ name: service.instance, type: 'TXT', ttl: 1, data: [Buffer.from('path=/x')] }], true],
    [
      'a pointer to it, which anybody may have',
      [{ name: SERVICE_TYPE, type: 'PTR', ttl: 1, data: service.instance }],
      false
    ]
  ] as const)('%s', (_what, heard, taken) => {
    expect(isTaken(own, heard as readonly Answer[])).toBe(taken)
  })
})

it('isLeft hears a goodbye to the host, and to nothing else', () => {
  expect(isLeft('bench.local', [at('192.168.1.8', 0)])).toBe(true)
  expect(isLeft('bench.local', [at('192.168.1.8')])).toBe(false)
  expect(isLeft('desk.local', [at('192.168.1.8', 0)])).toBe(false)
})

describe('answersTo', () => {
  const ask = (name: string, type: string, known: readonly Answer[] = []) => answersTo([{ name, type }], known, all)

  it('has nothing to say of what is not its own', () => {
    expect(ask('desk.local', 'A')).toBeUndefined()
    expect(ask('bench.local', 'MX')).toBeUndefined()
    expect(answersTo([], [], all)).toBeUndefined()
  })

  it('adds to a pointer what it leads to, and to a service its host', () => {
    expect(typesOf(ask(SERVICE_TYPE, 'PTR')?.additionals)).toEqual(['SRV', 'TXT', 'A', 'AAAA'])
    expect(typesOf(ask(service.instance, 'SRV')?.additionals)).toEqual(['TXT', 'A', 'AAAA'])
    expect(ask('bench.local', 'A')?.additionals).toEqual([])
  })

  it('answers ANY with all of a name', () => {
    expect(typesOf(ask('BENCH.local', 'ANY')?.answers)).toEqual(['A', 'AAAA'])
  })

  it('leaves out what the asker knows for more than half of its time', () => {
    const known = (ttl: number): Answer => ({ name: SERVICE_TYPE, type: 'PTR', ttl, data: service.instance })
    expect(ask(SERVICE_TYPE, 'PTR', [known(4000)])).toBeUndefined()
    expect(typesOf(ask(SERVICE_TYPE, 'PTR', [known(1000)])?.answers)).toEqual(['PTR'])
  })
})
