/** A socket that listens, as the kernel lists it. */
export interface KernelSocket {
  readonly address: string
  readonly port: number
  readonly inode: string
}

/** st of a socket that listens: TCP_LISTEN of include/net/tcp_states.h. */
const LISTENING = '0A'

/** Reads /proc/net/tcp or /proc/net/tcp6 (Linux: Documentation/networking/proc_net_tcp.rst): the sockets that listen. */
export function readKernelSockets(text: string): readonly KernelSocket[] {
  return text.split('\n').flatMap(line => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
    const [, hex = '', port = ''] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/i.exec(local) ?? []
    if (state !== LISTENING || hex === '') return []
    const bytes = inNetworkOrder(Buffer.from(hex, 'hex'))
    return [{ address: bytes.length === 4 ? bytes.join('.') : spelled(bytes), port: Number.parseInt(port, 16), inode }]
  })
}

/** The kernel prints each 32-bit word as the machine has it; every machine that Node runs on here is little-endian but for a few. */
function inNetworkOrder(bytes: Buffer): Buffer {
  return Buffer.from(bytes).swap32()
}

/** IPv6 as short as it can be; an IPv4 address in it as IPv4. */
function spelled(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16))
  const address = new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
  return address.startsWith('::ffff:') ? bytes.subarray(12).join('.') : address
}
