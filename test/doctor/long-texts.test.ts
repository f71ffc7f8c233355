/**
 * A stranger's project decides what the doctor reads: a file of half a mebibyte of short literals once took it 157 s. Half a mebibyte of anything is read
 * in a time that grows with its length and no faster.
 */
import { describe, expect, it } from 'vitest'
import { certificatesIn, isPrivateKey } from '../../src/doctor/certificate-facts.js'
import { embeddedFiles } from '../../src/doctor/embedded-files.js'
import { urlsInImage, urlsInLines, urlsInLiterals } from '../../src/doctor/firmware-url.js'
import { readProject } from '../../src/doctor/read-project.js'
import { readSource } from '../../src/doctor/source-text.js'
import { readIni } from '../../src/watch/layout-text.js'

const LENGTH = 512 * 1024
const LONGEST_IMAGE = 32 * 1024 * 1024
const PATIENCE_MS = 10_000

const ofLength = (piece: string, length = LENGTH): string => piece.repeat(Math.ceil(length / piece.length))

function timeOf(action: () => unknown): number {
  const startedAt = performance.now()
  action()
  return performance.now() - startedAt
}

describe('half a mebibyte is read in a moment', () => {
  it.each([
    ['literals', '"a",'],
    ['literals without anything between them', '"a"'],
    ['named literals', 'a="b";\n'],
    ['words before literals', 'a"b"'],
    ['raw strings that never end', 'R"('],
    ['raw strings of other delimiters that never end', 'R"a( R"b( R"c( '],
    ['quotation marks', '"'],
    ['a string of escapes that never ends', '\\"'],
    ['apostrophes', "'\\"],
    ['comments that never end', '/* '],
    ['brackets before literals', '((((((((a("b",'],
    ['conditions that never end', '#if A\n'],
    ['a condition of comments', '/* '],
    ['line ends', '\n']
  ])('of a source: %s', (_name, piece) => {
    for (const text of [ofLength(piece), `#if ${ofLength(piece)}`, `"${ofLength(piece)}`])
      expect(timeOf(() => urlsInLiterals(readSource(text, new Map()).literals, 'a.c', true))).toBeLessThan(PATIENCE_MS)
  })

  it.each([
    ['quotation marks', '"'],
    ['backslashes', '\\'],
    ['defines', '-D '],
    ['schemes', 'https://'],
    ['spaces', ' ']
  ])('of settings: %s', (_name, piece) => {
    expect(timeOf(() => urlsInLines(ofLength(piece), 'platformio.ini'))).toBeLessThan(PATIENCE_MS)
  })

  it.each([
    ['spaces in a name', '[a]\na', ' ', 'x'],
    ['lines that go on', '[a]\nb = 1\n', ' c\n', ''],
    ['titles', '', '[a', '']
  ])('of an INI file: %s', (_name, head, piece, tail) => {
    expect(timeOf(() => readIni(`${head}${ofLength(piece)}${tail}`))).toBeLessThan(PATIENCE_MS)
  })

  it.each([
    ['line ends', '\n'],
    ['calls that never end', 'target_add_binary_data('],
    ['keywords', 'EMBED_FILES "']
  ])('of a build file: %s', (_name, piece) => {
    expect(timeOf(() => embeddedFiles(ofLength(piece), ''))).toBeLessThan(PATIENCE_MS)
  })

  it.each([
    ['settings that hold URLs', 'sdkconfig', (index: number) => `CONFIG_OTA_URL${index}="https://a/b.bin"\n`],
    ['defaults of Kconfig', 'Kconfig', (index: number) => `config OTA_${index}_URL\ndefault "https://a/b.bin"\n`],
    ['YAML of line ends', 'a.yaml', () => '\n'],
    ['files to embed', 'CMakeLists.txt', (index: number) => `EMBED_FILES ${index}.pem\n`]
  ])('of a project: %s', (_name, file, line) => {
    const pieces: string[] = []
    for (let length = 0; length < LENGTH; length += pieces.at(-1)?.length ?? 0) pieces.push(line(pieces.length))
    const text = pieces.join('')
    const files = [
      { file, text, bytes: Buffer.from(text), modifiedAt: 0 },
      { file: 'sdkconfig.defaults', text: '', bytes: Buffer.alloc(0), modifiedAt: 0 }
    ]
    const texts = { system: 'esp-idf', files, sdkconfig: 'sdkconfig', built: [], isConfirmedElsewhere: false } as const
    expect(timeOf(() => readProject(texts))).toBeLessThan(PATIENCE_MS)
  })
})

describe('an image as long as may be is read in a moment', () => {
  it.each([
    ['beginnings of certificates', '-----BEGIN CERTIFICATE-----'],
    ['certificates that are none', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'],
    ['beginnings of keys', '-----BEGIN RSA RSA '],
    ['schemes', 'https://'],
    ['ends of URLs', '.bin\0']
  ])('%s', (_name, piece) => {
    const image = Buffer.alloc(LONGEST_IMAGE, piece, 'latin1')
    const text = image.toString('latin1')
    expect(
      timeOf(() => [certificatesIn(text), isPrivateKey(text.slice(0, LENGTH)), urlsInImage(image, 'a.bin')])
    ).toBeLessThan(PATIENCE_MS)
  })
})

describe('what is read is the same', () => {
  it('as in short texts: literals have their lines', () => {
    const text = `${'x = "a";\n'.repeat(1000)}R"raw(\n)raw" "https://192.168.1.3:8070/a.bin"`
    const { literals } = readSource(text, new Map())
    expect(literals).toHaveLength(1001)
    expect(literals.map(({ line }) => line)).toEqual(Array.from({ length: 1001 }, (_, index) => index + 1))
    expect(literals.at(-1)?.value).toBe('\nhttps://192.168.1.3:8070/a.bin')
  })

  it('where a string or a raw string is not closed: it is none, and the next line goes on', () => {
    expect(readSource('#error 12" wide\nx = "b";', new Map()).literals.map(({ value }) => value)).toEqual(['b'])
    expect(readSource('int n = 1\'000; x = "b";', new Map()).literals.map(({ value }) => value)).toEqual(['b'])
    expect(readSource('x = "b"; y = R"(c', new Map()).literals.map(({ value }) => value)).toEqual(['b'])
    expect(readSource('x = COLOR_R"(b)"', new Map()).literals.map(({ value }) => value)).toEqual(['(b)'])
  })

  it('where URLs stand in an image', () => {
    const image = Buffer.from(
      '\0https://ab/x.bin\0http://bc/y.bin?z\0 http://cd/z.bin.bin\0.bin\0http://d/https://e/f.bin'
    )
    expect(urlsInImage(image, 'a.bin').map(({ text }) => text)).toEqual([
      'https://ab/x.bin',
      'http://cd/z.bin.bin',
      'http://d/https://e/f.bin'
    ])
  })
})
