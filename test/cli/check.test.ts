import { generateKeyPairSync } from 'node:crypto'
import { mkdir, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Compile } from 'typebox/schema'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/daemon.js'
import { type } from '../support/desk.js'
import { aBootloader, anImage, aPartitionTable, truncatedTo, withByteFlipped } from '../support/image-builder.js'
import { VerdictSchema } from '../support/verdict-schema.js'

const GOOD = anImage({ project: 'blink', version: 'v1.2.3', length: 80 * 1024 })
const BROKEN = truncatedTo(GOOD, 40_000)

async function folderWith(files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const folder = await temporaryFolder()
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
    await writeFile(path.join(folder, name), bytes)
  }
  return folder
}

describe('otad check', () => {
  it('ends with 0 for a good image, and shows what is in it', async () => {
    const { code, stdout } = await type(['check', 'good.bin'], { cwd: await folderWith({ 'good.bin': GOOD }) })
    expect(code).toBe(0)
    for (const fact of ['blink v1.2.3', 'ESP32', 'DROM', 'checksum', '(valid)', 'ACCEPTED'])
      expect(stdout).toContain(fact)
  })

  it('ends with 3 for a broken one, with the sentence and the line of the device', async () => {
    const { code, stdout } = await type(['check', 'broken.bin'], { cwd: await folderWith({ 'broken.bin': BROKEN }) })
    expect(code).toBe(3)
    expect(stdout).toContain('REFUSED')
    expect(stdout).toContain('invalid segment length 0xffffffff')
    expect(stdout).toContain('[truncated-segment-data]')
  })

  it('prints an array of one object for each file as JSON, in the shape of its schema', async () => {
    const cwd = await folderWith({ 'good.bin': GOOD, 'broken.bin': BROKEN })
    const { code, stdout } = await type(['check', '--json', 'good.bin', 'broken.bin'], { cwd })
    const verdicts: unknown[] = JSON.parse(stdout)
    expect(code).toBe(3)
    expect(verdicts).toMatchObject([
      { file: 'good.bin', kind: 'app', chip: 'esp32', verdict: 'accept', problems: [], device: [] },
      { file: 'broken.bin', verdict: 'reject', problems: [{ code: 'truncated-segment-data' }] }
    ])
    const schema = Compile(VerdictSchema)
    for (const verdict of verdicts) expect(schema.Check(verdict)).toBe(true)
  })

  it('reads standard input as -', async () => {
    expect((await type(['check', '-'], { stdin: GOOD })).code).toBe(0)
    expect((await type(['check', '-'], { stdin: BROKEN })).code).toBe(3)
  })

  it('looks through a folder, in the order of names', async () => {
    const cwd = await folderWith({
      'build/b.bin': GOOD,
      'build/a/x.bin': GOOD,
      'build/notes.txt': Buffer.from('no image')
    })
    const { stdout } = await type(['check', '--json', 'build'], { cwd })
    expect(JSON.parse(stdout).map(({ file }: { file: string }) => file)).toEqual([
      path.join('build', 'a', 'x.bin'),
      path.join('build', 'b.bin')
    ])
  })

  it('never reads a file above the limit, and goes on with the others of its folder', async () => {
    const cwd = await folderWith({ 'build/good.bin': GOOD, 'build/huge.bin': Buffer.alloc(0) })
    await truncate(path.join(cwd, 'build', 'huge.bin'), 3 * 1024 ** 3)
    const { code, stdout, stderr } = await type(['check', '--json', 'build'], { cwd })
    expect(JSON.parse(stdout)).toHaveLength(1)
    expect(stderr).toContain('huge.bin is 3221225472 bytes')
    expect(code).toBe(1)
  })

  it.each([
    ['a file that is not there', ['check', 'nowhere.bin'], 1, 'nowhere.bin is not there'],
    ['a chip that does not exist', ['check', '-', '--chip', 'esp32s33'], 2, 'esp32s3'],
    ['a kind that cannot be served', ['check', '-', '--kinds', 'bootlader'], 2, 'bootloader'],
    ['a format that does not exist', ['check', '-', '--format', 'xml'], 2, 'junit'],
    ['signatures without a key', ['check', '-', '--signature', 'required'], 2, '--signature-keys'],
    ['a key that is not there', ['check', '-', '--signature', 'required', '--key', 'nowhere.pem'], 1, 'nowhere.pem'],
    ['no file at all', ['check'], 2, 'missing required argument']
  ] as const)('says in one sentence what is wrong with %s', async (_what, args, code, hint) => {
    const said = await type(args, { cwd: await temporaryFolder(), stdin: GOOD })
    expect(said.code).toBe(code)
    expect(said.stderr).toContain(hint)
    expect(said.stderr).not.toContain('    at ')
  })

  it('refuses an image of another chip than the one given', async () => {
    const { code, stdout } = await type(['check', '-', '--chip', 'ESP32-C3'], { stdin: GOOD })
    expect(code).toBe(3)
    expect(stdout).toContain('this image is for ESP32, the project is for ESP32-C3')
  })

  it('takes the slot from a partition table, and shows how full it is', async () => {
    const cwd = await folderWith({ 'app.bin': GOOD, 'table.bin': aPartitionTable(), 'other.bin': GOOD })
    const fits = await type(['check', 'app.bin', '--partition-table', 'table.bin'], { cwd })
    expect(fits.code).toBe(0)
    expect(fits.stdout).toContain('█')
    const small = await type(['check', 'app.bin', '--slot-size', '64KiB'], { cwd })
    expect(small.code).toBe(3)
    expect(small.stdout).toContain('too many')
    expect((await type(['check', 'app.bin', '--partition-table', 'other.bin'], { cwd })).stderr).toContain(
      'not a binary partition table'
    )
  })

  it('refuses what is not signed where a signature is required', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
    const cwd = await folderWith({
      'app.bin': GOOD,
      'key.pem': Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }))
    })
    const { code, stdout } = await type(['check', 'app.bin', '--signature', 'required', '--key', 'key.pem'], { cwd })
    expect(code).toBe(3)
    expect(stdout).toContain('[signature-missing]')
  })

  it('takes no private key for a key to check with', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const cwd = await folderWith({ 'key.pem': Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })) })
    const { code, stderr } = await type(['check', '-', '--signature', 'required', '--key', 'key.pem'], {
      cwd,
      stdin: GOOD
    })
    expect(code).toBe(1)
    expect(stderr).toContain('neither a public key nor a key digest')
  })

  it('names the file beside it that was meant', async () => {
    const cwd = await folderWith({ 'bootloader.bin': aBootloader(), 'blink.bin': GOOD })
    expect((await type(['check', 'bootloader.bin'], { cwd })).stdout).toContain('serve blink.bin')
    expect((await type(['check', 'bootloader.bin', '--kinds', 'bootloader'], { cwd })).code).toBe(0)
  })

  it('writes a JUnit report that counts what was refused, whatever a file is called', async () => {
    const cwd = await folderWith({ 'a<&">.bin': BROKEN, 'good.bin': GOOD })
    const { code, stdout } = await type(['check', '.', '--format', 'junit'], { cwd })
    expect(code).toBe(3)
    expect(stdout).toContain('tests="2" failures="1"')
    expect(stdout).toContain('name="a&lt;&amp;&quot;&gt;.bin"')
    expect(stdout).toContain('<failure type="truncated-segment-data"')
  })

  it('writes a SARIF log with a rule for each code and a result for each problem', async () => {
    const cwd = await folderWith({ 'flip.bin': withByteFlipped(GOOD, 5000), 'good.bin': GOOD })
    const log = JSON.parse((await type(['check', 'flip.bin', 'good.bin', '--format', 'sarif'], { cwd })).stdout)
    expect(log.version).toBe('2.1.0')
    const [{ tool, results, artifacts }] = log.runs
    expect(tool.driver).toMatchObject({ name: 'otad', version: '9.8.7' })
    expect(tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual(['checksum-mismatch', 'hash-mismatch'])
    expect(results.map(({ level }: { level: string }) => level)).toEqual(['error', 'error'])
    expect(artifacts).toHaveLength(2)
  })
})
