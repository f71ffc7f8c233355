// "ota_demo still shows a new firmware after the update", "no update is offered", "errno 113": the forum threads of people who set the demo's
// server up by hand, with a manifest to write and a script to run for each build.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { exchange, openConnection } from '../../src/probe/raw-http.js'
import { renameOver } from '../support/build-folder.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { type } from '../support/desk.js'
import { aDemoImage, type DemoDevice, lookForUpdate, update } from '../support/device-smartthings.js'
import { anImage } from '../support/image-builder.js'
import { aSigningKey, withFooter } from '../support/image-builder-signatures.js'
import { digestOf, request } from '../support/shared-daemon.js'

const NAME = 'ota_demo.bin'

/** A person's desk: the SDK with the demo, and a home of otad. */
async function aDesk(): Promise<{ home: string; build: string; embedded: Pick<DemoDevice, 'root' | 'publicKey'> }> {
  const [home, sdk, build] = [await temporaryFolder(), await temporaryFolder(), await temporaryFolder()]
  const demo = path.join(sdk, 'apps/esp32/ota_demo')
  await mkdir(path.join(demo, 'main'), { recursive: true })
  await writeFile(path.join(demo, 'main/ota_util.c'), '')
  const { code } = await type(['cert', '--home', home, '--export', demo, '--smartthings'])
  expect(code).toBe(0)
  const root = await readFile(path.join(demo, 'main/root.pem'), 'utf8')
  const publicKey = await readFile(path.join(demo, 'main/public_key.pem'), 'utf8')
  return { home, build, embedded: { root, publicKey } }
}

async function publish(daemon: RunningDaemon, build: string, image: Buffer, name = NAME): Promise<readonly string[]> {
  await renameOver(path.join(build, name), image)
  const digest = digestOf(image)
  return (await daemon.event('release.published', event => event.name === name && event.digest === digest)).warnings
}

async function get(
  daemon: RunningDaemon,
  target: string,
  fields: readonly string[] = [],
  method: 'GET' | 'HEAD' = 'GET'
) {
  const connection = await openConnection({ host: '127.0.0.1', port: daemon.port, ca: daemon.ca })
  try {
    return await exchange(connection, request(method, target, fields), { method })
  } finally {
    await connection.close()
  }
}

/** Asks until the answer fits: what is signed afterwards is signed in the background. */
async function eventually(daemon: RunningDaemon, target: string, fits: (text: string, status: number) => boolean) {
  for (const until = performance.now() + 15_000; performance.now() < until; await elapse(50)) {
    const { body, status } = await get(daemon, target)
    if (fits(body.toString(), status)) return body.toString()
  }
  throw new Error(`${target} has not become what it should`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port)
  const isListening = await once(server, 'listening').then(
    () => true,
    () => false
  )
  server.close()
  return isListening
}

const deviceFor = (daemon: RunningDaemon, device: Omit<DemoDevice, 'serverUrl'>, folder = ''): DemoDevice => ({
  serverUrl: `https://127.0.0.1:${daemon.port}/${folder}`,
  ...device
})

