import { chmod, mkdir } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { askDaemon } from '../../src/control/control-client.js'
import { lockState } from '../../src/releases/state-lock.js'
import { socketOf } from '../../src/releases/state-socket.js'
import { openAskedDaemon } from '../support/asked-daemon.js'
import { temporaryFolder } from '../support/daemon.js'

/** A state folder in which something else listens. */
async function whereAnswers(answer: (connection: Socket) => void): Promise<string> {
  const folder = path.join(await temporaryFolder(), 'state')
  await mkdir(folder)
  const server: Server = createServer(connection => {
    connection.on('error', () => {})
    answer(connection)
  })
  await new Promise<void>(listening => server.listen(socketOf(folder), listening))
  onTestFinished(() => void server.close())
  return folder
}

const notRunning = (message: string) =>
  expect.objectContaining({ code: 'OTAD_ERR_NOT_RUNNING', exitCode: 1, message: expect.stringContaining(message) })

describe('askDaemon', () => {
  it('gives what the daemon answers', async () => {
    const daemon = await openAskedDaemon()
    await daemon.publish('app.bin', '1.0')
    const status = await askDaemon(daemon.stateFolder, { command: 'status' })
    expect(status).toEqual(await daemon.operations.status())
    expect(await askDaemon(daemon.stateFolder, { command: 'releases', name: 'app.bin' })).toEqual(
      await daemon.operations.releases('app.bin')
    )
  })

  it('throws what the daemon throws: code, sentence and hint, with nothing in it that drives a terminal', async () => {
    const daemon = await openAskedDaemon()
    await daemon.publish('app.bin', 'evil', { version: '\u001b[2J1.0' })
    const asked = askDaemon(daemon.stateFolder, { command: 'rollback', name: 'app.bin', release: '1', hold: false })
    await expect(asked).rejects.toMatchObject({
      code: 'OTAD_ERR_NO_SUCH_RELEASE',
      exitCode: 2,
      message: expect.stringContaining('there are \\u001b[2J1.0')
    })
  })

  it('says that no otad runs where there is no folder, no socket, or a dead one', async () => {
    const home = await temporaryFolder()
    const sentence = notRunning(`no otad is running with the home ${home}`)
    const state = path.join(home, 'state')
    await expect(askDaemon(state, { command: 'status' })).rejects.toEqual(sentence)
    await mkdir(state)
    await expect(askDaemon(state, { command: 'status' })).rejects.toEqual(sentence)
    const daemon = await openAskedDaemon()
    await daemon.close()
    await expect(askDaemon(daemon.stateFolder, { command: 'status' })).rejects.toEqual(notRunning('no otad is running'))
  })

  it.skipIf(process.platform === 'win32')('says that only the user who started it can ask', async () => {
    const daemon = await openAskedDaemon()
    await chmod(daemon.stateFolder, 0o755)
    await chmod(daemon.home, 0o755)
    if (process.getuid?.() === 0) process.seteuid?.(65534)
    else await chmod(socketOf(daemon.stateFolder), 0)
    try {
      await expect(askDaemon(daemon.stateFolder, { command: 'status' })).rejects.toEqual(
        notRunning('only the user who started it can ask it')
      )
    } finally {
      if (process.getuid?.() === 0) process.seteuid?.(0)
    }
  })

  it('waits for a daemon that is just starting', async () => {
    const folder = await temporaryFolder()
    const lock = await lockState(folder)
    onTestFinished(() => lock.release())
    const asked = askDaemon(folder, { command: 'releases' })
    const arrived = new Promise<Socket>(resolve => lock.serve(resolve))
    const connection = await arrived
    connection.end('{"version":1,"ok":[]}\n')
    expect(await asked).toEqual([])
  })

  it('says that it may be starting when it does not answer in time', async () => {
    const folder = await temporaryFolder()
    const lock = await lockState(folder)
    onTestFinished(() => lock.release())
    await expect(askDaemon(folder, { command: 'status' }, 100)).rejects.toMatchObject({
      code: 'OTAD_ERR_NOT_RUNNING',
      message: expect.stringContaining('does not answer'),
      hint: expect.stringContaining('just starting')
    })
  })

  it.each([
    ['hangs up', (connection: Socket) => void connection.destroy(), 'hung up before it answered'],
    ['ends without a line', (connection: Socket) => void connection.end('{"version":1'), 'hung up before it answered'],
    [
      'answers something else',
      (connection: Socket) => void connection.end('HTTP/1.1 400\n'),
      'no otad of this version'
    ],
    [
      'is of a later version',
      (connection: Socket) => void connection.end('{"version":2,"ok":{}}\n'),
      'no otad of this version'
    ],
    [
      'knows errors that this one does not',
      (connection: Socket) =>
        void connection.end('{"version":2,"error":{"code":"OTAD_ERR_NEW","message":"","hint":""}}\n'),
      'no otad of this version'
    ]
  ])('says so when the other end %s', async (_what, answer, message) => {
    await expect(askDaemon(await whereAnswers(answer), { command: 'status' })).rejects.toEqual(notRunning(message))
  })

  it('fails as a bug does when the daemon has met one', async () => {
    const daemon = await openAskedDaemon()
    daemon.operations.status = () => Promise.reject(new Error('of the house'))
    await expect(askDaemon(daemon.stateFolder, { command: 'status' })).rejects.toThrow(
      'the running otad has met a bug of its own: its log has the lines to report'
    )
  })
})
