import { describe, expect, it, onTestFinished } from 'vitest'
import type { Release } from '../../src/releases/release.js'
import { type Answered, type Download, Downloads, type Recipient } from '../../src/server/downloads.js'

const SIZE = 1000
const release = { name: 'a.bin', digest: 'd'.repeat(64), size: SIZE } as Release

const recipientAt = (address: string): Recipient => {
  const userAgent = 'ESP32 HTTP Client/1.0'
  return {
    client: `${address} ${userAgent}`,
    isSure: false,
    label: address,
    userAgent,
    address,
    certificate: undefined,
    mac: undefined
  }
}

function createDownloads(): { downloads: Downloads; told: Download[] } {
  const told: Download[] = []
  const downloads = new Downloads(download => told.push(download))
  onTestFinished(() => downloads.close())
  return { downloads, told }
}

const answered = (changes: Partial<Answered>): Answered => ({
  device: '192.168.1.50',
  recipient: recipientAt('192.168.1.50'),
  client: undefined,
  release,
  isRange: true,
  start: 0,
  end: SIZE,
  wasCut: false,
  durationMs: 10,
  ...changes
})

describe('downloads', () => {
  it('tell a whole answer at once', () => {
    const { downloads, told } = createDownloads()
    downloads.note(answered({ isRange: false }))
    downloads.note(answered({ isRange: false, end: 610, wasCut: true }))
    expect(told).toMatchObject([
      { outcome: 'complete', sent: SIZE, ranges: 1 },
      { outcome: 'aborted', sent: 610, ranges: 1 }
    ])
  })

  it('tell many ranges of one device as one download', () => {
    const { downloads, told } = createDownloads()
    for (let start = 0; start < SIZE; start += 100) downloads.note(answered({ start, end: start + 100 }))
    expect(told).toMatchObject([{ outcome: 'complete', sent: SIZE, ranges: 10 }])
  })

  it('keep the ranges of two devices apart', () => {
    const { downloads, told } = createDownloads()
    downloads.note(answered({ end: 500 }))
    downloads.note(answered({ end: 500, recipient: recipientAt('192.168.1.51') }))
    downloads.note(answered({ start: 500 }))
    expect(told).toMatchObject([{ device: '192.168.1.50', outcome: 'complete' }])
  })

  it('keep the ranges of two devices behind one address apart where they tell their MAC', () => {
    const { downloads, told } = createDownloads()
    const sure = (mac: string): Recipient => ({ ...recipientAt('172.17.0.1'), client: `mac ${mac}`, isSure: true })
    downloads.note(answered({ end: 500, recipient: sure('24:6f:28:00:00:01') }))
    downloads.note(answered({ end: 300, recipient: sure('24:6f:28:00:00:02') }))
    downloads.note(answered({ start: 500, recipient: sure('24:6f:28:00:00:01') }))
    expect(told).toMatchObject([{ recipient: { client: 'mac 24:6f:28:00:00:01' }, outcome: 'complete', sent: SIZE }])
  })

  it('tell an answer without a body as what it was', () => {
    const { downloads, told } = createDownloads()
    const asked = { device: '192.168.1.50', recipient: recipientAt('192.168.1.50'), client: undefined, release }
    downloads.noteNone(asked, 'unchanged')
    downloads.noteNone(asked, 'no-room')
    expect(told).toMatchObject([
      { outcome: 'unchanged', sent: 0 },
      { outcome: 'no-room', sent: 0 }
    ])
  })

  it('tell a download that stopped half way when they close', () => {
    const { downloads, told } = createDownloads()
    downloads.note(answered({ end: 300 }))
    downloads.close()
    expect(told).toMatchObject([{ outcome: 'aborted', sent: 300 }])
  })

  it('count a resumed download as complete when its last byte is through', () => {
    const { downloads, told } = createDownloads()
    downloads.note(answered({ start: 400 }))
    expect(told).toMatchObject([{ outcome: 'complete', sent: 600 }])
  })

  it('follow no more devices than there is room for', () => {
    const { downloads, told } = createDownloads()
    for (let device = 0; device < 10_050; device++)
      downloads.note(answered({ recipient: recipientAt(`d${device}`), end: 10 }))
    expect(told).toHaveLength(50)
  })
})