describe("SmartThings' ota_demo", () => {
  it('updates when there is a new build, and is offered nothing afterwards', async () => {
    const { home, build, embedded } = await aDesk()
    const daemon = await startDaemon({ folders: [build], home })
    const first = aDemoImage({ firmwareVersion: 'ota_demo_ver1' })
    await publish(daemon, build, first)
    let device = deviceFor(daemon, { ...embedded, running: first })
    expect(await lookForUpdate(device)).toEqual({ available: undefined, log: ['isNewVersion : 0 '] })

    const second = aDemoImage({ firmwareVersion: 'ota_demo_ver2', seed: 2 })
    expect(await publish(daemon, build, second)).toEqual([])
    expect((await lookForUpdate(device)).available).toBe('ota_demo_ver2')
    const updated = await update(device)
    expect(updated.log).toEqual(['esp_ota_set_boot_partition succeeded'])
    expect(updated.running).toEqual(second)

    device = { ...device, running: updated.running }
    for (const _again of [1, 2, 3]) expect((await lookForUpdate(device)).available).toBeUndefined()
  })

  it('that was away for thirty builds, of which one is kept, is still offered the newest', {
    timeout: 60_000
  }, async () => {
    const { home, build, embedded } = await aDesk()
    const daemon = await startDaemon({ folders: [build], home, args: ['--keep-releases', '1', '--settle-ms', '0'] })
    const images = Array.from({ length: 30 }, (_, index) =>
      aDemoImage({ firmwareVersion: `1.0.${index}`, seed: index + 1, length: 4096 })
    )
    for (const image of images) await publish(daemon, build, image)
    const [first = Buffer.alloc(0)] = images
    const device = deviceFor(daemon, { ...embedded, running: first })
    expect((await get(daemon, '/version_info.json', [], 'HEAD')).header('content-length')).toBeDefined()
    expect((await lookForUpdate(device)).available).toBe('1.0.29')
    expect((await update(device)).running).toEqual(images.at(-1))
  })

  it('goes by firmwareVersion where PROJECT_VER says something else, and the person is told', async () => {
    const { home, build, embedded } = await aDesk()
    const daemon = await startDaemon({ folders: [build], home })
    const first = aDemoImage({ firmwareVersion: 'ota_demo_ver1', version: 'v1.4.2' })
    const warnings = await publish(daemon, build, first)
    expect(warnings).toEqual([expect.stringMatching(/firmwareVersion .*"ota_demo_ver1", PROJECT_VER is "v1.4.2"/)])
    const second = aDemoImage({ firmwareVersion: 'ota_demo_ver2', version: 'v1.4.3', seed: 2 })
    await publish(daemon, build, second)
    const device = deviceFor(daemon, { ...embedded, running: first })
    expect((await lookForUpdate(device)).available).toBe('ota_demo_ver2')
    expect((await lookForUpdate({ ...device, running: second })).available).toBeUndefined()
    // The second thread: PROJECT_VER was raised, device_info.json was not.
    const third = aDemoImage({ firmwareVersion: 'ota_demo_ver2', version: 'v1.4.4', seed: 3 })
    expect(await publish(daemon, build, third)).toContainEqual(expect.stringContaining('is still "ota_demo_ver2"'))
    expect((await lookForUpdate({ ...device, running: second })).available).toBeUndefined()
  })

  it('refuses what another key signed', async () => {
    const { home, build, embedded } = await aDesk()
    const daemon = await startDaemon({ folders: [build], home })
    const first = aDemoImage({ firmwareVersion: '1' })
    await publish(daemon, build, first)
    await publish(daemon, build, aDemoImage({ firmwareVersion: '2', seed: 2 }))
    const stranger = { ...embedded, publicKey: aSigningKey('rsa2048').pem.toString() }
    const { running, log } = await update(deviceFor(daemon, { ...stranger, running: first }))
    expect(log).toEqual(['_pk_verify is failed ', 'Signature verified NOK'])
    expect(running).toBe(first)
  })

  it('goes back with otad rollback, and is offered the older build', async () => {
    const { home, build, embedded } = await aDesk()
    const daemon = await startDaemon({ folders: [build], home })
    const [first, second] = [aDemoImage({ firmwareVersion: '1.0' }), aDemoImage({ firmwareVersion: '2.0', seed: 2 })]
    await publish(daemon, build, first)
    await publish(daemon, build, second)
    expect((await type(['rollback', NAME, '--home', home])).code).toBe(0)
    const device = deviceFor(daemon, { ...embedded, running: second })
    expect((await lookForUpdate(device)).available).toBe('1.0')
    expect((await update(device)).running).toEqual(first)
  })

  it('finds the same after a restart', async () => {
    const { home, build, embedded } = await aDesk()
    const before = await startDaemon({ folders: [build], home })
    const [first, second] = [aDemoImage({ firmwareVersion: '1.0' }), aDemoImage({ firmwareVersion: '2.0', seed: 2 })]
    await publish(before, build, first)
    await publish(before, build, second)
    const etag = (await get(before, '/signed_ota_demo.bin')).header('etag')
    await before.stop()
    const after = await startDaemon({ folders: [build], home })
    const device = deviceFor(after, { ...embedded, running: first })
    expect((await lookForUpdate(device)).available).toBe('2.0')
    expect((await update(device)).running).toEqual(second)
    expect((await get(after, '/signed_ota_demo.bin')).header('etag')).toBe(etag)
  })
})

