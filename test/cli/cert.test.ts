import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/daemon.js'
import { type } from '../support/desk.js'

describe('otad cert', () => {
  it('makes the certificates where there are none, and shows names, dates and the one to embed', async () => {
    const cwd = await temporaryFolder()
    const { code, stdout } = await type(['cert', '--home', '.', '--names', 'ota.example.lan'], { cwd })
    expect(code).toBe(0)
    const ca = new X509Certificate(await readFile(path.join(cwd, 'certs', 'ca_cert.pem')))
    expect(stdout).toContain(ca.fingerprint256)
    expect(stdout).toContain(`${path.join('certs', 'ca_cert.pem')}   embed this one in the device`)
    for (const name of ['ota.example.lan', '127.0.0.1', 'localhost']) expect(stdout).toContain(` ${name}\n`)
  })

  it('prints the same as JSON, and makes nothing anew the second time', async () => {
    const cwd = await temporaryFolder()
    const first = JSON.parse((await type(['cert', '--home', '.', '--json'], { cwd })).stdout)
    const second = JSON.parse((await type(['cert', '--home', '.', '--json'], { cwd })).stdout)
    expect(second).toEqual(first)
    expect(first.ca).toMatchObject({ subject: expect.stringContaining('otad root') })
    expect(first.leaf.ipAddresses).toContain('127.0.0.1')
    expect(first.leaf.dnsNames).toContain('127.0.0.1')
  })

  it('exports the CA certificate and nothing else', async () => {
    const cwd = await temporaryFolder()
    const { code, stderr } = await type(['cert', '--home', '.', '--export', 'main/server_certs'], { cwd })
    expect(code).toBe(0)
    expect(stderr).toContain(path.join('main', 'server_certs', 'ca_cert.pem'))
    expect(await readFile(path.join(cwd, 'main/server_certs/ca_cert.pem'), 'utf8')).toBe(
      await readFile(path.join(cwd, 'certs/ca_cert.pem'), 'utf8')
    )
  })

  it('takes no name that would become something else in a certificate', async () => {
    const { code, stderr } = await type(['cert', '--home', '.', '--names', 'a/O=evil'], {
      cwd: await temporaryFolder()
    })
    expect(code).toBe(2)
    expect(stderr).toContain('"a/O=evil" is neither a host name nor an address')
  })
})

describe('otad', () => {
  it.each([
    [[], 0, 'Commands:'],
    [['--version'], 0, '9.8.7'],
    [['--help'], 0, 'Exit codes:']
  ] as const)('answers %j with %i', async (args, code, text) => {
    const said = await type(args)
    expect(said.code).toBe(code)
    expect(said.stdout).toContain(text)
  })

  it('names the nearest thing to a command that does not exist', async () => {
    const said = await type(['build/'])
    expect(said.code).toBe(2)
    expect(said.stderr).toContain('otad serve build/')
  })
})
