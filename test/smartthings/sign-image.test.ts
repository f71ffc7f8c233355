import { execFile } from 'node:child_process'
import { createHash, createPublicKey } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { readTrustedKey } from '../../src/image/trusted-key.js'
import { verifyImage } from '../../src/image/verify.js'
import { readSigned } from '../../src/smartthings/footer.js'
import { isSignedBy, signImage } from '../../src/smartthings/sign-image.js'
import { temporaryFolder } from '../support/daemon.js'
import { anImage, withTrailer } from '../support/image-builder.js'
import { aSigningKey, withFooter } from '../support/image-builder-signatures.js'

const CORPUS = fileURLToPath(new URL('../../../shared/corpus', import.meta.url))
const HAS_CORPUS = existsSync(path.join(CORPUS, 'made/signed-smartthings-esp32.bin'))
const HAS_OPENSSL = existsSync('/usr/bin/openssl')

const key = aSigningKey('rsa2048')
const { privateKey, publicKey, pem } = key
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
const signed = (image: Buffer): Promise<Buffer> => signImage(image, sha256(image), privateKey)

const image = anImage()
const images = {
  'a plain image': image,
  // firmware_sign.py takes these for signed already, and leaves them as they are.
  'an image padded with 0xFF': withTrailer(image, Buffer.alloc(4096, 0xff)),
  'an image padded with four 0xFF': withTrailer(image, [0xff, 0xff, 0xff, 0xff])
}

describe('signImage', () => {
  it.each(Object.entries(images))(
    'puts exactly the 268 bytes of image-format.md 5.3 behind %s',
    async (_what, plain) => {
      const file = await signed(plain)
      expect(file.length).toBe(plain.length + 268)
      expect(file.subarray(0, plain.length)).toEqual(plain)
      const footer = file.subarray(plain.length)
      expect(footer.subarray(0, 6).toString('hex')).toBe('ffffffff0000')
      expect(footer.subarray(262).toString('hex')).toBe('0000ffffffff')
    }
  )

  it.each(Object.entries(images))('signs %s as firmware_sign.py would, byte for byte', async (_what, plain) => {
    expect(await signed(plain)).toEqual(withFooter(plain, key))
  })

  it.skipIf(!HAS_OPENSSL).each(Object.entries(images))(
    'signs %s so that openssl verifies it as the device does',
    async (_what, plain) => {
      const folder = await temporaryFolder()
      const file = await signed(plain)
      const at = (name: string): string => path.join(folder, name)
      // ota_util.c: the firmware without its last 268 bytes, hashed; that hash hashed again; PKCS #1 v1.5.
      await writeFile(at('firmware.bin'), file.subarray(0, -268))
      await writeFile(at('signature.bin'), file.subarray(file.length - 262, file.length - 6))
      await writeFile(at('public_key.pem'), pem)
      const openssl = promisify(execFile)
      await openssl('openssl', ['dgst', '-sha256', '-binary', '-out', at('once'), at('firmware.bin')])
      await openssl('openssl', ['dgst', '-sha256', '-binary', '-out', at('twice'), at('once')])
      const verify = [
        'pkeyutl',
        '-verify',
        '-pubin',
        '-inkey',
        at('public_key.pem'),
        '-pkeyopt',
        'rsa_padding_mode:pkcs1'
      ]
      const hash = ['-pkeyopt', 'digest:sha256', '-in', at('twice'), '-sigfile', at('signature.bin')]
      expect((await openssl('openssl', [...verify, ...hash])).stdout).toContain('Signature Verified Successfully')
    }
  )

  it.each(Object.entries(images))('makes of %s what the judge recognises and verifies', async (_what, plain) => {
    const trusted = readTrustedKey(pem) ?? expect.fail('the judge does not take the key')
    const verdict = verifyImage(await signed(plain), { signature: { policy: 'required', keys: [trusted] } })
    expect(verdict).toMatchObject({ verdict: 'accept', signature: { scheme: 'smartthings', verdict: 'verified' } })
    expect(verdict.fields).toMatchObject({ smartthings: { at: plain.length, signatureBytes: 256 } })
  })

  it('makes the same bytes of the same image each time', async () => {
    expect(await signed(image)).toEqual(await signed(image))
  })

  it('makes nothing of a key of another length', async () => {
    const other = aSigningKey('rsa3072').privateKey
    await expect(signImage(image, sha256(image), other)).rejects.toThrow('384')
  })
})

describe('readSigned', () => {
  it('takes a signed file apart', async () => {
    const parts = readSigned(await signed(image))
    expect(Buffer.from(parts?.image ?? [])).toEqual(image)
    expect(isSignedBy(publicKey, sha256(image), parts?.signature ?? Buffer.alloc(0))).toBe(true)
  })

  it.each(Object.entries(images))('takes %s for not signed', (_what, plain) => {
    expect(readSigned(plain)).toBeUndefined()
  })

  it('takes a file of nothing but a footer for not signed: there is no image in it', async () => {
    expect(readSigned((await signed(image)).subarray(image.length))).toBeUndefined()
  })

  it.skipIf(!HAS_CORPUS)('takes the sample of the corpus apart where its makers put the footer', () => {
    const file = readFileSync(path.join(CORPUS, 'made/signed-smartthings-esp32.bin'))
    const parts = readSigned(file)
    expect(parts?.image.length).toBe(70608)
    const maker = createPublicKey(readFileSync(path.join(CORPUS, 'keys/made-rsa2048.pub.pem')))
    expect(isSignedBy(maker, sha256(parts?.image ?? image), parts?.signature ?? image)).toBe(true)
    expect(readSigned(readFileSync(path.join(CORPUS, 'made/signed-smartthings-4096-esp32.bin')))).toBeUndefined()
    expect(readSigned(readFileSync(path.join(CORPUS, 'made/app-esp32-ff-padded.bin')))).toBeUndefined()
  })
})
