import { mkdir, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { anAuthority } from '../support/certificates.js'
import { temporaryFolder } from '../support/daemon.js'
import { type } from '../support/desk.js'
import { anImage } from '../support/image-builder.js'
import { startModel } from '../support/model-server.js'

const IMAGE = anImage({ project: 'porch', version: '1.4.2' })

describe('otad probe', () => {
  it('prints what was seen of each rule and each flow, and ends with 0 where nothing fails', async () => {
    const url = await startModel({ image: IMAGE })
    const { code, stdout, stderr } = await type(['probe', url, '--home', await temporaryFolder()])
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toContain(`${url}   70 KiB, porch 1.4.2`)
    expect(stdout).toContain('  pass  R18    bytes=0- is 206 with the whole\n               seen: 206 for bytes=0-')
    expect(stdout).toContain('  pass  ESP-IDF 5.5, esp_https_ota, one request\n')
    expect(stdout).toMatch(/0 broken, \d+ not looked at; (\d+) of \1 ways to an update work/)
  })

  it('tells of a broken rule what was seen, what it does to a device, and to which, and ends with 3', async () => {
    const spoil = (reply: Parameters<NonNullable<Parameters<typeof startModel>[0]['spoil']>>[0]) => ({
      ...reply,
      fields: Object.fromEntries(Object.entries(reply.fields).filter(([name]) => name !== 'Accept-Ranges'))
    })
    const url = await startModel({ image: IMAGE, spoil })
    const { code, stdout } = await type(['probe', url, '--home', await temporaryFolder()])
    expect(code).toBe(3)
    expect(stdout).toContain('  FAIL  R16')
    expect(stdout).toContain('seen: GET /fw/app.bin: no Accept-Ranges')
    expect(stdout).toContain('on a device: the log says that the server cannot resume   (esp32FOTA)')
    expect(stdout).toContain('1 broken (R16)')
  })

  it('takes the CA of the home where the server is under it, and that of the folder before the public roots', async () => {
    const [home, cwd] = [await temporaryFolder(), await temporaryFolder()]
    const [ofHome, ofFolder] = [await anAuthority(), await anAuthority()]
    for (const [folder, { certificate }] of [
      [home, ofHome],
      [cwd, ofFolder]
    ] as const) {
      await mkdir(path.join(folder, 'certs'))
      await writeFile(path.join(folder, 'certs', 'ca_cert.pem'), certificate)
    }
    for (const authority of [ofHome, ofFolder]) {
      const { certificate: cert, key } = await authority.issue({ purpose: 'server', names: ['127.0.0.1'] })
      const url = await startModel({ image: IMAGE, tls: { cert, key, minVersion: 'TLSv1.2' } })
      const { code, stdout } = await type(['probe', url, '--home', home, '--json'], { cwd })
      expect(code).toBe(0)
      const file = authority === ofFolder ? path.join('certs', 'ca_cert.pem') : path.join(home, 'certs', 'ca_cert.pem')
      expect(JSON.parse(stdout)).toMatchObject({ ca: file, summary: { rules: { fail: 0 }, flows: { fail: 0 } } })
    }
  })

  it.each([
    ['a file that is not there', ['--ca', 'nowhere.pem'], 'OTAD_ERR_NO_SUCH_FILE'],
    ['a file that is no certificate', ['--ca', 'text.pem'], 'OTAD_ERR_BAD_CERTIFICATE']
  ])('names %s', async (_what, args, code) => {
    const cwd = await temporaryFolder()
    await writeFile(path.join(cwd, 'text.pem'), 'no certificate\n')
    const said = await type(['probe', 'https://127.0.0.1:1/app.bin', ...args], { cwd })
    expect(said.code).toBe(1)
    expect(said.stderr).toContain(code)
  })

  // Ctrl-C in the middle of a body that came slowly was heard when the supervisor's patience was over, 9.5 s later.
  it.each(['head', 'body'])('stops at once when it is told to while a %s is on its way', async what => {
    const stopping = new AbortController()
    const sockets = new Set<Socket>()
    const url = await startModel({
      image: IMAGE,
      meet: socket => {
        sockets.add(socket)
        socket.once('close', () => sockets.delete(socket))
      },
      send: (_reply, _request, socket) => {
        if (what === 'body') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\nthe first bytes')
        setTimeout(() => stopping.abort(), 50)
        return true
      }
    })
    const startedAt = performance.now()
    const args = ['probe', url, '--home', await temporaryFolder()]
    const { code, stdout, stderr } = await type(args, { signal: stopping.signal })
    expect([code, stdout, stderr]).toEqual([1, '', 'otad: stopped probing\n'])
    expect(performance.now() - startedAt).toBeLessThan(2000)
    await expect.poll(() => sockets.size).toBe(0)
  })

  // Five rules were said to be broken, with what that does to a flash, and nowhere that the scheme is wrong.
  it.each([
    ['http', 'https', 'speaks TLS, and the URL says http://'],
    ['https', 'http', 'speaks plain HTTP, and the URL says https://']
  ])('says of %s:// on the port of %s what to write, whatever the path', async (typed, spoken, seen) => {
    const { certificate: cert, key } = await (await anAuthority()).issue({ purpose: 'server', names: ['127.0.0.1'] })
    const url = await startModel({ image: IMAGE, ...(spoken === 'https' && { tls: { cert, key } }) })
    const home = await temporaryFolder()
    for (const right of [url, new URL('/', url).href]) {
      const wrong = right.replace(/^https?:\/\//, `${typed}://desk:secret@`)
      const { code, stdout, stderr } = await type(['probe', wrong, '--home', home])
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toContain(seen)
      expect(stderr).toContain(`write ${right}`)
      expect(stderr).not.toContain('secret')
    }
  })

  it('puts the one cause first where no device comes through the handshake', async () => {
    const { certificate: cert, key } = await (await anAuthority()).issue({ purpose: 'server', names: ['127.0.0.1'] })
    const url = await startModel({ image: IMAGE, tls: { cert, key, minVersion: 'TLSv1.3' } })
    const { code, stdout } = await type(['probe', url, '--insecure', '--home', await temporaryFolder()])
    expect(code).toBe(3)
    expect(stdout).toMatch(/\n {2}the server speaks TLS 1.3 alone.*\n {2}what to do: let the server speak TLS 1.2 too/)
    expect(stdout).toContain('FAIL  R37')
    expect(stdout).not.toContain('FAIL  R6')
    expect(stdout).not.toContain('undefined')
    expect(stdout).toContain('no way to an update was tried')
  })

  it('says what it looks at when that takes a while, and not to a program', async () => {
    let slow = 4
    const delayMs = ({ url }: { readonly url?: string | undefined }): number =>
      url?.endsWith('.json') === true && slow-- > 0 ? 4500 : 0
    const url = await startModel({ image: IMAGE, delayMs })
    const home = await temporaryFolder()
    const [said, asJson] = await Promise.all([
      type(['probe', url, '--home', home]),
      type(['probe', url, '--home', home, '--json'])
    ])
    expect(said.stderr).toMatch(/^(looking at .+\n)+$/)
    expect(asJson.stderr).toBe('')
  }, 60_000)

  it('asks for a path where the server lists no images', async () => {
    const url = new URL('/', await startModel({ image: IMAGE })).href
    const said = await type(['probe', url, '--home', await temporaryFolder()])
    expect(said.code).toBe(2)
    expect(said.stderr).toContain('/manifest.json')
  })
})
