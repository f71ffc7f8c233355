import { describe, expect, it } from 'vitest'
import type { DeskFacts } from '../../src/desk/desk-facts.js'
import { needsAPerson } from '../../src/devices/attention.js'
import { VERDICTS } from '../../src/devices/device-facts.js'
import { type Matter, mattersOf } from '../../src/page/attention.js'
import { afterEvent } from '../../src/page/desk.js'
import { deskFacts, deskName, deviceEvent, deviceFacts } from '../support/desk-feed.js'

const NOW = Date.parse('2026-11-21T00:00:00.000Z')

function mattersIn(facts: Partial<DeskFacts>): readonly Matter[] {
  const desk = afterEvent(undefined, { is: 'desk', data: deskFacts(facts) })
  return desk === undefined ? [] : mattersOf(desk, NOW)
}

const failed = (at: string, sentence = 'it trusts another CA') =>
  deviceEvent('handshake-failed', sentence, { at, fix: 'Rebuild it' })

describe('what needs attention', () => {
  it('is nothing where all goes well', () => {
    const devices = [deviceFacts('a', { verdict: deviceEvent('complete', 'received') }), deviceFacts('b')]
    expect(mattersIn({ names: [deskName('a.bin')], devices })).toEqual([])
  })

  it('is an address that no device can reach, and a certificate that ends', () => {
    const certificate = { fingerprint: '3F', validUntil: '2026-12-24T00:00:00.000Z' }
    expect(mattersIn({ isLoopbackOnly: true, certificate }).map(({ is }) => is)).toEqual([
      'loopback',
      'certificate-ends'
    ])
    expect(mattersIn({ certificate: null })).toEqual([])
  })

  it('is each build that was refused', () => {
    const refusal = { reason: 'x', sentence: 'it is cut short', device: null, at: '2026-11-20T12:00:00.000Z' }
    const name = deskName('a.bin', { refusal })
    expect(mattersIn({ names: [name, deskName('b.bin')] })).toEqual([{ is: 'refusal', name }])
  })

  it('is once what happened to many devices, the newest first', () => {
    const devices = [
      deviceFacts('a', { verdict: failed('2026-11-20T10:00:00.000Z') }),
      deviceFacts('b', { verdict: failed('2026-11-20T11:00:00.000Z', 'it speaks plain HTTP') }),
      deviceFacts('c', { verdict: failed('2026-11-20T12:00:00.000Z') })
    ]
    const told = mattersIn({ devices }).map(matter =>
      matter.is === 'devices' ? [matter.verdict.sentence, matter.verdict.at, matter.devices.map(({ id }) => id)] : []
    )
    expect(told).toEqual([
      ['it trusts another CA', '2026-11-20T12:00:00.000Z', ['c', 'a']],
      ['it speaks plain HTTP', '2026-11-20T11:00:00.000Z', ['b']]
    ])
  })

  it('is a device that does not get further by itself, and no other', () => {
    const needing = VERDICTS.filter(is => needsAPerson({ verdict: deviceEvent(is, ''), client: 'ESP-IDF' }))
    expect(needing).toEqual([
      'looping',
      'rolled-back',
      'no-room',
      'not-found',
      'not-allowed',
      'handshake-failed',
      'silent'
    ])
  })

  it('is no browser that looks for an icon, or does not know our CA', () => {
    for (const is of ['not-found', 'handshake-failed'] as const)
      expect(needsAPerson({ verdict: deviceEvent(is, ''), client: 'browser' })).toBe(false)
  })
})
