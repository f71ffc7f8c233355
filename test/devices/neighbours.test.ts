import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Neighbours, readNeighbourTable } from '../../src/devices/neighbours.js'
import { becomesTrue } from '../stories/line.js'
import { temporaryFolder } from '../support/daemon.js'

/** As Linux writes it (net/ipv4/arp.c). */
const HEADING = 'IP address       HW type     Flags       HW address            Mask     Device\n'
const line = (address: string, flags: string, mac: string): string =>
  `${address.padEnd(17)}0x1         ${flags}         ${mac}     *        eth0\n`
const TABLE = [
  HEADING,
  line('192.168.1.1', '0x2', 'aa:bb:cc:00:00:01'),
  line('192.168.1.50', '0x2', '24:6f:28:aa:bb:cc'),
  line('192.168.1.51', '0x0', '00:00:00:00:00:00'),
  line('192.168.1.52', '0x6', '24:6f:28:aa:bb:dd'),
  line('192.168.1.53', '0x0', '24:6f:28:aa:bb:ee'),
  line('192.168.1.54', '0xc', '00:00:00:00:00:00')
].join('')

describe('the table of neighbours', () => {
  it('tells the MACs of those that have answered', () => {
    expect(Object.fromEntries(readNeighbourTable(TABLE))).toEqual({
      '192.168.1.1': 'aa:bb:cc:00:00:01',
      '192.168.1.50': '24:6f:28:aa:bb:cc',
      '192.168.1.52': '24:6f:28:aa:bb:dd'
    })
  })

  it('tells no MAC that is none', () => {
    for (const mac of ['00:00:00:00:00:00', '*', '24:6f:28', 'zz:zz:zz:zz:zz:zz', '24:6f:28:aa:bb:cc:dd:ee'])
      expect([...readNeighbourTable(HEADING + line('192.168.1.9', '0x2', mac))]).toEqual([])
  })

  it('writes every MAC as devices send theirs', () => {
    expect(readNeighbourTable(HEADING + line('192.168.1.9', '0x2', '24:6F:28:AA:BB:CC')).get('192.168.1.9')).toBe(
      '24:6f:28:aa:bb:cc'
    )
  })

  it('tells something or nothing of every text, and never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.nat(TABLE.length).map(length => TABLE.slice(0, length))
        ),
        text => {
          for (const mac of readNeighbourTable(text).values()) expect(mac).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)
        }
      )
    )
  })

  it('is looked up behind the question, which never waits', async () => {
    const file = path.join(await temporaryFolder(), 'arp')
    await writeFile(file, TABLE)
    const neighbours = new Neighbours(file)
    onTestFinished(() => neighbours.close())
    await becomesTrue('it is known', 2000, () => neighbours.macOf('192.168.1.50') === '24:6f:28:aa:bb:cc')
    expect(neighbours.macOf('192.168.1.99')).toBeUndefined()
  })

  it('that is not there tells nothing', async () => {
    const neighbours = new Neighbours(path.join(await temporaryFolder(), 'none'))
    onTestFinished(() => neighbours.close())
    for (let time = 0; time < 10; time++) {
      expect(neighbours.macOf('192.168.1.50')).toBeUndefined()
      await new Promise(resolve => setImmediate(resolve))
    }
  })
})
