import { readFile } from 'node:fs/promises'

/** Where Linux keeps it; other systems tell it to programs of their own only, and devices there are known by what they say. */
const TABLE = '/proc/net/arp'
/** It is read this often while somebody asks. */
const FRESH_MS = 5_000

/**
 * The MACs of the machines beside this one, as the kernel's table of neighbours has them. A device that does not send its own is told by it from
 * a router or a computer. IPv4 only; what is behind a router has the router's.
 */
export class Neighbours {
  readonly #file: string
  #macs: ReadonlyMap<string, string> = new Map()
  #readAt = Number.NEGATIVE_INFINITY
  #isClosed = false

  constructor(file = TABLE) {
    this.#file = file
  }

  /** What is known of an address by now. What is old is looked up for the next time. */
  macOf(address: string): string | undefined {
    if (!this.#isClosed && performance.now() - this.#readAt > FRESH_MS) void this.#read()
    return this.#macs.get(address)
  }

  close(): void {
    this.#isClosed = true
  }

  async #read(): Promise<void> {
    this.#readAt = performance.now()
    // Without such a table nobody knows.
    const text = await readFile(this.#file, 'latin1').catch(() => '')
    this.#macs = readNeighbourTable(text)
  }
}

/** Addresses and MACs of a table as `/proc/net/arp` has it (net/ipv4/arp.c, arp_format_neigh_entry); entries without an answer are left out. */
export function readNeighbourTable(text: string): ReadonlyMap<string, string> {
  const rows = text.split('\n').slice(1)
  const macs = new Map<string, string>()
  for (const row of rows) {
    const [address = '', , flags = '', mac = ''] = row.trim().split(/\s+/)
    const isComplete = (Number(flags) & COMPLETE) !== 0
    if (isComplete && MAC.test(mac) && mac !== '00:00:00:00:00:00') macs.set(address, mac.toLowerCase())
  }
  return macs
}

/** ATF_COM of linux/if_arp.h. */
const COMPLETE = 0x02
const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i
