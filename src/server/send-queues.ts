import { readFile } from 'node:fs/promises'

/** Bytes that the kernel still holds for each connection: sent and not acknowledged, or not sent yet. By remote port. */
export type SendQueues = ReadonlyMap<number, number>

/**
 * The send queues of every connection from a local port, or undefined where the kernel does not tell (Linux does, in /proc/net/tcp).
 * Between a device that takes little and one that takes nothing, only the kernel can tell: it holds hundreds of KiB for each, and asks
 * for more when a third of that has gone, which takes a device on a bad link longer than any sensible limit.
 */
export async function readSendQueues(localPort: number): Promise<SendQueues | undefined> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map(file => readFile(file, 'latin1').catch(() => ''))
  )
  return tables.every(table => table === '') ? undefined : parseSendQueues(tables.join('\n'), localPort)
}

/** `sl local_address rem_address st tx_queue:rx_queue …`, numbers in hexadecimal (Linux: Documentation/networking/proc_net_tcp.rst). */
const ROW = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]{2} ([0-9A-F]{8}):/gm

/** The queues in the text of /proc/net/tcp. Devices that share a remote port share a queue here: either one that takes something keeps both. */
export function parseSendQueues(text: string, localPort: number): SendQueues {
  const queues = new Map<number, number>()
  for (const [, local = '', remote = '', queue = ''] of text.matchAll(ROW)) {
    if (Number.parseInt(local, 16) !== localPort) continue
    const port = Number.parseInt(remote, 16)
    queues.set(port, (queues.get(port) ?? 0) + Number.parseInt(queue, 16))
  }
  return queues
}
