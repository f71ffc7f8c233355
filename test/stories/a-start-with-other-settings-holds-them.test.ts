import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { exchange, openConnection } from '../../src/probe/raw-http.js'
import type { RunningDaemon } from '../support/daemon.js'
import { startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'

const IMAGE = anImage({ length: 300 * 1024, seed: 1 })

/** Bugs that a reader of the code found before a user did; each was seen on the wire first. */
async function ask({ port, ca }: RunningDaemon, name: string, host = 'otad', method: 'GET' | 'HEAD' = 'GET') {
  const connection = await openConnection({ host: '127.0.0.1', port, ca })
  const answer = await exchange(connection, `${method} /${name} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, { method })
  await connection.close()
  return answer
}

async function folderWith(name: string): Promise<string> {
  const folder = await temporaryFolder()
  await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
  await writeFile(path.join(folder, name), IMAGE)
  return folder
}

describe('a start with other settings', () => {
  it('serves nothing that they refuse, though the last run did', async () => {
    const folder = await folderWith('app.bin')
    const home = await temporaryFolder()
    const first = await startDaemon({ folders: [folder], home })
    expect((await ask(first, 'app.bin')).status).toBe(200)
    expect(await first.stop()).toBe(0)
    const second = await startDaemon({ folders: [folder], home, args: ['--chip', 'esp32c3'] })
    await second.event('candidate.rejected')
    const answer = await ask(second, 'app.bin')
    expect(answer.status).toBe(404)
    expect(answer.body.toString()).toContain('the project is for ESP32-C3')
  })

  it('withdraws names that no folder leads to any more', async () => {
    const folder = await folderWith('app.bin')
    const home = await temporaryFolder()
    expect(await (await startDaemon({ folders: [folder], home })).stop()).toBe(0)
    const second = await startDaemon({ folders: [`left=${folder}`, `right=${await folderWith('app.bin')}`], home })
    expect((await ask(second, 'left/app.bin')).status).toBe(200)
    expect((await ask(second, 'app.bin')).status).toBe(404)
  })

  it('finds the releases of a folder again that was not watched in between', async () => {
    const [a, b, home] = [await folderWith('app.bin'), await folderWith('other.bin'), await temporaryFolder()]
    for (const folders of [[a], [b]]) expect(await (await startDaemon({ folders, home })).stop()).toBe(0)
    const third = await startDaemon({ folders: [a], home })
    expect((await ask(third, 'app.bin')).status).toBe(200)
    expect(third.log.filter(({ event }) => event === 'artifact.damaged')).toEqual([])
  })
})

describe('an address', () => {
  it('may lie in a folder that is called artifacts', async () => {
    const daemon = await startDaemon({ folders: [await folderWith('artifacts/app.bin')] })
    expect((await ask(daemon, 'artifacts/app.bin')).body.equals(IMAGE)).toBe(true)
    expect((await ask(daemon, 'artifacts/app.bin.json')).status).toBe(200)
  })

  it.each(["a$'", 'a$&', 'a$1'])('in a manifest has the host %s as it was asked for', async host => {
    const daemon = await startDaemon({ folders: [await folderWith('app.bin')] })
    const { releases } = JSON.parse((await ask(daemon, 'manifest.json', host)).body.toString())
    expect(releases[0].current.url).toBe(`https://${host}/app.bin`)
  })
})

describe('a download that was cut', () => {
  it('is told as cut, by about as much as the device had taken', async () => {
    const folder = await temporaryFolder()
    const large = anImage({ length: 14 * 1024 * 1024, seed: 2 })
    await writeFile(path.join(folder, 'large.bin'), large)
    const daemon = await startDaemon({ folders: [folder] })
    for (const range of ['', 'Range: bytes=0-\r\n']) {
      const connection = await openConnection({ host: '127.0.0.1', port: daemon.port, ca: daemon.ca })
      const request = `GET /large.bin HTTP/1.1\r\nHost: otad\r\nUser-Agent: ${range.length}\r\n${range}\r\n`
      await exchange(connection, request, { method: 'GET', stopAfter: 100_000 })
      await connection.close()
    }
    const whole = await daemon.event('download.aborted')
    expect(whole.sent).toBeLessThan(large.length - 1024 * 1024)
    expect(await daemon.stop()).toBe(0)
    expect(daemon.log.filter(({ event }) => event === 'download.complete')).toEqual([])
    expect(daemon.log.filter(({ event }) => event === 'download.aborted')).toHaveLength(2)
  })
})
