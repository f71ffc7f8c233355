import { createPublicKey, X509Certificate } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/daemon.js'
import { type } from '../support/desk.js'
import { aSigningKey } from '../support/image-builder-signatures.js'

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

  it('exports it for every toolchain, each form the same certificate', async () => {
    const cwd = await temporaryFolder()
    await type(['cert', '--home', '.', '--export', 'out'], { cwd })
    const pem = await readFile(path.join(cwd, 'certs/ca_cert.pem'), 'utf8')
    expect((await readdir(path.join(cwd, 'out'))).sort()).toEqual(['ca_cert.der', 'ca_cert.h', 'ca_cert.pem'])
    expect(await readFile(path.join(cwd, 'out/ca_cert.der'))).toEqual(new X509Certificate(pem).raw)
    const header = await readFile(path.join(cwd, 'out/ca_cert.h'), 'utf8')
    const [, literal = ''] = /R"PEM\((.*)\)PEM"/s.exec(header) ?? []
    expect(literal).toBe(pem)
  })

  it('exports into server_certs/ of an ESP-IDF example, where its CMakeLists.txt embeds it from', async () => {
    const cwd = await temporaryFolder()
    await mkdir(path.join(cwd, 'server_certs'))
    await type(['cert', '--home', 'home', '--export', '.'], { cwd })
    expect(await readdir(path.join(cwd, 'server_certs'))).toContain('ca_cert.pem')
  })

  it("exports what SmartThings' ota_demo embeds into main/ of the demo, and makes the key that otad signs with", async () => {
    const cwd = await temporaryFolder()
    await mkdir(path.join(cwd, 'ota_demo/main'), { recursive: true })
    await writeFile(path.join(cwd, 'ota_demo/main/ota_util.c'), '')
    const { code, stderr } = await type(['cert', '--home', '.', '--export', 'ota_demo'], { cwd })
    expect(code).toBe(0)
    expect(stderr).toContain(`otad signs for SmartThings' ota_demo with ${path.join('certs', 'smartthings_key.pem')}`)
    expect(await readFile(path.join(cwd, 'ota_demo/main/root.pem'), 'utf8')).toBe(
      await readFile(path.join(cwd, 'certs/ca_cert.pem'), 'utf8')
    )
    const key = createPublicKey(await readFile(path.join(cwd, 'ota_demo/main/public_key.pem')))
    const own = createPublicKey(await readFile(path.join(cwd, 'certs/smartthings_key.pem')))
    expect(key.equals(own)).toBe(true)
    for (const file of await readdir(path.join(cwd, 'ota_demo/main')))
      expect(await readFile(path.join(cwd, 'ota_demo/main', file), 'latin1')).not.toContain('PRIVATE KEY')
  })

  it('exports it anywhere with --smartthings, and once there is a key, to whoever exports', async () => {
    const cwd = await temporaryFolder()
    const filesIn = async (folder: string): Promise<readonly string[]> => (await readdir(path.join(cwd, folder))).sort()
    await type(['cert', '--home', '.', '--export', 'before'], { cwd })
    expect(await filesIn('before')).toEqual(['ca_cert.der', 'ca_cert.h', 'ca_cert.pem'])
    await type(['cert', '--home', '.', '--export', 'asked', '--smartthings'], { cwd })
    await type(['cert', '--home', '.', '--export', 'after'], { cwd })
    expect(await filesIn('after')).toEqual(await filesIn('asked'))
    expect(await filesIn('after')).toContain('public_key.pem')
  })

  it('exports the public key of --signing-key-file, and refuses one that the device could not verify', async () => {
    const cwd = await temporaryFolder()
    const { privateKey, pem } = aSigningKey('rsa2048')
    await writeFile(path.join(cwd, 'root.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 })
    const flags = ['cert', '--home', '.', '--export', 'out', '--signing-key-file']
    await type([...flags, 'root.key'], { cwd })
    expect(await readFile(path.join(cwd, 'out/public_key.pem'))).toEqual(pem)
    const other = aSigningKey('ecdsa-p256').privateKey.export({ type: 'pkcs8', format: 'pem' })
    await writeFile(path.join(cwd, 'ec.key'), other, { mode: 0o600 })
    const { code, stderr } = await type([...flags, 'ec.key'], { cwd })
    expect(code).toBe(2)
    expect(stderr).toContain('RSA with 2048 bits')
  })

  it('asks where to when --smartthings stands alone', async () => {
    const { code, stderr } = await type(['cert', '--home', await temporaryFolder(), '--smartthings'])
    expect(code).toBe(2)
    expect(stderr).toContain('otad cert --export DIR --smartthings')
  })

  it('draws the leaf under its CA, with dates in words and a mark for what this machine has', async () => {
    const cwd = await temporaryFolder()
    const { stdout } = await type(['cert', '--home', '.', '--names', 'elsewhere.example.lan'], { cwd })
    expect(stdout).toMatch(/valid until \d+ [A-Z][a-z]+ 20\d\d, 20 years from now/)
    expect(stdout).toMatch(/└─ certs.server_cert\.pem/)
    expect(stdout).toMatch(/^ +\* 127\.0\.0\.1$/m)
    expect(stdout).toMatch(/^ +elsewhere\.example\.lan$/m)
    expect(stdout).not.toMatch(/\* elsewhere/)
  })

  it('renews the leaf and keeps the CA with --renew', async () => {
    const cwd = await temporaryFolder()
    const before = JSON.parse((await type(['cert', '--home', '.', '--json'], { cwd })).stdout)
    const after = JSON.parse((await type(['cert', '--home', '.', '--json', '--renew'], { cwd })).stdout)
    expect(after.ca).toEqual(before.ca)
    expect(after.leaf.fingerprint256).not.toBe(before.leaf.fingerprint256)
    expect(after.leaf.dnsNames).toEqual(before.leaf.dnsNames)
  })

  it.each([
    ['is not confirmed and nobody is there to ask', undefined],
    ['the person says no', 'n'],
    ['the person says nothing', '']
  ])('makes no new CA when it %s, and says what that would break', async (_what, answer) => {
    const cwd = await temporaryFolder()
    const before = JSON.parse((await type(['cert', '--home', '.', '--json'], { cwd })).stdout)
    const { code, stderr } = await type(['cert', '--home', '.', '--new-ca'], {
      cwd,
      ...(answer === undefined ? {} : { answer })
    })
    expect(code).toBe(2)
    expect(stderr).toContain('refuses this server from now on')
    expect(stderr).toContain('--yes')
    expect(JSON.parse((await type(['cert', '--home', '.', '--json'], { cwd })).stdout)).toEqual(before)
  })

  it.each([
    ['the person says yes', ['--new-ca'], 'y'],
    ['it is told --yes', ['--new-ca', '--yes'], undefined]
  ] as const)('makes a new CA when %s, and keeps the old files beside it', async (_what, flags, answer) => {
    const cwd = await temporaryFolder()
    const before = JSON.parse((await type(['cert', '--home', '.', '--json'], { cwd })).stdout)
    const old = await readFile(path.join(cwd, 'certs/ca_key.pem'), 'utf8')
    const options = { cwd, ...(answer === undefined ? {} : { answer }) }
    const after = JSON.parse((await type(['cert', '--home', '.', '--json', ...flags], options)).stdout)
    expect(after.ca.fingerprint256).not.toBe(before.ca.fingerprint256)
    const mark = before.ca.fingerprint256.replaceAll(':', '').slice(0, 8).toLowerCase()
    expect(await readFile(path.join(cwd, `certs/ca_key-${mark}.pem`), 'utf8')).toBe(old)
  })

  it('shows one certificate for both in self-signed mode, and refuses to renew what devices embed', async () => {
    const cwd = await temporaryFolder()
    const flags = ['cert', '--home', '.', '--cert-mode', 'self-signed']
    const { stdout } = await type(flags, { cwd })
    expect(stdout).toContain('embed this one in the device; the server shows it too')
    const { code, stderr } = await type([...flags, '--renew'], { cwd })
    expect(code).toBe(2)
    expect(stderr).toContain('locks them out')
  })

  it('leaves the certificate of a daemon with another host alone', async () => {
    const cwd = await temporaryFolder()
    await type(['cert', '--home', '.', '--host', '127.0.0.1'], { cwd })
    const before = await readFile(path.join(cwd, 'certs/server_cert.pem'), 'utf8')
    await type(['cert', '--home', '.'], { cwd })
    await type(['snippet', 'curl', '--home', '.'], { cwd })
    expect(await readFile(path.join(cwd, 'certs/server_cert.pem'), 'utf8')).toBe(before)
  })

  it.each([
    ['--key-file', 'key.pem'],
    ['--ca-file', 'ca.pem']
  ])('says that %s is of no use without a certificate', async (flag, file) => {
    const { code, stderr } = await type(['cert', '--home', '.', flag, file], { cwd: await temporaryFolder() })
    expect(code).toBe(2)
    expect(stderr).toContain('--cert-file')
  })

  it('takes no name that would become something else in a certificate', async () => {
    const { code, stderr } = await type(['cert', '--home', '.', '--names', 'a/O=evil'], {
      cwd: await temporaryFolder()
    })
    expect(code).toBe(2)
    expect(stderr).toContain('"a/O=evil" is neither a host name nor an address')
  })
})

describe('otad snippet', () => {
  it.each(['idf', 'arduino', 'platformio', 'esphome', 'esp32fota', 'smartthings', 'curl'])(
    'prints lines for %s with the URL of today',
    async kind => {
      const cwd = await temporaryFolder()
      const flags = ['--home', '.', '--advertise', '192.168.1.8', '--port', '4443']
      const { code, stdout } = await type(['snippet', kind, 'hello world.bin', ...flags], { cwd })
      expect(code).toBe(0)
      expect(stdout).toContain('https://192.168.1.8:4443/hello%20world.bin')
    }
  )

  it('names the nearest kind to one that there is none of', async () => {
    const { code, stderr } = await type(['snippet', 'esphme', '--home', '.'], { cwd: await temporaryFolder() })
    expect(code).toBe(2)
    expect(stderr).toContain('did you mean esphome?')
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
