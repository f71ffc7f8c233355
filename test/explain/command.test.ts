import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { openAskedDaemon } from '../support/asked-daemon.js'
import { temporaryFolder } from '../support/daemon.js'
import { type } from '../support/desk.js'
import { SERIAL_LOGS } from './serial-logs.js'

async function folderWith(log: string): Promise<string> {
  const cwd = await temporaryFolder()
  await writeFile(path.join(cwd, 'device.log'), log)
  return cwd
}

describe('otad explain', () => {
  it('reads a file, says what, why and what to do, and ends with 0 for a failure too', async () => {
    const cwd = await folderWith(SERIAL_LOGS.cutBySServer)
    const { code, stdout, stderr } = await type(['explain', 'device.log', '--home', cwd], { cwd })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^device\.log {3}11 lines, ESP-IDF/)
    expect(stdout).toContain('FAILED at the check of the image: the file was cut')
    for (const part of ['  why   ', '  do    ', '  not   ', '     9  E (8610) esp_image', '[image-cut]'])
      expect(stdout).toContain(part)
    expect(stdout.match(/no otad is running/g)).toHaveLength(1)
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(110)
  })

  it('reads standard input as -, and without an argument what is piped in', async () => {
    const cwd = await temporaryFolder()
    const stdin = Buffer.from(SERIAL_LOGS.healthy['ESP-IDF 5 with rollback'])
    for (const args of [['explain', '-'], ['explain']])
      expect((await type([...args, '--home', cwd], { cwd, stdin })).stdout).toContain(
        'SUCCEEDED: the update from version 1.0.0 to 1.1.0 succeeded'
      )
  })

  it('prints one object as JSON', async () => {
    const cwd = await folderWith(SERIAL_LOGS.smartThingsElsewhere)
    const { stdout } = await type(['explain', 'device.log', '--json', '--home', cwd], { cwd })
    expect(JSON.parse(stdout)).toMatchObject({
      log: 'device.log',
      outcome: 'failed',
      step: 'reach',
      code: 'no-answer',
      noticed: { address: '192.168.1.50', client: 'smartthings' },
      otad: null
    })
  })

  it('says what a running otad saw, and that the URL leads to another machine', async () => {
    const { home } = await openAskedDaemon()
    const stdin = Buffer.from(`${SERIAL_LOGS.smartThingsElsewhere}GET https://192.168.1.3:4443/signed_ota_demo.bin\n`)
    const { stdout } = await type(['explain', '-', '--home', home], { stdin })
    expect(stdout).toContain('otad saw no connection from 192.168.1.50 at all')
    expect(stdout).toContain('leads to 192.168.1.3:4443, and otad is at https://192.168.1.8:8070')
  })

  it('lets nothing of a log drive the terminal', async () => {
    const cwd = await folderWith(
      "E (1) esp-tls: couldn't get hostname for :\u001b]0;evil\u0007\u001b[2J\u202eevil: getaddrinfo() returns 202\n"
    )
    const { stdout } = await type(['explain', 'device.log', '--home', cwd], { cwd })
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  })

  it('asks for a log where nothing is piped in', async () => {
    const { code, stderr } = await type(['explain'], { isPiped: false })
    expect(code).toBe(2)
    expect(stderr).toContain('idf.py monitor | otad explain')
  })

  it('ends with 1 and a hint for a log that is not there, or a folder', async () => {
    const cwd = await temporaryFolder()
    await mkdir(path.join(cwd, 'logs'))
    for (const [log, words] of [
      ['nowhere.log', 'nowhere.log is not there'],
      ['logs', 'logs is a folder']
    ] as const) {
      const { code, stdout, stderr } = await type(['explain', log], { cwd })
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toContain(words)
    }
  })
})
