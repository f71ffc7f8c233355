// The stand-in itself: a device that would accept too much, or refuse what a real one takes, would make every story told
// with it worthless. Expected words and numbers are those of ESP-IDF 4.4, measured (clients.md 5 and 15, real-client.md).
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createServer, type Server, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { type GenerateResult, generate, type SelfsignedOptions, type SubjectAltNameEntry } from 'selfsigned'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { buildDevice, cDeviceIsRequired, DEVICE_EXIT, runDevice } from './c-device.js'

const ADDRESS = '127.0.0.1'
const IP_AS_NAME: SubjectAltNameEntry = { type: 2, value: ADDRESS }
const IP_AS_ADDRESS: SubjectAltNameEntry = { type: 7, ip: ADDRESS }
const EXPIRED = { notBeforeDate: new Date('2001-01-01'), notAfterDate: new Date('2002-01-01') }
const NOT_YET_VALID = { notBeforeDate: new Date('2099-01-01'), notAfterDate: new Date('2100-01-01') }
/** Without the lowered level OpenSSL 3 signs nothing for TLS 1.0 and 1.1. */
const OLD_VERSIONS = { minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const
const DUAL_FORM = [IP_AS_NAME, IP_AS_ADDRESS, { type: 2, value: 'otad.local' }] as const

/** Starts as an ESP32 image does (magic byte, chip id 0); the rest is noise, which the stand-in does not judge. */
const IMAGE = Buffer.concat([Buffer.from([0xe9, 1, 2, 0x20]), Buffer.alloc(20), randomBytes(99_976)])

const program = await buildDevice()

describe.skipIf(program === undefined && !cDeviceIsRequired())('the C stand-in for an old device', () => {
  let folder: string
  let dualForm: GenerateResult

  beforeAll(async () => {
    if (program === undefined) throw new Error('REQUIRE_C_DEVICE is set: install a C compiler and libmbedtls-dev')
    folder = await mkdtemp(join(tmpdir(), 'otad-c-device-'))
    dualForm = await certificate(DUAL_FORM)
  })

  afterAll(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  })

  describe('the certificate', () => {
    it('is accepted when it has the IP as dNSName and as iPAddress', async () => {
      const run = await download(await serve(dualForm, whole(IMAGE)))
      expect(run).toMatchObject({ code: DEVICE_EXIT.done, report: { status: 200, error: null, tls: 'TLSv1.2' } })
      expect(run.report.sha256).toBe(sha256(IMAGE))
    })

    it('is refused when it has the IP only as iPAddress, which mbedTLS before 3.5 cannot read', async () => {
      const run = await download(await serve(await certificate([IP_AS_ADDRESS]), whole(IMAGE)))
      expect(run.code).toBe(DEVICE_EXIT.handshakeFailed)
      expect(run.stderr).toContain('mbedtls_ssl_handshake returned -0x2700')
    })

    it('is refused when it names only another host', async () => {
      const run = await download(await serve(await certificate([{ type: 2, value: 'localhost' }]), whole(IMAGE)))
      expect(run.code).toBe(DEVICE_EXIT.handshakeFailed)
      expect(run.report).toMatchObject({ status: null, requests: 0, error: 'mbedtls_ssl_handshake returned -0x2700' })
      expect(run.stderr).toContain('does not match with the expected CN')
    })

    it('is refused when the device holds another CA', async () => {
      const server = await serve(dualForm, whole(IMAGE))
      const run = await download({ ...server, identity: await certificate(DUAL_FORM) })
      expect(run.code).toBe(DEVICE_EXIT.handshakeFailed)
      expect(run.stderr).toContain('not correctly signed by the trusted CA')
    })

    it('is refused when its signature is SHA-1', async () => {
      const identity = await certificate(DUAL_FORM, { algorithm: 'sha1' })
      // Without the lowered level Node would not load it: the device must be the one that refuses.
      const server = await serve(identity, whole(IMAGE), { ciphers: 'DEFAULT:@SECLEVEL=0' })
      const run = await download(server)
      expect(run.code).toBe(DEVICE_EXIT.handshakeFailed)
      expect(run.stderr).toContain('signed with an unacceptable hash')
    })

    it('is refused when the copy in the device is no PEM', async () => {
      const server = await serve(dualForm, whole(IMAGE))
      const run = await download({ ...server, identity: { ...dualForm, cert: 'no certificate' } })
      expect(run).toMatchObject({ code: DEVICE_EXIT.handshakeFailed, report: { connections: 1 } })
      expect(run.stderr).toContain('mbedtls_x509_crt_parse returned -0x2180')
    })

    it('is accepted when it has expired, because ESP-IDF leaves the date check off', async () => {
      const run = await download(await serve(await certificate(DUAL_FORM, EXPIRED), whole(IMAGE)))
      expect(run.code).toBe(DEVICE_EXIT.done)
    })

    it('is refused when it has expired and the device checks dates', async () => {
      const server = await serve(await certificate(DUAL_FORM, EXPIRED), whole(IMAGE))
      const run = await download(server, ['--check-dates'])
      expect(run.code).toBe(DEVICE_EXIT.handshakeFailed)
      expect(run.stderr).toContain('The certificate validity has expired')
      expect(await server.refusal).toMatchObject({ code: 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED' })
    })

    it('is refused when it is not valid yet and the device checks dates', async () => {
      const server = await serve(await certificate(DUAL_FORM, NOT_YET_VALID), whole(IMAGE))
      const run = await download(server, ['--check-dates'])
      expect(run.code).toBe(DEVICE_EXIT.handshakeFailed)
      expect(run.stderr).toContain('The certificate validity starts in the future')
      expect(await server.refusal).toMatchObject({ code: 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN' })
    })

    it('is accepted within its dates by a device that checks them', async () => {
      const run = await download(await serve(dualForm, whole(IMAGE)), ['--check-dates'])
      expect(run.code).toBe(DEVICE_EXIT.done)
    })

    it('is accepted when it was issued by the CA in the device', async () => {
      const { ca, leaf } = await issued()
      const run = await download({ ...(await serve(leaf, whole(IMAGE))), identity: ca })
      expect(run.code).toBe(DEVICE_EXIT.done)
    })

    it('is asked for by the name in the URL when the address comes from elsewhere', async () => {
      const server = await serve(dualForm, whole(IMAGE))
      const run = await download({ ...server, url: server.url.replace(ADDRESS, 'otad.local') }, ['--resolve', ADDRESS])
      expect(run.code).toBe(DEVICE_EXIT.done)
      expect(server.names).toEqual(['otad.local'])
    })

    it('is accepted under any name by a device that checks none, and then asks for none either', async () => {
      const server = await serve(await certificate([{ type: 2, value: 'elsewhere.local' }]), whole(IMAGE))
      const url = server.url.replace(ADDRESS, 'otad.local')
      const run = await download({ ...server, url }, ['--resolve', ADDRESS, '--no-name-check'])
      expect(run.code).toBe(DEVICE_EXIT.done)
      expect(server.names).toEqual([false])
    })

    it('is refused when a device that checks no name holds another CA', async () => {
      const server = await serve(dualForm, whole(IMAGE))
      const run = await download({ ...server, identity: await certificate(DUAL_FORM) }, ['--no-name-check'])
      expect(run.code).toBe(DEVICE_EXIT.handshakeFailed)
      expect(await server.refusal).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' })
    })
  })

  describe('the certificate bundle', () => {
    it('refuses with access_denied what none of its issuers signed', async () => {
      const { leaf } = await issued()
      const server = await serve(leaf, whole(IMAGE))
      const run = await download({ ...server, identity: dualForm }, ['--trust-bundle'])
      expect(run).toMatchObject({
        code: DEVICE_EXIT.handshakeFailed,
        report: { error: 'mbedtls_ssl_handshake returned -0x3000' }
      })
      expect(run.stderr).toContain('No matching trusted root certificate found')
      expect(await server.refusal).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED' })
    })

    it('accepts what one of its issuers signed', async () => {
      const { ca, leaf } = await issued()
      const run = await download({ ...(await serve(leaf, whole(IMAGE))), identity: ca }, ['--trust-bundle'])
      expect(run.code).toBe(DEVICE_EXIT.done)
    })

    it('is not asked about a certificate with another fault, which is refused for that fault', async () => {
      const server = await serve(await certificate([{ type: 2, value: 'localhost' }]), whole(IMAGE))
      const run = await download({ ...server, identity: dualForm }, ['--trust-bundle'])
      expect(run.report.error).toBe('mbedtls_ssl_handshake returned -0x2700')
      expect(await server.refusal).toMatchObject({ code: 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE' })
    })
  })

  describe('the TLS version', () => {
    for (const [version, tls] of [
      ['1.0', 'TLSv1.0'],
      ['1.1', 'TLSv1.1'],
      ['1.2', 'TLSv1.2']
    ] as const) {
      it(`is ${version} when the device offers no higher one`, async () => {
        const run = await download(await serve(dualForm, whole(IMAGE), OLD_VERSIONS), ['--max-tls', version])
        expect(run).toMatchObject({ code: DEVICE_EXIT.done, report: { tls } })
      })
    }

    it('is refused by a server that takes only higher ones', async () => {
      const server = await serve(dualForm, whole(IMAGE), { minVersion: 'TLSv1.2' })
      const run = await download(server, ['--max-tls', '1.1'])
      expect(run.code).toBe(DEVICE_EXIT.handshakeFailed)
      expect(await server.refusal).toMatchObject({ code: 'ERR_SSL_UNSUPPORTED_PROTOCOL' })
    })

    it('is wrong usage when mbedTLS 2.28 does not know it', async () => {
      const run = await download(await serve(dualForm, whole(IMAGE)), ['--max-tls', '1.3'])
      expect(run).toMatchObject({ code: DEVICE_EXIT.wrongUsage, report: { connections: 0 } })
    })
  })

  describe('the ciphersuites', () => {
    it('are none but those the device is told to offer', async () => {
      const names = 'TLS-ECDHE-ECDSA-WITH-AES-128-CBC-SHA256,TLS-ECDHE-ECDSA-WITH-AES-256-CBC-SHA384'
      const server = await serve(dualForm, whole(IMAGE), { honorCipherOrder: false, ciphers: 'ALL' })
      const run = await download(server, ['--ciphersuites', names])
      expect(run).toMatchObject({
        code: DEVICE_EXIT.done,
        report: { ciphersuite: 'TLS-ECDHE-ECDSA-WITH-AES-128-CBC-SHA256' }
      })
    })

    it('are refused when the server shares none of them', async () => {
      const server = await serve(dualForm, whole(IMAGE))
      const run = await download(server, ['--ciphersuites', 'TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256'])
      expect(run.code).toBe(DEVICE_EXIT.handshakeFailed)
      expect(await server.refusal).toMatchObject({ code: 'ERR_SSL_NO_SHARED_CIPHER' })
    })

    for (const names of ['TLS-NO-SUCH-SUITE', 'TLS-RSA-WITH-AES-128-CBC-SHA,', '']) {
      it(`are wrong usage when mbedTLS does not know them: "${names}"`, async () => {
        const run = await download(await serve(dualForm, whole(IMAGE)), ['--ciphersuites', names])
        expect(run).toMatchObject({ code: DEVICE_EXIT.wrongUsage, report: { connections: 0 } })
      })
    }
  })

  describe('the certificate of the device', () => {
    it('lets it in where the server asks for one', async () => {
      const { ca, leaf } = await issued()
      const run = await download(await serve(dualForm, whole(IMAGE), mutual(ca)), await own(leaf))
      expect(run.code).toBe(DEVICE_EXIT.done)
    })

    it('is sent with those it was issued by', async () => {
      const root = await authority('root')
      const between = await authority('between', root)
      const leaf = await certificate(DUAL_FORM, issuedBy(between))
      const server = await serve(dualForm, whole(IMAGE), mutual(root))
      const run = await download(server, await own({ ...leaf, cert: `${leaf.cert}\n${between.cert}` }))
      expect(run.code).toBe(DEVICE_EXIT.done)
    })

    it('is missed by the server that asks for one', async () => {
      const server = await serve(dualForm, whole(IMAGE), mutual(dualForm))
      const run = await download(server)
      expect(run.code).toBe(DEVICE_EXIT.handshakeFailed)
      expect(await server.refusal).toMatchObject({ code: 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' })
    })

    it('ends the attempt when it is no PEM', async () => {
      const server = await serve(dualForm, whole(IMAGE))
      const run = await download(server, await own({ ...dualForm, cert: 'no certificate' }))
      expect(run).toMatchObject({ code: DEVICE_EXIT.handshakeFailed, report: { connections: 1 } })
      expect(run.stderr).toContain('mbedtls_x509_crt_parse returned -0x2180')
    })

    it('ends the attempt when its key is no PEM', async () => {
      const server = await serve(dualForm, whole(IMAGE))
      const run = await download(server, await own({ ...dualForm, private: 'no key' }))
      expect(run).toMatchObject({ code: DEVICE_EXIT.handshakeFailed, report: { connections: 1 } })
      expect(run.stderr).toContain('mbedtls_pk_parse_keyfile returned -0x3D00')
    })

    it('is wrong usage without its key', async () => {
      const [option, file] = await own(dualForm)
      const run = await download(await serve(dualForm, whole(IMAGE)), [option, file])
      expect(run).toMatchObject({ code: DEVICE_EXIT.wrongUsage, report: { connections: 0 } })
    })
  })

  describe('a device that dies in the handshake', () => {
    for (const point of ['hello', 'certificate'] as const) {
      it(`resets the connection (${point})`, async () => {
        const server = await serve(dualForm, whole(IMAGE))
        const run = await download(server, ['--quit-at', point])
        expect(run).toMatchObject({
          code: DEVICE_EXIT.handshakeFailed,
          report: { error: `quit at ${point}`, connections: 1, requests: 0, handshakes: 0 }
        })
        // A FIN would be "socket hang up", with the same code but from no system call.
        expect(await server.refusal).toMatchObject({ code: 'ECONNRESET', syscall: 'read' })
      })
    }

    it('has seen no certificate at hello', async () => {
      const server = await serve(await certificate(DUAL_FORM), whole(IMAGE))
      const run = await download({ ...server, identity: dualForm }, ['--quit-at', 'hello'])
      expect(run.report.error).toBe('quit at hello')
    })

    it('has judged the certificate at certificate', async () => {
      const server = await serve(await certificate(DUAL_FORM), whole(IMAGE))
      const run = await download({ ...server, identity: dualForm }, ['--quit-at', 'certificate'])
      expect(run.report.error).toBe('mbedtls_ssl_handshake returned -0x2700')
    })
  })

  describe('the session file', () => {
    it('lets the next run take up the session of this one', async () => {
      const server = await serve(dualForm, whole(IMAGE))
      const args = ['--session-file', join(folder, 'next-run.session')]
      expect(await download(server, args)).toMatchObject({ code: DEVICE_EXIT.done, report: { resumed: false } })
      expect(await download(server, args)).toMatchObject({ code: DEVICE_EXIT.done, report: { resumed: true } })
      expect(await download(server, args)).toMatchObject({ code: DEVICE_EXIT.done, report: { resumed: true } })
      expect(server.reused).toEqual([false, true, true])
    })

    it('costs a whole handshake when the server has forgotten the session', async () => {
      const args = ['--session-file', join(folder, 'forgotten.session')]
      await download(await serve(dualForm, whole(IMAGE)), args)
      const run = await download(await serve(dualForm, whole(IMAGE)), args)
      expect(run).toMatchObject({ code: DEVICE_EXIT.done, report: { resumed: false } })
    })

    it('is taken up by the first connection only, unless the run resumes its own session too', async () => {
      const server = await serve(dualForm, whole(IMAGE))
      const args = ['--session-file', join(folder, 'first-only.session'), '--handshakes', '2']
      await download(server, args)
      await download(server, args)
      await download(server, [...args, '--session-resume'])
      expect(server.reused).toEqual([false, false, true, false, true, true])
    })

    it('stays as it is when no handshake ends well', async () => {
      const server = await serve(dualForm, whole(IMAGE))
      const file = join(folder, 'kept.session')
      await download(server, ['--session-file', file])
      const before = await readFile(file)
      await download(server, ['--session-file', file, '--quit-at', 'hello'])
      expect(await readFile(file)).toEqual(before)
    })

    it('is wrong usage when it holds something else', async () => {
      const file = join(folder, 'image.session')
      await writeFile(file, IMAGE)
      const run = await download(await serve(dualForm, whole(IMAGE)), ['--session-file', file])
      expect(run).toMatchObject({ code: DEVICE_EXIT.wrongUsage, report: { connections: 0 } })
      expect(await readFile(file)).toEqual(IMAGE)
    })
  })

  describe('handshakes alone', () => {
    it('are as many as asked for, each whole and on its own connection, with no request', async () => {
      const server = await serve(dualForm, whole(IMAGE))
      const run = await download(server, ['--handshakes', '3'])
      expect(run).toMatchObject({
        code: DEVICE_EXIT.done,
        report: { status: null, handshakes: 3, connections: 3, requests: 0, resumed: false }
      })
      expect(run.report.handshakesMs).toBeGreaterThan(run.report.handshakeMs)
      expect(server).toMatchObject({ requests: [], reused: [false, false, false] })
    })

    it('resume the session of the first when asked to', async () => {
      const server = await serve(dualForm, whole(IMAGE))
      const run = await download(server, ['--handshakes', '3', '--session-resume'])
      expect(run).toMatchObject({ code: DEVICE_EXIT.done, report: { handshakes: 3, resumed: true } })
      expect(server.reused).toEqual([false, true, true])
    })

    it('end with the first that fails', async () => {
      const server = await serve(dualForm, whole(IMAGE))
      const run = await download({ ...server, identity: await certificate(DUAL_FORM) }, ['--handshakes', '3'])
      expect(run).toMatchObject({
        code: DEVICE_EXIT.handshakeFailed,
        report: { handshakes: 0, handshakesMs: 0, connections: 1 }
      })
    })

    it('are counted in a download too', async () => {
      const run = await download(await serve(dualForm, ranges(IMAGE)), ['--flow', 'partial', '--chunk', '40000'])
      expect(run.report).toMatchObject({ handshakes: 2, connections: 2 })
    })
  })

  it('sends the header lines ESP-IDF 4.4 sends, in its order, and no other', async () => {
    const server = await serve(dualForm, whole(IMAGE))
    await download(server)
    const host = new URL(server.url).host
    expect(server.heads).toEqual([['User-Agent', 'ESP32 HTTP Client/1.0', 'Host', host, 'Content-Length', '0']])
  })

  describe('the answer', () => {
    it('is refused when its body is shorter than its Content-Length', async () => {
      const run = await download(await serve(dualForm, cutAfter(50_000)))
      expect(run.code).toBe(DEVICE_EXIT.transferBroken)
      expect(run.stderr).toContain('Connection closed before complete data was received!')
      expect(run.report.bytes).toBe(50_000)
    })

    it('is refused when it ends within the first 1024 bytes', async () => {
      const run = await download(await serve(dualForm, whole(IMAGE.subarray(0, 1023))))
      expect(run).toMatchObject({
        code: DEVICE_EXIT.imageRefused,
        report: { error: 'Complete headers were not received' }
      })
    })

    const refusedStatuses = [
      [403, 'File not found(403)'],
      [404, 'File not found(404)'],
      [409, 'Client error (409)'],
      [503, 'Server error (503)']
    ] as const
    for (const [status, error] of refusedStatuses) {
      it(`is refused when its status is ${status}`, async () => {
        const run = await download(
          await serve(dualForm, (_request, response) => response.writeHead(status, { 'Content-Length': 2 }).end('no'))
        )
        expect(run).toMatchObject({ code: DEVICE_EXIT.answerRefused, report: { status, bytes: 0, error } })
      })
    }

    it('is refused when it is HTML', async () => {
      const page = Buffer.from('<!doctype html>'.padEnd(2000))
      const run = await download(await serve(dualForm, whole(page)))
      expect(run.code).toBe(DEVICE_EXIT.imageRefused)
      expect(run.stderr).toContain('OTA image has invalid magic byte (expected 0xE9, saw 0x3c)')
    })

    it('is refused when it is an image for another chip', async () => {
      const run = await download(await serve(dualForm, whole(IMAGE)), ['--chip-id', '9'])
      expect(run).toMatchObject({
        code: DEVICE_EXIT.imageRefused,
        report: { error: 'Mismatch chip id, expected 9, found 0' }
      })
    })

    it('is refused when it is chunked', async () => {
      // Node chunks what is written before its length is known.
      const inPieces: RequestListener = (_request, response) => {
        response.write(IMAGE)
        response.end()
      }
      const run = await download(await serve(dualForm, inPieces))
      expect(run).toMatchObject({ code: DEVICE_EXIT.answerRefused, report: { bytes: 0 } })
    })

    it('is read whatever the case of its header names and however long its head', async () => {
      const padding = Array.from({ length: 50 }, (_, index) => [`X-Padding-${index}`, 'x'.repeat(300)])
      const headers = Object.fromEntries([...padding, ['CONTENT-length', IMAGE.length]])
      const run = await download(
        await serve(dualForm, (_request, response) => response.writeHead(200, headers).end(IMAGE))
      )
      expect(run.code).toBe(DEVICE_EXIT.done)
    })

    it('is not waited for longer than the timeout', async () => {
      const run = await download(await serve(dualForm, () => {}), ['--timeout-ms', '200'])
      expect(run.code).toBe(DEVICE_EXIT.transferBroken)
      expect(run.stderr).toContain('timed out')
    })
  })

  it('says with the errno that nobody listens', async () => {
    const server = await serve(dualForm, whole(IMAGE))
    await server.close()
    const run = await download(server)
    expect(run).toMatchObject({ code: DEVICE_EXIT.cannotConnect, report: { connections: 0 } })
    expect(run.stderr).toMatch(/errno \d+: Connection refused/)
  })

  describe('the partial flow', () => {
    const CHUNK = ['--flow', 'partial', '--chunk', '40000']

    it('assembles the file from ranges on one connection after that of the HEAD', async () => {
      const server = await serve(dualForm, ranges(IMAGE))
      const run = await download(server, CHUNK)
      expect(run).toMatchObject({ code: DEVICE_EXIT.done, report: { status: 206, requests: 4, connections: 2 } })
      expect(run.report.sha256).toBe(sha256(IMAGE))
      expect(server.requests).toEqual(['HEAD', 'GET bytes=0-39999', 'GET bytes=40000-79999', 'GET bytes=80000-'])
    })

    it('opens a connection for each range when it is as old as v5.3', async () => {
      const run = await download(await serve(dualForm, ranges(IMAGE)), [...CHUNK, '--new-connection-per-range'])
      expect(run).toMatchObject({ code: DEVICE_EXIT.done, report: { connections: 4, resumed: false } })
    })

    it('takes up the TLS session of its first connection when asked to', async () => {
      const run = await download(await serve(dualForm, ranges(IMAGE)), [...CHUNK, '--session-resume'])
      expect(run).toMatchObject({ code: DEVICE_EXIT.done, report: { connections: 2, resumed: true } })
    })

    it('asks without a range for a file of one chunk', async () => {
      const server = await serve(dualForm, ranges(IMAGE))
      await download(server, ['--flow', 'partial', '--chunk', String(IMAGE.length)])
      expect(server.requests).toEqual(['HEAD', 'GET'])
    })

    it('appends a whole file sent in answer to a range, and finds the length wrong', async () => {
      let served = 0
      const server = await serve(dualForm, (request, response) => {
        const answer = request.method === 'GET' && ++served > 1 ? whole(IMAGE) : ranges(IMAGE)
        answer(request, response)
      })
      const run = await download(server, CHUNK)
      expect(run).toMatchObject({ code: DEVICE_EXIT.transferBroken, report: { status: 200, bytes: 140_000 } })
      expect(run.stderr).toContain('Complete data was not received.')
    })
  })

  describe('the resume flow', () => {
    it('continues where it stopped', async () => {
      const server = await serve(dualForm, ranges(IMAGE))
      const run = await download(server, await stoppedAt(65_536))
      expect(run).toMatchObject({ code: DEVICE_EXIT.done, report: { status: 206, requests: 1, connections: 1 } })
      expect(run.report.sha256).toBe(sha256(IMAGE))
      expect(server.requests).toEqual(['GET bytes=65536-'])
    })

    it('starts again on 416, over a new connection', async () => {
      const server = await serve(dualForm, ranges(IMAGE.subarray(0, 20_000)))
      const run = await download(server, await stoppedAt(65_536))
      expect(run).toMatchObject({ code: DEVICE_EXIT.done, report: { status: 200, requests: 2, connections: 2 } })
      expect(run.report.sha256).toBe(sha256(IMAGE.subarray(0, 20_000)))
      expect(server.requests).toEqual(['GET bytes=65536-', 'GET'])
    })

    it('starts again on 200, as since v5.5.4', async () => {
      const run = await download(await serve(dualForm, whole(IMAGE)), await stoppedAt(65_536))
      expect(run.stderr).toContain('Server ignored the requested Range header')
      expect(run.report).toMatchObject({ requests: 2, sha256: sha256(IMAGE) })
    })

    it('asks for a rest of one chunk with its end one past the last byte', async () => {
      const server = await serve(dualForm, ranges(IMAGE))
      const run = await download(server, [...(await stoppedAt(65_536)), '--chunk', '40000'])
      expect(run).toMatchObject({ code: DEVICE_EXIT.done, report: { sha256: sha256(IMAGE) } })
      expect(server.requests).toEqual(['HEAD', 'GET bytes=65536-100000'])
    })

    it('asks for an inverted range when the file became shorter, and starts again in ranges', async () => {
      const server = await serve(dualForm, ranges(IMAGE.subarray(0, 50_000)))
      const run = await download(server, [...(await stoppedAt(65_536)), '--chunk', '40000'])
      expect(run).toMatchObject({ code: DEVICE_EXIT.done, report: { sha256: sha256(IMAGE.subarray(0, 50_000)) } })
      expect(server.requests).toEqual(['HEAD', 'GET bytes=65536-50000', 'GET bytes=0-39999', 'GET bytes=40000-'])
    })
  })

  describe('the records', () => {
    it('are measured as plaintext', async () => {
      const server = await serve(dualForm, whole(IMAGE), { onSocket: socket => socket.setMaxSendFragment(4096) })
      expect((await download(server)).report.maxRecord).toBe(4096)
    })

    it('are no larger than the fragment length the device asked for', async () => {
      const run = await download(await serve(dualForm, whole(IMAGE)), ['--max-fragment', '1024'])
      expect(run).toMatchObject({ code: DEVICE_EXIT.done, report: { maxRecord: 1024 } })
    })

    // mbedTLS puts handshake messages together from records only since 3.6.3.
    it('end the handshake when the certificate needs more than one of them', async () => {
      const server = await serve(await certificate(DUAL_FORM, { keyType: 'rsa', keySize: 2048 }), whole(IMAGE))
      const run = await download(server, ['--max-fragment', '512'])
      expect(run).toMatchObject({
        code: DEVICE_EXIT.handshakeFailed,
        report: { error: 'mbedtls_ssl_handshake returned -0x7080' }
      })
      expect(await server.refusal).toMatchObject({ code: 'ECONNRESET' })
    })
  })

  it('writes what its slot holds to a file, also after a failure', async () => {
    const out = join(folder, 'slot.bin')
    await download(await serve(dualForm, cutAfter(50_000)), ['--out', out])
    expect(await readFile(out)).toEqual(IMAGE.subarray(0, 50_000))
  })

  it('refuses an option it does not know', async () => {
    const run = await download(await serve(dualForm, whole(IMAGE)), ['--fast', 'yes'])
    expect(run.code).toBe(DEVICE_EXIT.wrongUsage)
  })

  async function download(server: { url: string; identity: GenerateResult }, args: readonly string[] = []) {
    const ca = join(folder, `${sha256(Buffer.from(server.identity.cert))}.pem`)
    await writeFile(ca, server.identity.cert)
    return runDevice(program as string, [server.url, '--ca', ca, ...args])
  }

  async function own({ cert, private: key }: GenerateResult): Promise<[string, string, string, string]> {
    const certificateFile = join(folder, `${sha256(Buffer.from(cert))}.crt`)
    const keyFile = join(folder, `${sha256(Buffer.from(key))}.key`)
    await writeFile(certificateFile, cert)
    await writeFile(keyFile, key)
    return ['--cert', certificateFile, '--key', keyFile]
  }

  async function stoppedAt(offset: number): Promise<string[]> {
    const have = join(folder, `have-${offset}.bin`)
    await writeFile(have, IMAGE.subarray(0, offset))
    return ['--flow', 'resume', '--offset', String(offset), '--have', have]
  }
})

async function certificate(altNames: readonly SubjectAltNameEntry[], options: SelfsignedOptions = {}) {
  const extensions = [{ name: 'subjectAltName' as const, altNames: [...altNames] }]
  return generate([{ name: 'commonName', value: altNames[0]?.value ?? ADDRESS }], {
    algorithm: 'sha256',
    keyType: 'ec',
    extensions,
    ...options
  })
}

/** A CA, and a certificate it issued for the server's address. */
async function issued() {
  const ca = await authority('root')
  return { ca, leaf: await certificate(DUAL_FORM, issuedBy(ca)) }
}

function authority(name: string, issuer?: GenerateResult) {
  const extensions = [{ name: 'basicConstraints' as const, cA: true }]
  return certificate([{ type: 2, value: name }], { extensions, ...(issuer && issuedBy(issuer)) })
}

function issuedBy(issuer: GenerateResult): SelfsignedOptions {
  return { ca: { key: issuer.private, cert: issuer.cert } }
}

function mutual(ca: GenerateResult) {
  return { requestCert: true, rejectUnauthorized: true, ca: [ca.cert] }
}

interface Serving extends ServerOptions {
  readonly onSocket?: (socket: TLSSocket) => void
}

/** A server on a free port of loopback, gone with the test, that writes down what it was asked. */
async function serve(identity: GenerateResult, answer: RequestListener, { onSocket, ...tls }: Serving = {}) {
  const requests: string[] = []
  const heads: string[][] = []
  const names: unknown[] = []
  const reused: boolean[] = []
  const server = createServer({ key: identity.private, cert: identity.cert, ...tls }, (request, response) => {
    requests.push([request.method, request.headers.range].filter(Boolean).join(' '))
    heads.push(request.rawHeaders)
    answer(request, response)
  })
  server.on('secureConnection', socket => {
    names.push(socket.servername)
    reused.push(socket.isSessionReused())
    onSocket?.(socket)
  })
  const refusal = new Promise<NodeJS.ErrnoException>(resolve => server.once('tlsClientError', resolve))
  await new Promise<void>(resolve => server.listen(0, ADDRESS, resolve))
  onTestFinished(() => close(server))
  const { port } = server.address() as AddressInfo
  const url = `https://${ADDRESS}:${port}/hello_world.bin`
  return { identity, url, requests, heads, names, reused, refusal, close: () => close(server) }
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
}

function whole(body: Buffer) {
  return (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { 'Content-Length': body.length }).end(body)
  }
}

function cutAfter(length: number): RequestListener {
  return (request, response) => {
    response.writeHead(200, { 'Content-Length': IMAGE.length })
    response.write(IMAGE.subarray(0, length), () => request.socket.end())
  }
}

/** Only what the device asks for: `a-`, `a-b` with b clamped, 416 for a start past the end or an inverted range. */
function ranges(body: Buffer) {
  return (request: IncomingMessage, response: ServerResponse) => {
    const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
    if (asked === null) return whole(body)(request, response)
    const first = Number(asked[1])
    const last = asked[2] ? Math.min(Number(asked[2]), body.length - 1) : body.length - 1
    if (first > last) {
      response.writeHead(416, { 'Content-Range': `bytes */${body.length}`, 'Content-Length': 0 }).end()
      return
    }
    const headers = { 'Content-Range': `bytes ${first}-${last}/${body.length}`, 'Content-Length': last + 1 - first }
    response.writeHead(206, headers).end(body.subarray(first, last + 1))
  }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
