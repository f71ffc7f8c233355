import { describe, expect, it } from 'vitest'
import { urlsInLiterals } from '../../src/doctor/firmware-url.js'
import { macrosOf, withMacros } from '../../src/doctor/macro-texts.js'
import { readSource } from '../../src/doctor/source-text.js'

/** The URLs of a source, with the macros that each was put together with. */
function urlsOf(text: string, settings: Readonly<Record<string, string>> = {}, ...others: readonly string[]) {
  const configuration = new Map(Object.entries(settings))
  const [source, ...rest] = [text, ...others].map(each => readSource(each, configuration))
  if (source === undefined) return []
  const literals = withMacros(source, macrosOf([source, ...rest], configuration)(source))
  return urlsInLiterals(literals, 'a.c', true).map(({ text: url, macros = [] }) => [url, ...macros])
}

describe('a URL that is put together', () => {
  // SmartThings' demo, with the slash left away.
  it('of a base and a file name', () => {
    const base = '#define CONFIG_OTA_SERVER_URL "https://192.168.1.8:8070"\n'
    expect(urlsOf(`${base}#define UPGRADE_URL CONFIG_OTA_SERVER_URL "signed_ota_demo.bin"\n`)).toEqual([
      ['https://192.168.1.8:8070'],
      ['https://192.168.1.8:8070signed_ota_demo.bin', 'CONFIG_OTA_SERVER_URL']
    ])
  })

  it('with a setting in the middle, over several lines', () => {
    const text = 'c.url = "https://" CONFIG_SRV_HOST\n  ":8070/" /* the app */ "fw.bin";\n'
    expect(urlsOf(text, { CONFIG_SRV_HOST: '192.168.2.106' })).toEqual([
      ['https://192.168.2.106:8070/fw.bin', 'CONFIG_SRV_HOST']
    ])
    expect(urlsOf('c.url = "https://" CONFIG_SRV_HOST;', { CONFIG_SRV_HOST: 'a.local:8070/fw.bin' })).toEqual([
      ['https://a.local:8070/fw.bin', 'CONFIG_SRV_HOST']
    ])
    expect(urlsOf(text)).toEqual([])
  })

  it('by printf, as far as its arguments are known', () => {
    const text = 'snprintf(url, sizeof(url), "https://%s:%d/%s.bin", SERVER, PORT, name);\n'
    const header = '#define SERVER ("192.168.2.106")\n#define PORT 8070\n'
    const known = [['https://192.168.2.106:8070/', 'SERVER', 'PORT']]
    expect(urlsOf(text, {}, header)).toEqual(known)
    expect(urlsOf('sprintf(u, "https://%s:8070/%s", HOST, "fw.bin");', {}, '#define HOST "192.168.2.106"')).toEqual([
      ['https://192.168.2.106:8070/fw.bin', 'HOST']
    ])
    expect(urlsOf(text)).toEqual([])
  })

  it('of nothing certain where files contradict each other', () => {
    const text = 'c.url = "https://" SERVER ":8070/fw.bin";\n'
    expect(urlsOf(text, {}, '#define SERVER "10.0.0.1"', '#define SERVER "10.0.0.2"')).toEqual([])
    expect(urlsOf(`#define SERVER "10.0.0.3"\n${text}`, {}, '#define SERVER "10.0.0.2"')).toContainEqual([
      'https://10.0.0.3:8070/fw.bin',
      'SERVER'
    ])
  })

  it('is no other than the compiler makes', () => {
    expect(urlsOf('#define A "https://192.168.1.8:8070/"\nf(A, "x.bin");\n')).toEqual([['https://192.168.1.8:8070/']])
    expect(urlsOf('printf("%d%% of https://192.168.1.8:8070/a.bin", n);')).toEqual([])
  })

  it('is found at once in a long text', () => {
    for (const piece of ['A ', '"a" A ', '#define A "a"\n', '"https://%s", A, ', ' ', '#define A 1'])
      expect(() => urlsOf(`#define A "b"\n${piece.repeat((256 * 1024) / piece.length)}`)).not.toThrow()
  }, 10_000)
})
