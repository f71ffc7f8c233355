import { describe, expect, it } from 'vitest'
import { embeddedFiles } from '../../src/doctor/embedded-files.js'
import { formOf, parseFirmwareUrl, urlsInLines, urlsInLiterals } from '../../src/doctor/firmware-url.js'
import { readConfiguration, readConfigurationJson, readKconfigDefaults } from '../../src/doctor/kconfig.js'
import { readKernelSockets } from '../../src/doctor/proc-net.js'
import { readSource } from '../../src/doctor/source-text.js'

const NONE = new Map<string, string>()
const literalsOf = (text: string, configuration: ReadonlyMap<string, string> = NONE) =>
  readSource(text, configuration).literals

describe('a source', () => {
  it('has its literals with the names that they are for', () => {
    const text = `#define OTA_URL "https://a/x.bin"
static const char *firmware_url = "b";
esp_http_client_config_t c = { .url = "c", .cert = x };
const char ca[] PROGMEM = R"EOF(d
"e")EOF";
httpUpdate.update(client, "f", 80, "/g");
String host = String("h");`
    expect(literalsOf(text).map(({ value, line, name }) => [value, line, name])).toEqual([
      ['https://a/x.bin', 1, 'OTA_URL'],
      ['b', 2, 'firmware_url'],
      ['c', 3, 'url'],
      ['d\n"e"', 4, 'ca'],
      ['f', 6, 'update'],
      ['/g', 6, 'update'],
      ['h', 7, 'host']
    ])
  })

  it('joins literals as the compiler does', () => {
    expect(literalsOf('x = "a\\n" // one\n    "b"\\\n "c";').map(({ value }) => value)).toEqual(['a\nbc'])
  })

  it('has no literals in comments and in what is not compiled', () => {
    const text = '// "a"\n/* "b" */\n#if 0\n"c"\n#else\n"d"\n#endif\n#ifdef CONFIG_X\n"e"\n#else\n"f"\n#endif\n'
    expect(literalsOf(text).map(({ value }) => value)).toEqual(['d', 'f'])
    expect(literalsOf(text, new Map([['CONFIG_X', 'y']])).map(({ value }) => value)).toEqual(['d', 'e'])
    expect(literalsOf('#ifndef CONFIG_X\n"a"\n#endif', new Map([['CONFIG_X', 'n']])).map(({ value }) => value)).toEqual(
      ['a']
    )
  })

  it('keeps both sides of a condition that nobody here knows', () => {
    expect(literalsOf('#ifdef DEBUG\n"a"\n#else\n"b"\n#endif').map(({ value }) => value)).toEqual(['a', 'b'])
  })
})

describe('where firmware is', () => {
  it.each([
    ['https://192.168.1.3:8070/hello_world.bin', undefined, 'url'],
    ['https://192.168.1.3:4443/', 'CONFIG_OTA_SERVER_URL', 'base'],
    ['https://example.com/api', 'firmwareUrl', 'url'],
    ['192.168.1.3', 'otaHost', 'host'],
    ['bench.local', 'OTA_SERVER', 'host'],
    ['192.168.1.3:8070/a.bin', 'OTA_URL', 'url'],
    ['https://example.com/docs', 'TAG', undefined],
    ['https://%s:%d/fw.bin', 'fmt', undefined],
    ['192.168.1.3', 'mqtt_server', undefined],
    ['https://', 'OTA_URL', undefined],
    ['total', 'total_count', undefined]
  ])('%s of %s is %s', (text, name, form) => {
    expect(formOf(text, name, true)).toBe(form)
  })

  it('is told with its parts', () => {
    expect(parseFirmwareUrl('https://[fd00::8]/a%20b.bin')).toEqual({
      scheme: 'https',
      host: 'fd00::8',
      port: 443,
      hasPort: false,
      path: 'a b.bin'
    })
    for (const text of ['https:/x/y.bin', 'https://a b/c', 'https://x:99999/y.bin', 'https://x/%ff'])
      expect(parseFirmwareUrl(text)).toBeUndefined()
  })

  it('stands in platformio.ini, in build flags too', () => {
    const ini =
      '[env]\nbuild_flags = -D OTA_URL=\\"https://a.local:8070/x.bin\\" ; https://no/x.bin\n# https://no/y.bin\n'
    expect(urlsInLines(ini, 'platformio.ini').map(({ text, line, name }) => [text, line, name])).toEqual([
      ['https://a.local:8070/x.bin', 2, 'OTA_URL']
    ])
  })

  it('is no matter of servers for other things', () => {
    const { literals } = readSource('const char *mqtt = "192.168.1.2"; const char *ntp_server = "10.0.0.1";', NONE)
    expect(urlsInLiterals(literals, 'a.ino', true)).toEqual([])
  })
})

describe('a configuration', () => {
  it('says what is set and what is not', () => {
    const read = readConfiguration('CONFIG_A=y\r\n# CONFIG_B is not set\r\nCONFIG_C="x y"\nCONFIG_D=0x10\n')
    expect([...read]).toEqual([
      ['CONFIG_B', 'n'],
      ['CONFIG_A', 'y'],
      ['CONFIG_C', 'x y'],
      ['CONFIG_D', '0x10']
    ])
  })

  it('is read from JSON and from the defaults of Kconfig', () => {
    expect([...readConfigurationJson('{"A":true,"B":false,"C":"x"}')]).toEqual([
      ['CONFIG_A', 'y'],
      ['CONFIG_B', 'n'],
      ['CONFIG_C', 'x']
    ])
    expect(readConfigurationJson('{').size).toBe(0)
    const kconfig =
      'menu "x"\n    config EXAMPLE_URL\n        string "URL"\n        default "https://a/b.bin"\nendmenu\n'
    expect(readKconfigDefaults(kconfig).get('CONFIG_EXAMPLE_URL')).toEqual({ value: 'https://a/b.bin', line: 4 })
  })
})

describe('build files', () => {
  it.each([
    [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: CMake's own
      'idf_component_register(SRCS "m.c"\n EMBED_TXTFILES ${project_dir}/server_certs/ca_cert.pem\n REQUIRES x)',
      'main',
      ['server_certs/ca_cert.pem']
    ],
    [
      'idf_component_register(EMBED_TXTFILES "../server_certs/ca_cert.pem" certs/b.pem)',
      'main',
      ['server_certs/ca_cert.pem', 'main/certs/b.pem']
    ],
    ['COMPONENT_EMBED_TXTFILES := root.pem\n', 'main', ['main/root.pem']],
    ['board_build.embed_txtfiles =\n  src/ca.pem\n  src/page.html\n', '', ['src/ca.pem']],
    ['# EMBED_TXTFILES old.pem\n', 'main', []]
  ])('name what they embed: %j', (text, folder, files) => {
    expect(embeddedFiles(text, folder)).toEqual(files)
  })
})

describe('the list of sockets of the kernel', () => {
  it('is read with its addresses', () => {
    const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
    const line = (address: string, state: string): string =>
      `   0: ${address}:1F86 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100\n`
    const six = '00000000000000000000000001000000'
    expect(readKernelSockets(`${head}${line('0100007F', '0A')}${line('0801A8C0', '01')}${line(six, '0A')}`)).toEqual([
      { address: '127.0.0.1', port: 8070, inode: '4711' },
      { address: '::1', port: 8070, inode: '4711' }
    ])
  })
})
