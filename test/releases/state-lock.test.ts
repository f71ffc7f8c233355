import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openState } from '../../src/releases/state.js'
import { lockState, type StateLock } from '../../src/releases/state-lock.js'
import { socketOf } from '../../src/releases/state-socket.js'
import { temporaryFolder } from '../support/daemon.js'

const RACER = fileURLToPath(new URL('../support/lock-racer.ts', import.meta.url))

async function lock(folder: string): Promise<StateLock> {
  const held = await lockState(folder)
  onTestFinished(() => held.release())
  return held
}

async function connectTo(folder: string): Promise<Socket> {
  const connection = connect(socketOf(folder))
  onTestFinished(() => void connection.destroy())
  await once(connection, 'connect')
  return connection
}

/** Another process that tries to take folders; it ends with the test. */
async function aRacer() {
  const child = spawn(process.execPath, ['--import', 'tsx', RACER], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => kill(child))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const say = async (): Promise<string> => (await lines.next()).value
  expect(await say()).toBe('ready')
  return {
    child,
    take: (folder: string): Promise<string> => {
      child.stdin.write(`${folder}\n`)
      return say()
    }
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

describe('the lock of a state folder', () => {
  it('is held by one process at a time, and can be had when that lets go', async () => {
    const folder = await temporaryFolder()
    const first = await lockState(folder)
    await expect(lockState(folder)).rejects.toMatchObject({ code: 'OTAD_ERR_STATE_IN_USE' })
    await first.release()
    await lock(folder)
  })

  // It was told as a folder that cannot be written, with the advice to make room.
  it('says whose a folder is that another otad has', async () => {
    const folder = await temporaryFolder()
    await lock(folder)
    const opening = openState({ folder, keepReleases: 1, cacheBytes: 0, openHolds: async () => () => false })
    await expect(opening).rejects.toMatchObject({
      code: 'OTAD_ERR_STATE_IN_USE',
      message: `another otad is using ${folder}`
    })
  })

  it('leaves nothing in the folder when it is let go', async () => {
    const folder = await temporaryFolder()
    await (await lockState(folder)).release()
    expect(await readdir(folder)).toEqual([])
  })

  it('goes with a process that is killed', async () => {
    const folder = await temporaryFolder()
    const racer = await aRacer()
    expect(await racer.take(folder)).toBe('won')
    await expect(lockState(folder)).rejects.toMatchObject({ code: 'OTAD_ERR_STATE_IN_USE' })
    await kill(racer.child)
    await lock(folder)
  })

  // Two that start at the same moment over the socket of a killed one: one removed the socket on which the other was listening already,
  // and both wrote the same journal.
  it('goes to exactly one of twenty processes that start at once over the socket of a killed one, ten times', async () => {
    const folder = await temporaryFolder()
    const racers = await Promise.all(Array.from({ length: 20 }, aRacer))
    const first = await aRacer()
    expect(await first.take(folder)).toBe('won')
    await kill(first.child)
    for (let round = 0; round < 10; round++) {
      const outcomes = await Promise.all(racers.map(racer => racer.take(folder)))
      expect(outcomes.toSorted(), `round ${round}`).toEqual([...Array(19).fill('OTAD_ERR_STATE_IN_USE'), 'won'])
      // The winner is killed in its turn, and leaves the dead socket of the next round.
      const winner = outcomes.indexOf('won')
      await kill((racers[winner] ?? expect.fail()).child)
      racers[winner] = await aRacer()
    }
  }, 120_000)

  it('is not kept from anybody by one who was killed while taking it', async () => {
    const folder = await temporaryFolder()
    const turn = path.join(folder, 'otad.starting')
    await writeFile(turn, '')
    const longAgo = new Date(Date.now() - 60_000)
    await utimes(turn, longAgo, longAgo)
    await lock(folder)
    expect(await readdir(folder)).toEqual([path.basename(socketOf(folder))])
  })

  it('is taken beside temporary files where the path of the folder is too long for a socket', async () => {
    const folder = path.join(await temporaryFolder(), 'a'.repeat(120))
    await mkdir(folder)
    await lock(folder)
    expect(socketOf(folder)).not.toContain(folder)
    await expect(lockState(folder)).rejects.toMatchObject({ code: 'OTAD_ERR_STATE_IN_USE' })
  })
})

describe.skipIf(process.platform === 'win32')('the socket of the lock', () => {
  it('can be opened by its user alone, in a folder that is open to all', async () => {
    const folder = await temporaryFolder()
    await chmod(folder, 0o777)
    await lock(folder)
    expect((await stat(socketOf(folder))).mode & 0o777).toBe(0o600)
  })

  it.skipIf(process.getuid?.() !== 0)('turns another user away, who does not get the folder either', async () => {
    const folder = await temporaryFolder()
    await chmod(folder, 0o777)
    await lock(folder)
    const script = `require('net').connect(${JSON.stringify(socketOf(folder))})
      .on('connect', () => console.log('connected')).on('error', error => console.log(error.code))`
    const child = spawn(process.execPath, ['-e', script], {
      uid: 65534,
      gid: 65534,
      stdio: ['ignore', 'pipe', 'inherit']
    })
    expect(await text(child.stdout)).toBe('EACCES\n')
    process.seteuid?.(65534)
    try {
      await expect(lockState(folder)).rejects.toMatchObject({ code: 'OTAD_ERR_STATE_IN_USE' })
    } finally {
      process.seteuid?.(0)
    }
  })

  it('hands over those who came before anybody served, with what they have said', async () => {
    const folder = await temporaryFolder()
    const held = await lock(folder)
    const early = await connectTo(folder)
    early.end('early\n')
    // Another one that wants the folder meanwhile looks whether somebody is there, and goes.
    await expect(lockState(folder)).rejects.toMatchObject({ code: 'OTAD_ERR_STATE_IN_USE' })
    held.serve(connection => connection.on('data', said => connection.end(`you said ${said}`)))
    expect(await text(early)).toBe('you said early\n')
    const late = await connectTo(folder)
    late.end('late\n')
    expect(await text(late)).toBe('you said late\n')
  })

  it('ends all connections when the lock is let go, served or not', async () => {
    const folder = await temporaryFolder()
    const held = await lockState(folder)
    const waiting = await connectTo(folder)
    const release = held.release()
    waiting.resume()
    await once(waiting, 'close')
    await release

    const again = await lockState(folder)
    const served = new Promise<Socket>(resolve => again.serve(resolve))
    const open = await connectTo(folder)
    open.resume()
    await served
    await Promise.all([again.release(), once(open, 'close')])
    const next = createServer().listen(socketOf(folder))
    onTestFinished(() => void next.close())
    await once(next, 'listening')
  })
})
