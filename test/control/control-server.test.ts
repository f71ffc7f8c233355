import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { askDaemon } from '../../src/control/control-client.js'
import { LONGEST_REQUEST, PROTOCOL_VERSION, writeRequest } from '../../src/control/protocol.js'
import { socketOf } from '../../src/releases/state-socket.js'
import { type AskedDaemon, openAskedDaemon } from '../support/asked-daemon.js'

async function connectTo({ stateFolder }: AskedDaemon): Promise<Socket> {
  const connection = connect({ path: socketOf(stateFolder), allowHalfOpen: true })
  onTestFinished(() => void connection.destroy())
  await once(connection, 'connect')
  return connection
}

/** What comes back for these bytes until the other end closes. */
async function answerTo(daemon: AskedDaemon, said: string | Buffer): Promise<Record<string, never>> {
  const connection = await connectTo(daemon)
  // A request that is too long is answered before all of it is taken.
  connection.on('error', () => {})
  connection.end(said)
  return JSON.parse(await text(connection))
}

const soon = (): number => Date.now() + 10_000
const status = (): string => writeRequest({ command: 'status' }, soon())

/** The daemon does what it did before. */
async function expectUnharmed(daemon: AskedDaemon): Promise<void> {
  expect((await askDaemon(daemon.stateFolder, { command: 'status' })).version).toBe('9.8.7')
  expect(daemon.bugs).toEqual([])
}

