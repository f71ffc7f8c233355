import { describe, expect, it } from 'vitest'
import { standingOf } from '../../src/cli/standing.js'
import type { DeviceHistory, VerdictKind } from '../../src/devices/device-facts.js'
import { aDevice, anEvent, aStatus, isRunning, NOON, releaseFacts } from '../support/a-device.js'

const MAC = '24:6f:28:aa:bb:cc'
const OLD = 'a'.repeat(64)
const NEW = 'b'.repeat(64)
const WANTED = { name: 'app.bin', device: '192.168.1.50' }
const SERVING = aStatus(releaseFacts(NEW))

const standing = (device: Partial<DeviceHistory>, status = SERVING) => standingOf(status, [aDevice(device)], WANTED)

const happened = (is: VerdictKind, digest = NEW, name = 'app.bin') => anEvent({ is, digest, name })

describe('standingOf', () => {
  it.each(['confirmed', 'told'] as const)('takes what a device %s for what it runs', source => {
    expect(standing({ running: isRunning(NEW, { source }) }).is).toBe('runs')
    expect(standing({ running: isRunning(OLD, { source }) }).is).toBe('behind')
    expect(standing({ running: isRunning(NEW, { source, name: 'other.bin' }) }).is).toBe('behind')
  })

  it('takes what is only believed for a download', () => {
    expect(standing({ running: isRunning(NEW, { source: 'believed' }) }).is).toBe('received')
  })

  it('knows a whole download by the last thing that tells of one', () => {
    expect(standing({ verdict: happened('complete') }).is).toBe('received')
    expect(standing({ verdict: happened('up-to-date') }).is).toBe('received')
    expect(standing({ verdict: anEvent({ is: 'handshake-failed' }), history: [happened('complete')] }).is).toBe(
      'received'
    )
    expect(standing({ history: [happened('rolled-back', OLD), happened('complete')] }).is).toBe('behind')
    expect(standing({ history: [happened('running', OLD), happened('complete')] }).is).toBe('behind')
    expect(standing({ history: [happened('complete', OLD), happened('complete')] }).is).toBe('behind')
    expect(standing({ history: [happened('complete', OLD, 'other.bin'), happened('complete')] }).is).toBe('received')
    expect(standing({ verdict: happened('cut') }).is).toBe('behind')
  })

  it('waits for a device that has not come, and for a build where there is none', () => {
    expect(standingOf(SERVING, [], WANTED)).toMatchObject({ is: 'unseen', release: { digest: NEW } })
    expect(standingOf(aStatus(null), [], WANTED).is).toBe('unserved')
    expect(standing({ running: isRunning(NEW) }, aStatus(null)).is).toBe('unserved')
    expect(standing({}, aStatus(null, { names: [] })).is).toBe('unserved')
  })

  it('waits for the release that the device is pinned to, as long as that is kept', () => {
    const pin = { device: WANTED.device, name: 'app.bin', digest: OLD, at: new Date(NOON).toISOString() }
    const pinned = aStatus(releaseFacts(NEW), { pins: [{ ...pin, release: releaseFacts(OLD) }] })
    expect(standing({ running: isRunning(OLD) }, pinned).is).toBe('runs')
    expect(standing({ running: isRunning(NEW) }, pinned).is).toBe('behind')
    expect(standingOf(pinned, [], WANTED)).toMatchObject({ is: 'unseen', release: { digest: OLD } })
    const gone = aStatus(releaseFacts(NEW), { pins: [{ ...pin, release: null }] })
    expect(standing({ running: isRunning(NEW) }, gone).is).toBe('runs')
    const other = aStatus(releaseFacts(NEW), { pins: [{ ...pin, name: 'other.bin', release: releaseFacts(OLD) }] })
    expect(standing({ running: isRunning(NEW) }, other).is).toBe('runs')
  })

  it('goes by the pin of what the server knows a device by, not by a MAC that the device does not send', () => {
    const pin = { device: MAC, name: 'app.bin', digest: OLD, release: releaseFacts(OLD), at: '' }
    const pinned = aStatus(releaseFacts(NEW), { pins: [pin] })
    expect(standing({ mac: MAC, running: isRunning(NEW) }, pinned).is).toBe('runs')
    const byMac = { id: MAC, identity: 'mac', mac: MAC, running: isRunning(NEW) } as const
    expect(standing(byMac, pinned).is).toBe('behind')
  })

  it.each([
    ['24-6F-28-AA-BB-CC', { id: MAC }],
    ['246f.28aa.bbcc', { mac: MAC }],
    ['::ffff:192.168.1.50', { address: '192.168.1.50' }],
    ['kitchen', { label: 'kitchen' }]
  ])('finds a device by %s', (device, fields) => {
    const found = aDevice({ id: 'x', address: '10.0.0.1', running: isRunning(NEW), ...fields })
    expect(standingOf(SERVING, [aDevice({ id: 'y', address: '10.0.0.2' }), found], { ...WANTED, device }).is).toBe(
      'runs'
    )
  })

  it('takes the one that was seen last where several have had an address', () => {
    const before = aDevice({ running: isRunning(NEW) })
    const now = aDevice({ id: MAC, mac: MAC })
    expect(standingOf(SERVING, [now, before], WANTED)).toMatchObject({ is: 'behind', device: { id: MAC } })
    expect(standingOf(SERVING, [before, now], WANTED)).toMatchObject({ is: 'runs', device: { id: '192.168.1.50' } })
  })
})