describe('signed files', () => {
  it('answer as any other firmware: their own ETag, ranges, HEAD, and an address for ever', async () => {
    const { home, build } = await aDesk()
    const daemon = await startDaemon({ folders: [build], home })
    const image = aDemoImage({ firmwareVersion: '1.0' })
    await publish(daemon, build, image)
    const whole = await get(daemon, '/signed_ota_demo.bin')
    expect(whole.status).toBe(200)
    expect(whole.body.subarray(0, -268)).toEqual(image)
    const digest = createHash('sha256').update(whole.body).digest('hex')
    expect(whole.header('etag')).toBe(`"${digest}"`)
    expect(whole.header('content-type')).toBe('application/octet-stream')
    expect(whole.header('cache-control')).toBe('no-cache')
    expect((await get(daemon, '/signed_ota_demo.bin', [], 'HEAD')).header('content-length')).toBe(
      `${image.length + 268}`
    )
    const end = await get(daemon, '/signed_ota_demo.bin', [`Range: bytes=${image.length}-`, `If-Range: "${digest}"`])
    expect(end.status).toBe(206)
    expect(end.body).toEqual(whole.body.subarray(image.length))
    expect((await get(daemon, '/signed_ota_demo.bin', [`If-None-Match: "${digest}"`])).status).toBe(304)
    expect((await get(daemon, `/artifacts/${digest}.bin`)).body).toEqual(whole.body)
    expect((await get(daemon, `/${NAME}`)).body).toEqual(image)
  })

  it('are of one build, whatever is built while they are read in ranges', async () => {
    const { home, build } = await aDesk()
    const daemon = await startDaemon({ folders: [build], home })
    await publish(daemon, build, aDemoImage({ firmwareVersion: '1.0' }))
    const connection = await openConnection({ host: '127.0.0.1', port: daemon.port, ca: daemon.ca })
    const ask = (range: string) =>
      exchange(connection, request('GET', '/signed_ota_demo.bin', [`Range: bytes=${range}`]), { method: 'GET' })
    const begin = await ask('0-39999')
    await publish(daemon, build, aDemoImage({ firmwareVersion: '2.0', seed: 2 }))
    const rest = await ask('40000-')
    await connection.close()
    const etag = begin.header('etag')
    expect(rest.header('etag')).toBe(etag)
    expect(`"${digestOf(Buffer.concat([begin.body, rest.body]))}"`).toBe(etag)
  })

  it('go with their release, and are made anew when they are lost', async () => {
    const { home, build } = await aDesk()
    const artifacts = path.join(home, 'state/artifacts')
    const first = await startDaemon({ folders: [build], home, args: ['--keep-releases', '0'] })
    for (const seed of [1, 2, 3]) await publish(first, build, aDemoImage({ firmwareVersion: `${seed}.0`, seed }))
    const digest = (await get(first, '/signed_ota_demo.bin')).header('etag')?.slice(1, -1) ?? ''
    await first.stop()
    await rm(path.join(artifacts, `${digest}.bin`))
    const second = await startDaemon({ folders: [build], home, args: ['--keep-releases', '0'] })
    await eventually(second, '/signed_ota_demo.bin', (_text, status) => status === 200)
    expect(await readdir(artifacts)).toContain(`${digest}.bin`)
    for (let left = 0; left !== 2; await elapse(50)) left = (await readdir(artifacts)).length
  })

  it('are there for what was published before the key was, without a restart', async () => {
    const [home, build] = [await temporaryFolder(), await temporaryFolder()]
    const daemon = await startDaemon({ folders: [build], home })
    await publish(daemon, build, aDemoImage({ firmwareVersion: '1.0' }))
    const { status, body } = await get(daemon, '/version_info.json')
    expect([status, body.toString()]).toEqual([404, expect.stringContaining('otad cert --export DIR --smartthings')])
    expect((await get(daemon, '/signed_ota_demo.bin')).status).toBe(404)
    expect((await type(['cert', '--home', home, '--export', await temporaryFolder(), '--smartthings'])).code).toBe(0)
    expect(await eventually(daemon, '/version_info.json', (_text, status) => status === 200)).toContain(
      '"latest":"1.0"'
    )
  })

  it('are signed again when the key is another one, while otad runs', async () => {
    const { home, build } = await aDesk()
    const daemon = await startDaemon({ folders: [build], home })
    const image = aDemoImage({ firmwareVersion: '1.0' })
    await publish(daemon, build, image)
    const key = aSigningKey('rsa2048')
    const pem = key.privateKey.export({ type: 'pkcs8', format: 'pem' })
    await renameOver(path.join(home, 'certs/smartthings_key.pem'), Buffer.from(pem))
    const expected = `"${digestOf(withFooter(image, key))}"`
    const isNew = async (): Promise<boolean> => (await get(daemon, '/signed_ota_demo.bin')).header('etag') === expected
    while (!(await isNew())) await elapse(50)
  })

  it('may come from the build folder: what firmware_sign.py has signed is served as it is', async () => {
    const [home, build] = [await temporaryFolder(), await temporaryFolder()]
    const key = aSigningKey('rsa2048')
    const daemon = await startDaemon({ folders: [build], home })
    const [first, second] = [aDemoImage({ firmwareVersion: '1.0' }), aDemoImage({ firmwareVersion: '2.0', seed: 2 })]
    for (const image of [first, second]) {
      await publish(daemon, build, image)
      await publish(daemon, build, withFooter(image, key), 'signed_ota_demo.bin')
    }
    const device = deviceFor(daemon, { root: daemon.ca, publicKey: key.pem.toString(), running: first })
    expect((await lookForUpdate(device)).available).toBe('2.0')
    expect((await update(device)).running).toEqual(second)
  })
})