describe('the control server', () => {
  it('answers one request a connection, with one line, and hangs up', async () => {
    const daemon = await openAskedDaemon()
    expect(await answerTo(daemon, status())).toMatchObject({ version: PROTOCOL_VERSION, ok: { version: '9.8.7' } })
    const twice = await connectTo(daemon)
    twice.end(status() + status())
    expect((await text(twice)).match(/\n/g)).toHaveLength(1)
  })

  it('takes a request in pieces of any size', async () => {
    const daemon = await openAskedDaemon()
    const connection = await connectTo(daemon)
    connection.setNoDelay(true)
    for (const letter of status()) await new Promise(written => connection.write(letter, written))
    expect(JSON.parse(await text(connection))).toHaveProperty('ok')
  })

  it.each([
    ['garbage', '\u0000\u0001\u0002\n'],
    ['an HTTP request', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['a TLS hello', Buffer.from('16030100200a0a0a', 'hex')],
    ['an array', '[]\n'],
    ['null', 'null\n'],
    ['JSON that is nested deeper than a stack', `${'['.repeat(60_000)}\n`],
    ['half a line', status().slice(0, -10)],
    ['a whole request without its line end', status().trimEnd()],
    ['an empty line', '\n'],
    ['nothing', ''],
    ['a command that there is not', `${JSON.stringify({ version: 1, until: 9e15, command: 'format' })}\n`],
    ['a command of the wrong fields', `${JSON.stringify({ version: 1, until: 9e15, command: 'pin', device: 1 })}\n`],
    [
      'devices by a number',
      `${JSON.stringify({ version: 1, until: 9e15, command: 'devices', history: true, device: 1 })}\n`
    ],
    ['a command without an end of waiting', `${JSON.stringify({ version: 1, command: 'status' })}\n`],
    ['a line that is too long', `${' '.repeat(LONGEST_REQUEST)}\n`],
    ['a line that never ends', Buffer.alloc(4 * 1024 * 1024, ' ')]
  ])('answers %s with an error, and is unharmed', async (_what, said) => {
    const daemon = await openAskedDaemon()
    const { error } = await answerTo(daemon, said)
    expect(error).toMatchObject({ code: 'OTAD_ERR_USAGE', message: expect.stringContaining('does not understand') })
    await expectUnharmed(daemon)
  })

  it('takes a request of exactly the longest length', async () => {
    const daemon = await openAskedDaemon()
    const request = (name: string): string => writeRequest({ command: 'releases', name }, soon())
    const name = 'n'.repeat(LONGEST_REQUEST - request('').length)
    expect((await answerTo(daemon, request(name))).error).toMatchObject({ code: 'OTAD_ERR_NO_SUCH_RELEASE' })
    expect((await answerTo(daemon, request(`${name}n`))).error).toMatchObject({ code: 'OTAD_ERR_USAGE' })
  })

  it.each([undefined, 'kitchen'])('asks for every device, or for one: %s', async device => {
    const asked: unknown[] = []
    const daemon = await openAskedDaemon({
      devices: (...what) => {
        asked.push(what)
        return []
      }
    })
    expect(await askDaemon(daemon.stateFolder, { command: 'devices', history: true, device })).toEqual([])
    expect(asked).toEqual([[true, device]])
  })

  it('tells a command of another version so', async () => {
    const daemon = await openAskedDaemon()
    const { error } = await answerTo(daemon, status().replace('"version":1', '"version":2'))
    expect(error).toMatchObject({
      code: 'OTAD_ERR_NOT_RUNNING',
      message: 'the running otad is of another version than this command: it speaks 1, not 2'
    })
  })

  // The command says that the daemon does not answer; it must not be done minutes later, when the process goes on that was stopped.
  it('does nothing for one who has stopped waiting', async () => {
    const daemon = await openAskedDaemon()
    for (const build of ['1.0', '1.1']) await daemon.publish('app.bin', build)
    const late = writeRequest({ command: 'rollback', name: 'app.bin', hold: false }, Date.now() - 1)
    expect((await answerTo(daemon, late)).error).toMatchObject({ message: expect.stringContaining('nothing was done') })
    expect(daemon.catalog().entry('app.bin')?.current?.version).toBe('1.1')
  })

  it('hangs up on one who says nothing, and on one who does not take the answer', async () => {
    const daemon = await openAskedDaemon({ keepReleases: 400, control: { patienceMs: 100 } })
    for (let build = 0; build < 300; build++)
      await daemon.publish('app.bin', `${build}`, { version: 'v'.repeat(2000), number: build + 1 })
    const silent = await connectTo(daemon)
    silent.resume()
    await once(silent, 'end')
    const deaf = await connectTo(daemon)
    deaf.write(writeRequest({ command: 'releases' }, soon()))
    // The last byte was not sent: it hung up in the middle.
    await once(deaf, 'readable')
    await expect.poll(() => daemon.connections()).toBe(0)
    expect((await text(deaf)).endsWith('\n')).toBe(false)
    await expectUnharmed(daemon)
  })

  it('is unharmed by one who hangs up at any moment', async () => {
    const daemon = await openAskedDaemon()
    for (const build of ['1.0', '1.1']) await daemon.publish('app.bin', build)
    for (const said of [
      '',
      '{"version"',
      status(),
      writeRequest({ command: 'rollback', name: 'app.bin', hold: false }, soon())
    ]) {
      const connection = await connectTo(daemon)
      if (said !== '') await new Promise(written => connection.write(said, written))
      connection.destroy()
    }
    await expect.poll(() => daemon.connections()).toBe(0)
    await expectUnharmed(daemon)
  })

  it('answers beside 200 connections that say nothing', async () => {
    const daemon = await openAskedDaemon()
    const idle = await Promise.all(Array.from({ length: 200 }, () => connectTo(daemon)))
    await expectUnharmed(daemon)
    for (const connection of idle) connection.destroy()
    await expect.poll(() => daemon.connections()).toBe(0)
  })

  it('answers 200 who ask at the same time', async () => {
    const daemon = await openAskedDaemon()
    await Promise.all(Array.from({ length: 200 }, () => expectUnharmed(daemon)))
  })

  it('tells a bug to the log and not to the one who asks', async () => {
    const daemon = await openAskedDaemon()
    const bug = new Error('a secret of the house')
    daemon.operations.status = () => Promise.reject(bug)
    const { error } = await answerTo(daemon, status())
    expect(error).toEqual({
      message: 'the running otad has met a bug of its own',
      hint: 'its log has the lines to report'
    })
    expect(daemon.bugs).toEqual([bug])
  })
})
