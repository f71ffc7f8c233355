import { describe, expect, it } from 'vitest'
import { isPartitionTableAt, readPartitionTable, smallestOtaSlot } from '../../src/image/partition-table.js'
import { aPartitionTable, TWO_OTA_PARTITIONS, truncatedTo, withByteFlipped } from '../support/image-builder.js'

describe('readPartitionTable', () => {
  it('reads every partition with its place and length', () => {
    const { entries, md5, valid } = readPartitionTable(aPartitionTable())
    expect(entries).toEqual(TWO_OTA_PARTITIONS.map(partition => ({ flags: 0, ...partition })))
    expect([md5, valid]).toEqual([true, true])
  })

  it('does not believe a table whose MD5 does not match', () => {
    const { md5, valid } = readPartitionTable(withByteFlipped(aPartitionTable(), 8))
    expect([md5, valid]).toEqual([false, false])
  })

  it('believes a table without MD5 that ends in erased flash', () => {
    const { md5, valid } = readPartitionTable(aPartitionTable({ md5: false }))
    expect([md5, valid]).toEqual([null, true])
  })

  it('does not believe a table that does not say where it ends', () => {
    const { entries, valid } = readPartitionTable(truncatedTo(aPartitionTable({ md5: false }), 6 * 32))
    expect(entries).toHaveLength(6)
    expect(valid).toBe(false)
  })

  it('reads nothing out of other bytes, however few', () => {
    for (let length = 0; length < 40; length++) {
      expect(readPartitionTable(Buffer.alloc(length, 0xff))).toEqual({ entries: [], md5: null, valid: false })
    }
  })

  it('reads no further than a table can be long', () => {
    const entries = Array.from({ length: 96 }, () => TWO_OTA_PARTITIONS[0] ?? expect.fail())
    const full = Buffer.concat([aPartitionTable({ entries, md5: false }), aPartitionTable()])
    expect(readPartitionTable(full).entries).toHaveLength(96)
  })
})

describe('smallestOtaSlot', () => {
  const slot = (subtype: number, size: number) => ({ label: '', type: 0, subtype, offset: 0x10000, size, flags: 0 })

  it('is the shortest slot that an update may come to lie in', () => {
    expect(smallestOtaSlot([slot(0x10, 0x180000), slot(0x11, 0x170000)])).toBe(0x170000)
  })

  it('leaves out factory, test and data partitions', () => {
    const data = { ...slot(0x10, 0x1000), type: 1 }
    expect(smallestOtaSlot([slot(0, 0x1000), slot(0x20, 0x1000), data, slot(0x1f, 0x20000)])).toBe(0x20000)
  })

  it('is not there in a table without OTA slots', () => {
    expect(smallestOtaSlot([slot(0, 0x100000)])).toBeUndefined()
  })
})

describe('isPartitionTableAt', () => {
  it('wants a first entry that a partition tool could have written', () => {
    const table = aPartitionTable()
    expect(isPartitionTableAt(table, 0)).toBe(true)
    expect(isPartitionTableAt(table, 16)).toBe(false)
    expect(isPartitionTableAt(withByteFlipped(table, 4, 1), 0)).toBe(false)
    expect(isPartitionTableAt(table, table.length - 8)).toBe(false)
  })
})