describe('the base URL of the demo', () => {
  it('may be a folder with one app, or the address of one of several', async () => {
    const { home, embedded } = await aDesk()
    const [left, right] = [await temporaryFolder(), await temporaryFolder()]
    const daemon = await startDaemon({ folders: [`left=${left}`, `right=${right}`], home })
    const publishTo = (folder: string, label: string, file: string, image: Buffer) =>
      renameOver(path.join(folder, file), image).then(() =>
        daemon.event(
          'release.published',
          event => event.name === `${label}/${file}` && event.digest === digestOf(image)
        )
      )
    const [one, two] = [aDemoImage({ firmwareVersion: '1.0' }), aDemoImage({ firmwareVersion: '1.1', seed: 2 })]
    await publishTo(left, 'left', NAME, one)
    await publishTo(left, 'left', NAME, two)
    await publishTo(right, 'right', NAME, one)
    await publishTo(right, 'right', NAME, two)
    await publishTo(right, 'right', 'other.bin', anImage({ version: '7.0', seed: 7 }))

    const inLeft = deviceFor(daemon, { ...embedded, running: one }, 'left/')
    expect((await lookForUpdate(inLeft)).available).toBe('1.1')
    expect((await update(inLeft)).running).toEqual(two)
    expect((await get(daemon, '/left/versioninfo.json')).status).toBe(200)

    const base = `https://otad.test/right/${NAME}.smartthings/`
    expect((await get(daemon, '/right/version_info.json')).body.toString()).toContain(base)
    expect((await get(daemon, '/version_info.json')).body.toString()).toContain('https://otad.test/left/')
    const inRight = deviceFor(daemon, { ...embedded, running: one }, `right/${NAME}.smartthings/`)
    expect((await lookForUpdate(inRight)).available).toBe('1.1')
    expect((await update(inRight)).running).toEqual(two)
    expect((await get(daemon, `/right/${NAME}.smartthings/signed_other.bin`)).status).toBe(404)
  })

  it('needs no key made by hand on the port of the demo: --ports 4443 is enough', async ({ skip }) => {
    if (!(await isFree(4443))) return skip('something else listens on port 4443')
    const [home, build] = [await temporaryFolder(), await temporaryFolder()]
    await writeFile(path.join(build, NAME), aDemoImage({ firmwareVersion: '1.0' }))
    const child = await startDaemon({ folders: [build], home, args: ['--ports', '4443'] })
    expect((await get(child, '/signed_ota_demo.bin')).status).toBe(200)
    expect(await readdir(path.join(home, 'certs'))).toContain('smartthings_key.pem')
  })
})

describe('a signing key of the wrong kind', () => {
  it('is one sentence at the start', async () => {
    const [home, build] = [await temporaryFolder(), await temporaryFolder()]
    const file = path.join(home, 'root.key')
    await writeFile(file, aSigningKey('rsa3072').privateKey.export({ type: 'pkcs8', format: 'pem' }))
    const daemon = await startDaemon({ folders: [build], home, waits: false, args: ['--signing-key-file', file] })
    await expect(daemon.event('server.listening')).rejects.toThrow('RSA with 3072 bits')
    expect(await daemon.stop()).toBe(2)
  })
})
