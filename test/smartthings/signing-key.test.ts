import { execFile } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { loadSigningKey, makeSigningKey } from '../../src/smartthings/signing-key.js'
import { temporaryFolder } from '../support/daemon.js'
import { aSigningKey } from '../support/image-builder-signatures.js'

const HAS_OPENSSL = existsSync('/usr/bin/openssl')

async function fileWith(text: string): Promise<string> {
  const file = path.join(await temporaryFolder(), 'root.key')
  await writeFile(file, text)
  return file
}

const pemOf = (scheme: Parameters<typeof aSigningKey>[0]): string =>
  aSigningKey(scheme).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

describe('the signing key', () => {
  it('is RSA with 2048 bits, in a file that its owner alone can read, and stays the same', async () => {
    const home = await temporaryFolder()
    expect(await loadSigningKey({ home, signingKeyFile: '' })).toBeUndefined()
    const key = await makeSigningKey({ home, signingKeyFile: '' })
    const file = path.join(home, 'certs', 'smartthings_key.pem')
    expect(key.file).toBe(file)
    expect(key.privateKey.asymmetricKeyDetails?.modulusLength).toBe(2048)
    if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await loadSigningKey({ home, signingKeyFile: '' }))?.id).toBe(key.id)
    expect((await makeSigningKey({ home, signingKeyFile: '' })).id).toBe(key.id)
  })

  it('is one, however many make it at the same time', async () => {
    const home = await temporaryFolder()
    const keys = await Promise.all([1, 2, 3].map(() => makeSigningKey({ home, signingKeyFile: '' })))
    expect(new Set(keys.map(({ id }) => id)).size).toBe(1)
  })

  it('does not hold up anything else while it is made', async () => {
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    const startedAt = performance.now()
    await makeSigningKey({ home: await temporaryFolder(), signingKeyFile: '' })
    clearInterval(timer)
    expect(turns).toBeGreaterThan((performance.now() - startedAt) / 20)
  })

  it.skipIf(!HAS_OPENSSL)('gives the public key in the form that openssl rsa -pubout writes for the demo', async () => {
    const key = await makeSigningKey({ home: await temporaryFolder(), signingKeyFile: '' })
    const { stdout } = await promisify(execFile)('openssl', ['rsa', '-in', key.file, '-pubout'])
    expect(key.publicPem).toBe(stdout)
    expect(createPublicKey(key.publicPem).asymmetricKeyType).toBe('rsa')
  })

  it('is the root.key of the guide where it is given, in either form of PEM', async () => {
    const { privateKey } = aSigningKey('rsa2048')
    const [one, other] = [
      privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
      privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    ]
    const keys = [await fileWith(one), await fileWith(other)].map(signingKeyFile =>
      loadSigningKey({ home: '/nowhere', signingKeyFile })
    )
    expect((await keys[0])?.id).toBe((await keys[1])?.id)
  })

  it.each([
    ['RSA with another length', 'rsa3072', 'RSA with 3072 bits'],
    ['a key of an elliptic curve', 'ecdsa-p256', 'a key of type ec']
  ] as const)('is not %s, which the device could not verify', async (_what, scheme, words) => {
    const signingKeyFile = await fileWith(pemOf(scheme))
    await expect(loadSigningKey({ home: '/nowhere', signingKeyFile })).rejects.toMatchObject({
      code: 'OTAD_ERR_BAD_SETTING',
      message: expect.stringContaining(words)
    })
  })

  it.each([
    ['no key', 'hello', 'OTAD_ERR_KEY_UNREADABLE'],
    ['a public key', aSigningKey('rsa2048').pem.toString(), 'OTAD_ERR_KEY_UNREADABLE']
  ])('is not %s', async (_what, text, code) => {
    await expect(loadSigningKey({ home: '/nowhere', signingKeyFile: await fileWith(text) })).rejects.toMatchObject({
      code
    })
  })

  it('is missed where the setting names a file that is not there', async () => {
    const signingKeyFile = path.join(await temporaryFolder(), 'gone.key')
    await expect(makeSigningKey({ home: '/nowhere', signingKeyFile })).rejects.toMatchObject({
      code: 'OTAD_ERR_NO_SUCH_FILE'
    })
    await expect(readFile(signingKeyFile)).rejects.toThrow('ENOENT')
  })
})
