// Whoever holds a serial log full of numbers should not have to know that 0x5379 is decimal, or that errno 113 is no certificate.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { connect } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SERIAL_LOGS } from '../explain/serial-logs.js'
import { PROGRAM, plainEnvironment, startDaemon, temporaryFolder } from '../support/daemon.js'

interface Said {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the built program with this on standard input. */
async function explain(args: readonly string[], input: string | Buffer = ''): Promise<Said> {
  const child = spawn(process.execPath, [PROGRAM, 'explain', ...args], { env: plainEnvironment(), stdio: 'pipe' })
  onTestFinished(() => void child.kill('SIGKILL'))
  // It may have answered before it has read everything.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: code as number | null, stdout, stderr }
}

/** A device that trusts another CA, as far as the server can see: it refuses our certificate. */
async function refuseCertificate(port: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: [] })
  await once(socket, 'error')
}

describe('otad explain', () => {
  it('reads a log out of a file, without a daemon', async () => {
    const home = await temporaryFolder()
    const log = path.join(home, 'device.log')
    await writeFile(log, SERIAL_LOGS.cutBySServer.replaceAll('\n', '\r\n'))
    const { code, stdout, stderr } = await explain([log, '--home', home])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('FAILED at the check of the image: the file was cut')
    expect(stdout).toContain('0x5379 is decimal 5379 behind a stray 0x: 0x1503')
    expect(stdout).toContain(`no otad is running with the home ${home}`)
  })

  it('reads a log out of a pipe, and says of a healthy one that it succeeded', async () => {
    const home = await temporaryFolder()
    const { code, stdout } = await explain(['--home', home], SERIAL_LOGS.healthy['ESP-IDF 5 with rollback'])
    expect(code).toBe(0)
    expect(stdout).toContain('SUCCEEDED: the update from version 1.0.0 to 1.1.0 succeeded')
  })

  it('joins the log with what the daemon saw of that device', async () => {
    const daemon = await startDaemon()
    await refuseCertificate(daemon.port)
    await daemon.event('handshake.failed')
    const log = `I (9) esp_netif_handlers: sta ip: 127.0.0.1, mask: 255.0.0.0\nE (20) esp-tls-mbedtls: mbedtls_ssl_handshake returned -0x2700\n`
    const { code, stdout } = await explain(['-', '--home', daemon.home], log)
    expect(code).toBe(0)
    expect(stdout).toContain('the device does not accept the certificate of the server')
    expect(stdout).toMatch(/otad saw of 127\.0\.0\.1:\n {2}\d\d:\d\d:\d\d {2}127\.0\.0\.1 {2}/)
    expect(stdout).toContain('trusts another CA')
  })

  it('says that a device never came, where the daemon has not seen it', async () => {
    const daemon = await startDaemon()
    const { stdout } = await explain(['-', '--json', '--home', daemon.home], SERIAL_LOGS.smartThingsElsewhere)
    expect(JSON.parse(stdout)).toMatchObject({
      code: 'no-answer',
      otad: { sentence: 'no connection from 192.168.1.50 at all: its packets do not arrive here', sightings: [] }
    })
  })

  it('holds no more of a large log than it needs', async () => {
    const home = await temporaryFolder()
    const chatter = Buffer.from('I (1234) sensor: temperature 21.5 humidity 40\r\n'.repeat(150_000))
    const args = ['--max-old-space-size=30', PROGRAM, 'explain', '-', '--home', home]
    const child = spawn(process.execPath, args, { env: plainEnvironment(), stdio: 'pipe' })
    onTestFinished(() => void child.kill('SIGKILL'))
    for (let count = 0; count < 2; count++) if (!child.stdin.write(chatter)) await once(child.stdin, 'drain')
    child.stdin.end(SERIAL_LOGS.smartThingsElsewhere)
    expect(await text(child.stdout)).toContain('nobody answers at that address')
  })
})
