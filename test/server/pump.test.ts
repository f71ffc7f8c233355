import { randomBytes } from 'node:crypto'
import { createServer, get, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type PieceSource, Pump } from '../../src/server/pump.js'

const BYTES = randomBytes(3 * 1024 * 1024 + 17)
const inMemory: PieceSource = { memory: BYTES, read: async () => expect.fail('memory is not read') }
const onDisk: PieceSource = {
  memory: undefined,
  read: async (offset, length) => BYTES.subarray(offset, offset + length)
}

async function serve(act: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((_request, response) => act(response)).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

const fetchBody = (url: string): Promise<Buffer> =>
  new Promise((resolve, reject) => get(url, answer => buffer(answer).then(resolve, reject)).on('error', reject))

describe.each([
  ['memory', inMemory],
  ['disk', onDisk]
])('the pump, from %s', (_where, source) => {
  it.each([
    [0, BYTES.length],
    [5, 6],
    [100, 100 + 16 * 1024],
    [1, BYTES.length - 1]
  ])('sends exactly the bytes from %i to %i', async (start, end) => {
    const pump = new Pump()
    const url = await serve(response => {
      response.writeHead(200, ['Content-Length', String(end - start)])
      pump.send({ response, source, start, end })
    })
    expect((await fetchBody(url)).equals(BYTES.subarray(start, end))).toBe(true)
    await expect.poll(() => pump.active).toBe(0)
  })

  it('writes no piece above 128 KiB, and the next one only when the last was taken', async () => {
    const pump = new Pump()
    const pieces: number[] = []
    let mostWaiting = 0
    const url = await serve(response => {
      response.writeHead(200, ['Content-Length', String(BYTES.length)])
      const write = response.write.bind(response)
      response.write = ((piece: Buffer) => {
        pieces.push(piece.length)
        mostWaiting = Math.max(mostWaiting, response.writableLength)
        return write(piece)
      }) as typeof response.write
      pump.send({ response, source, start: 0, end: BYTES.length })
    })
    await fetchBody(url)
    expect(Math.max(...pieces)).toBe(128 * 1024)
    expect(mostWaiting).toBeLessThanOrEqual(128 * 1024)
  })
})

describe('the pump', () => {
  it('ends the connection when the disk fails, instead of leaving a device to wait', async () => {
    const pump = new Pump()
    const failing: PieceSource = {
      memory: undefined,
      read: async offset => (offset === 0 ? BYTES.subarray(0, 4096) : Promise.reject(new Error('EIO')))
    }
    const url = await serve(response => {
      response.writeHead(200, ['Content-Length', String(BYTES.length)])
      pump.send({ response, source: failing, start: 0, end: BYTES.length })
    })
    await expect(fetchBody(url)).rejects.toThrow()
    await expect.poll(() => pump.active).toBe(0)
  })
})
