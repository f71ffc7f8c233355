import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parseSendQueues, readSendQueues } from '../../src/server/send-queues.js'

describe('send queues', () => {
  it('are read by remote port from the table of the kernel', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 00000000:1F86 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1',
      '   1: 0100007F:1F86 0100007F:C350 01 00012345:00000000 01:00000014 00000000     0        0 2',
      '   2: 0100007F:1F87 0100007F:C351 01 00000001:00000000 01:00000014 00000000     0        0 3'
    ].join('\n')
    expect(parseSendQueues(table, 8070)).toEqual(
      new Map([
        [0, 0],
        [50000, 0x12345]
      ])
    )
  })

  it.skipIf(process.platform !== 'linux')('tell what a device has not taken yet, and that it takes some', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const device = connect(port, '127.0.0.1')
    const [socket] = (await once(server, 'connection')) as [Socket]
    onTestFinished(() => {
      device.destroy()
      socket.destroy()
      server.close()
    })
    device.pause()
    socket.write(Buffer.alloc(8 * 1024 * 1024))
    const queue = async (): Promise<number> => (await readSendQueues(port))?.get(device.localPort ?? 0) ?? 0
    await expect.poll(queue).toBeGreaterThan(0)
    device.resume()
    await expect.poll(queue).toBe(0)
  })
})
