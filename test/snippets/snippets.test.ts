import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { issueCa, makeKey } from '../../src/certs/issue.js'
import { readDocumentAddress } from '../../src/dialects/dialects.js'
import { SNIPPET_KINDS, type SnippetFacts, type SnippetKind, snippetFor } from '../../src/snippets/snippet.js'
import { temporaryFolder } from '../support/daemon.js'

const run = promisify(execFile)

const ORIGIN = 'https://192.168.1.8:8070'

function factsFor(name: string, caCertificate: string | undefined, caFile: string | undefined): SnippetFacts {
  const url = `${ORIGIN}/${name.split('/').map(encodeURIComponent).join('/')}`
  return { url, origin: ORIGIN, name, host: '192.168.1.8', port: 8070, caCertificate, caFile }
}

/** Ends a literal, a comment or a line of each language here, if it is let. */
const HOSTILE_NAME = `it's/a"b\\c';$(touch pwned)\`id\`%s??/*/)PEM"\n#!(*)\u202e.bin`
const HOSTILE_FILE = `it's "my" \\ */ certs\n'; touch pwned #/ca_cert.pem`
/** The URL of that name with nothing in it but what RFC 3986 calls unreserved, `%` and `/`. */
const HOSTILE_URL = `${ORIGIN}/it%27s/a%22b%5Cc%27%3B%24%28touch%20pwned%29%60id%60%25s%3F%3F/%2A/%29PEM%22%0A%23%21%28%2A%29%E2%80%AE.bin`

let pem: string
let plain: SnippetFacts
let hostile: SnippetFacts
const ofPublicCa = factsFor('hello_world.bin', undefined, undefined)

beforeAll(async () => {
  pem = await issueCa(await makeKey('ec'), new Date())
  plain = factsFor('hello_world.bin', pem, 'certs/ca_cert.pem')
  hostile = factsFor(HOSTILE_NAME, `)PEM"; system("id"); R"PEM(\r\n${pem}#endif\n`, HOSTILE_FILE)
})

async function canRun(command: string): Promise<boolean> {
  return run(command, ['--version']).then(
    () => true,
    () => false
  )
}
const HAS_C = await canRun('cc')
const HAS_CPP = await canRun('c++')
const HAS_SHELL = process.platform !== 'win32'

/** Compiles files in a folder of their own, runs what comes out, and gives back what it printed. */
async function compileAndRun(compiler: string, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder()
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
    await writeFile(path.join(folder, name), text)
  }
  const sources = Object.keys(files).filter(name => /\.c(pp)?$/.test(name))
  await run(compiler, ['-Wall', '-Wextra', '-Werror', '-I.', '-o', 'program', ...sources], { cwd: folder })
  return (await run(path.join(folder, 'program'), [])).stdout
}

describe('a snippet', () => {
  it.each(SNIPPET_KINDS)('%s has the URL, and ends with one newline', kind => {
    const text = snippetFor(kind, plain)
    expect(text).toContain(`${ORIGIN}/hello_world.bin`)
    expect(text).toMatch(/[^\n]\n$/)
    expect(text.split('\n').filter(line => /\s$/.test(line))).toEqual([])
  })

  it.each(['arduino', 'esp32fota'] as const)('%s has the PEM in it', kind => {
    expect(snippetFor(kind, plain)).toContain(`R"PEM(${pem})PEM"`)
  })

  it.each(['idf', 'platformio', 'esphome', 'ghota', 'rainmaker', 'webtools', 'smartthings', 'curl'] as const)(
    '%s says which file to embed',
    kind => {
      expect(snippetFor(kind, plain)).toContain('certs/ca_cert.pem')
    }
  )

  const BUNDLES: Readonly<Record<SnippetKind, RegExp>> = {
    idf: /\.crt_bundle_attach = esp_crt_bundle_attach/,
    arduino: /client\.useBuiltinCACertBundle\(\)/,
    platformio: /there is none to embed/,
    esphome: /verify_ssl: true/,
    esp32fota: /paste the root of that CA/,
    otapull: /verifies no certificate/,
    ghota: /CONFIG_MBEDTLS_CERTIFICATE_BUNDLE=y is all/,
    rainmaker: /ESP_RMAKER_OTA_DEFAULT_SERVER_CERT/,
    tasmota: /^OtaUrl https:/m,
    webtools: /browsers know it/,
    smartthings: /put the root of that CA/,
    curl: /^curl -fO /m
  }
  it.each(SNIPPET_KINDS)("%s leaves a certificate of a public CA to the client's own roots", kind => {
    const text = snippetFor(kind, ofPublicCa)
    expect(text).toMatch(BUNDLES[kind])
    expect(text).not.toMatch(/BEGIN CERTIFICATE|otad cert|--cacert|embed_txtfiles|EMBED_TXTFILES|ca_certificate_path/)
  })

  it.each(SNIPPET_KINDS)('%s keeps hostile names where they belong', kind => {
    const text = snippetFor(kind, hostile)
    expect(text).toContain(HOSTILE_URL)
    // A shell word may hold a newline; everywhere else one more line would be one of theirs.
    if (kind !== 'curl') expect(text.split('\n')).toHaveLength(snippetFor(kind, plain).split('\n').length)
    expect(text).not.toMatch(/system\("id"\)|#endif|\u202e/)
  })

  it('decodes to the same name on the server', () => {
    expect(decodeURIComponent(HOSTILE_URL.slice(ORIGIN.length + 1))).toBe(HOSTILE_NAME)
  })
})

describe('otad snippet idf', () => {
  it('sets the options of the three examples, with the bundle off', () => {
    const lines = snippetFor('idf', plain).split('\n')
    for (const line of [
      `CONFIG_EXAMPLE_FIRMWARE_UPGRADE_URL="${ORIGIN}/hello_world.bin"`,
      `CONFIG_EXAMPLE_FIRMWARE_UPG_URL="${ORIGIN}/hello_world.bin"`,
      '# CONFIG_EXAMPLE_USE_CERT_BUNDLE is not set',
      'otad cert --export server_certs'
    ])
      expect(lines).toContain(line)
    expect(snippetFor('idf', ofPublicCa).split('\n')).toContain('CONFIG_EXAMPLE_USE_CERT_BUNDLE=y')
  })

  // The fields are in the order of esp_http_client_config_t, so that the same lines are C++ too.
  const STUBS = {
    'esp_http_client.h': `
      #include <stdbool.h>
      typedef struct {
        const char *url; const char *cert_pem; int timeout_ms;
        int (*crt_bundle_attach)(void *conf); bool keep_alive_enable;
      } esp_http_client_config_t;`,
    'esp_https_ota.h': `
      typedef int esp_err_t;
      #define ESP_OK 0
      typedef struct { const esp_http_client_config_t *http_config; } esp_https_ota_config_t;
      esp_err_t esp_https_ota(const esp_https_ota_config_t *config);
      const char *esp_err_to_name(esp_err_t code);`,
    'esp_crt_bundle.h': 'int esp_crt_bundle_attach(void *conf);',
    'esp_log.h': '#include <stdio.h>\n#define ESP_LOGE(tag, ...) printf(__VA_ARGS__)',
    'esp_system.h': 'void esp_restart(void);',
    'stubs.c': `
      #include <stdio.h>
      #include "esp_http_client.h"
      #include "esp_https_ota.h"
      const char embedded[] __asm__("_binary_ca_cert_pem_start") = "the embedded one";
      int esp_crt_bundle_attach(void *conf) { (void)conf; return 0; }
      void esp_restart(void) { }
      const char *esp_err_to_name(esp_err_t code) { return code == ESP_OK ? "ESP_OK" : "ESP_FAIL"; }
      esp_err_t esp_https_ota(const esp_https_ota_config_t *config) {
        const esp_http_client_config_t *http = config->http_config;
        const char *trust = http->cert_pem != NULL ? http->cert_pem : http->crt_bundle_attach != NULL ? "bundle" : "nobody";
        printf("%s\\n%s\\n", http->url, trust);
        return -1;
      }
      void update_from_otad(void);
      int main(void) { update_from_otad(); return 0; }`
  }
  const codeOf = (facts: SnippetFacts): string => {
    const text = snippetFor('idf', facts)
    return text.slice(text.indexOf('/* 4. main/main.c */'))
  }

  it.skipIf(!HAS_C)('compiles, asks for the URL, and trusts what was embedded', async () => {
    for (const [facts, url, trust] of [
      [plain, plain.url, 'the embedded one'],
      [hostile, HOSTILE_URL, 'the embedded one'],
      [ofPublicCa, ofPublicCa.url, 'bundle']
    ] as const)
      expect(await compileAndRun('cc', { ...STUBS, 'main.c': codeOf(facts) })).toBe(
        `${url}\n${trust}\nnothing installed: ESP_FAIL`
      )
  })
})

describe('otad snippet smartthings', () => {
  it.skipIf(!HAS_C)('defines what ota_util.c reads, in its spelling', async () => {
    const program = (facts: SnippetFacts): string =>
      `${snippetFor('smartthings', facts)}
      #include <stdio.h>
      int main(void) { puts(CONFIG_FIRMWARE_VERSOIN_INFO_URL); puts(CONFIG_FIRMWARE_UPGRADE_URL); return 0; }`
    const folder = HOSTILE_URL.slice(0, HOSTILE_URL.lastIndexOf('/') + 1)
    const file = HOSTILE_URL.slice(folder.length)
    expect(await compileAndRun('cc', { 'main.c': program(plain) })).toBe(
      `${ORIGIN}/version_info.json\n${ORIGIN}/signed_hello_world.bin\n`
    )
    expect(await compileAndRun('cc', { 'main.c': program(hostile) })).toBe(
      `${folder}version_info.json\n${folder}signed_${file}\n`
    )
  })
})

describe('the sketches', () => {
  /** As much of the Arduino core as the sketches use; the server says `SERVED` for the MD5, and the device runs `RUNNING`. */
  const STUBS = {
    'WiFi.h': `
      #pragma once
      #include <cstdio>
      #include <cstring>
      #include <string>
      #define RUNNING "0123456789abcdef0123456789abcdef"
      struct String : std::string {
        String(const char *text = "") : std::string(text) {}
        String(const std::string &text) : std::string(text) {}
        String substring(unsigned from, unsigned to) const { return substr(from, to - from); }
      };
      struct Port { template <class... T> void printf(const char *f, T... t) { std::printf(f, t...); } void println(const char *t) { puts(t); } };
      [[maybe_unused]] static Port Serial;
      [[maybe_unused]] static struct { String getSketchMD5() { return RUNNING; } } ESP;`,
    'WiFiClientSecure.h': `
      #pragma once
      struct WiFiClientSecure {
        const char *trust = "nobody";
        void setCACert(const char *pem) { trust = pem; }
        void useBuiltinCACertBundle() { trust = "bundle"; }
      };`,
    'HTTPClient.h': `
      #pragma once
      #define HTTP_CODE_OK 200
      struct HTTPClient {
        bool begin(WiFiClientSecure &client, String url) { std::printf("GET %s %s\\n", url.c_str(), client.trust); return true; }
        int GET() { return 200; }
        String getString() { return SERVED "  hello_world.bin\\n"; }
        void end() {}
      };`,
    'HTTPUpdate.h': `
      #pragma once
      enum HTTPUpdateResult { HTTP_UPDATE_FAILED, HTTP_UPDATE_NO_UPDATES, HTTP_UPDATE_OK };
      struct {
        HTTPUpdateResult update(WiFiClientSecure &client, const String &url, const String &version) {
          std::printf("update %s %s %s\\n", url.c_str(), version.c_str(), client.trust); return HTTP_UPDATE_FAILED;
        }
        int getLastError() { return -104; }
        String getLastErrorString() { return "Wrong HTTP Code"; }
      } httpUpdate;`,
    'esp_app_desc.h': `
      #pragma once
      #include <cstdint>
      #pragma GCC diagnostic ignored "-Wmissing-field-initializers"
      #define ESP_APP_DESC_MAGIC_WORD 0xABCD5432
      struct esp_app_desc_t {
        uint32_t magic_word; uint32_t secure_version; uint32_t reserv1[2]; char version[32]; char project_name[32];
        char time[16]; char date[16]; char idf_ver[32]; uint8_t app_elf_sha256[32]; uint32_t reserv2[20];
      };`,
    'ESP32OTAPull.h': `
      #pragma once
      struct ESP32OTAPull {
        int CheckForOTAUpdate(const char *url, const char *version) { std::printf("%s %s\\n", url, version); return -1; }
      };`,
    'esp32FOTA.hpp': `
      #pragma once
      struct CryptoMemAsset {
        const char *bytes; size_t length;
        CryptoMemAsset(const char *, const char *bytes, size_t length) : bytes(bytes), length(length) {}
      };
      struct esp32FOTA {
        CryptoMemAsset *root = nullptr;
        esp32FOTA(const char *type, const char *version, bool validate) { std::printf("%s %s %d\\n", type, version, validate); }
        template <typename T> void setRootCA(T *asset) { root = asset; }
        const char *manifest = "";
        void setManifestURL(const char *url) { manifest = url; }
        bool execHTTPcheck() {
          std::printf("GET %s %s %d\\n", manifest, root->bytes, root->length == std::strlen(root->bytes) + 1);
          return std::strcmp(SERVED, RUNNING) != 0;
        }
        bool execOTA() { puts("update"); return true; }
      };`
  }
  const OLD = '0123456789abcdef0123456789abcdef'
  const NEW = 'fedcba9876543210fedcba9876543210'
  const sketch = (kind: SnippetKind, facts: SnippetFacts, served: string): Promise<string> =>
    compileAndRun('c++', {
      ...STUBS,
      'sketch.cpp': `#define SERVED "${served}"\n${snippetFor(kind, facts)}\nint main() { updateFromOtad(); return 0; }\n`
    })

  it.skipIf(!HAS_CPP)('arduino installs what is new, over TLS that knows the certificate', async () => {
    const failure = 'update failed (-104): Wrong HTTP Code\n'
    for (const [facts, url, trust] of [
      [plain, plain.url, pem],
      [hostile, HOSTILE_URL, pem],
      [ofPublicCa, ofPublicCa.url, 'bundle']
    ] as const)
      expect(await sketch('arduino', facts, NEW)).toBe(
        `GET ${url}.md5 ${trust}\nupdate ${url} 1.0.0 ${trust}\n${failure}`
      )
  })

  it.skipIf(!HAS_CPP)('esp32fota follows its manifest, over TLS that knows the certificate', async () => {
    expect(await sketch('esp32fota', plain, NEW)).toBe(
      `hello_world 1.0.0 0\nGET ${plain.url}.esp32fota.json ${pem} 1\nupdate\n`
    )
    expect(await sketch('esp32fota', hostile, NEW)).toBe(
      `)PEM"\n#!(*)\u202e 1.0.0 0\nGET ${HOSTILE_URL}.esp32fota.json ${pem} 1\nupdate\n`
    )
  })

  it.skipIf(!HAS_CPP)('otapull asks its manifest, with the version that otad reads out of the image', async () => {
    for (const [facts, url] of [
      [plain, plain.url],
      [hostile, HOSTILE_URL]
    ] as const)
      expect(await sketch('otapull', facts, NEW)).toBe(`${url}.otapull.json 1.0.0\nno update: -1\n`)
  })

  it.skipIf(!HAS_CPP)('have an app descriptor of their own, where they go by version', async () => {
    for (const [kind, facts, project] of [
      ['esp32fota', plain, 'hello_world'],
      ['otapull', factsFor(`${'long-'.repeat(10)}.bin`, pem, 'ca.pem'), 'long-long-long-long-long-long-l']
    ] as const) {
      const printed = await compileAndRun('c++', {
        ...STUBS,
        'sketch.cpp': `#define SERVED ""\n${snippetFor(kind, facts)}
          int main() { printf("%x %s %s", esp_app_desc.magic_word, esp_app_desc.version, esp_app_desc.project_name); }\n`
      })
      expect(printed).toContain(`abcd5432 1.0.0 ${project}`)
    }
  })

  // A device that installs at every start what it runs already restarts for ever.
  it.skipIf(!HAS_CPP)('install nothing when the device runs what is served', async () => {
    for (const kind of ['arduino', 'esp32fota'] as const) expect(await sketch(kind, plain, OLD)).not.toContain('update')
  })
})

describe('otad snippet platformio', () => {
  /** Options of `[env]` as configparser reads them: comments left out, indented lines belong to the option above. */
  function readEnv(text: string): Map<string, string> {
    const options = new Map<string, string>()
    let section: string | undefined
    for (const line of text.split('\n').filter(line => line.trim() !== '' && !/^\s*[;#]/.test(line))) {
      const [, name] = /^\[(.+)\]$/.exec(line) ?? []
      const [, key, value = ''] = /^(\w[\w.]*) *= *(.*)$/.exec(line) ?? []
      const last = [...options.keys()].at(-1)
      if (name !== undefined) section = name
      else if (key !== undefined) options.set(key, value)
      else if (/^\s/.test(line) && last !== undefined) options.set(last, `${options.get(last)}\n${line.trim()}`)
      else throw new Error(`no line of an ini file: ${line}`)
      expect(section, line).toBe('env')
    }
    return options
  }

  it('embeds the certificate from a path without blanks, where PlatformIO would split it', () => {
    expect(readEnv(snippetFor('platformio', hostile)).get('board_build.embed_txtfiles')).toBe('certs/ca_cert.pem')
    expect([...readEnv(snippetFor('platformio', ofPublicCa)).keys()]).toEqual(['build_flags'])
  })

  it.skipIf(!HAS_SHELL)('defines the URL with one flag', async () => {
    for (const [facts, url] of [
      [plain, plain.url],
      [hostile, HOSTILE_URL]
    ] as const) {
      const flags = readEnv(snippetFor('platformio', facts)).get('build_flags')?.trim()
      // PlatformIO splits flags as a POSIX shell does.
      expect((await run('sh', ['-c', `printf '<%s>' ${flags}`])).stdout).toBe(`<-DFIRMWARE_URL="${url}">`)
    }
  })
})

describe('otad snippet esphome', () => {
  /** `path: value` of each line that has a value; double-quoted scalars of YAML without escapes are JSON. */
  function scalarsOf(text: string): Record<string, unknown> {
    const scalars: Record<string, unknown> = {}
    const open: { readonly indent: number; readonly key: string }[] = []
    for (const line of text.split('\n').filter(line => line !== '' && !line.startsWith('#'))) {
      const [, indent = '', dash = '', key, value = ''] = /^( *)(- )?([a-z_.\d]+):(?: (.+))?$/i.exec(line) ?? []
      if (key === undefined) throw new Error(`neither a comment nor a key: ${line}`)
      const depth = indent.length + dash.length
      while ((open.at(-1)?.indent ?? -1) >= depth) open.pop()
      if (value === '') open.push({ indent: depth, key })
      else scalars[[...open.map(({ key }) => key), key].join(' ')] = value.startsWith('"') ? JSON.parse(value) : value
    }
    return scalars
  }

  it('verifies the server with the certificate, follows the manifest, and flashes the URL with its MD5', () => {
    const rest = (url: string) => ({
      'ota platform': 'http_request',
      'substitutions firmware_version': '1.0.0',
      'esphome project name': 'otad.firmware',
      'esphome project version': '$firmware_version',
      'esp32 framework type': 'esp-idf',
      'esp32 framework sdkconfig_options CONFIG_APP_PROJECT_VER_FROM_CONFIG': 'y',
      // Kconfig wants its text in quotation marks, inside those of YAML.
      'esp32 framework sdkconfig_options CONFIG_APP_PROJECT_VER': `'"$firmware_version"'`,
      'update platform': 'http_request',
      'update name': 'Firmware from otad',
      'update source': `${url}.esphome.json`,
      'button platform': 'template',
      'button name': 'Update from otad',
      'button on_press ota.http_request.flash url': url,
      'button on_press ota.http_request.flash md5_url': `${url}.md5`
    })
    for (const [facts, url] of [
      [plain, plain.url],
      [hostile, HOSTILE_URL]
    ] as const)
      expect(scalarsOf(snippetFor('esphome', facts))).toEqual({
        'http_request verify_ssl': 'true',
        'http_request ca_certificate_path': 'ca_cert.pem',
        ...rest(url)
      })
    expect(scalarsOf(snippetFor('esphome', ofPublicCa))).toEqual({
      'http_request verify_ssl': 'true',
      ...rest(ofPublicCa.url)
    })
  })
})

describe('otad snippet ghota', () => {
  const STUBS = {
    'esp_ghota.h': `
      typedef struct {
        char filenamematch[64]; char storagenamematch[64]; char storagepartitionname[17];
        char *hostname; char *orgname; char *reponame; unsigned updateInterval;
      } ghota_config_t;
      typedef void ghota_client_handle_t;
      ghota_client_handle_t *ghota_init(ghota_config_t *config);
      int ghota_start_update_timer(ghota_client_handle_t *client);`,
    'stubs.c': `
      #include <stdio.h>
      #include "esp_ghota.h"
      ghota_client_handle_t *ghota_init(ghota_config_t *config) {
        printf("https://%s/repos/%s/%s/releases/latest", config->hostname, config->orgname, config->reponame);
        return config;
      }
      int ghota_start_update_timer(ghota_client_handle_t *client) { return client == NULL; }
      void update_from_otad(void);
      int main(void) { update_from_otad(); return 0; }`
  }

  it.skipIf(!HAS_C)('asks otad for the release as it would ask GitHub', async () => {
    const askedBy = (facts: SnippetFacts): Promise<string> =>
      compileAndRun('cc', { ...STUBS, 'main.c': `#include <stddef.h>\n${snippetFor('ghota', facts)}` })
    for (const [facts, name] of [
      [plain, 'hello_world.bin'],
      [hostile, HOSTILE_NAME]
    ] as const) {
      const url = await askedBy(facts)
      expect(url.startsWith(`${ORIGIN}/`)).toBe(true)
      expect(readDocumentAddress(decodeURIComponent(url.slice(ORIGIN.length + 1)))?.names).toContain(name)
    }
  })
})

describe('otad snippet webtools', () => {
  it('has one button that leads to the manifest, and one comment', () => {
    for (const [facts, url] of [
      [plain, plain.url],
      [hostile, HOSTILE_URL]
    ] as const) {
      const text = snippetFor('webtools', facts)
      expect(text.match(/<esp-web-install-button manifest="([^"<>]*)">/)?.[1]).toBe(`${url}.webtools.json`)
      expect(text.match(/-->/g)).toHaveLength(1)
      expect(text.indexOf('-->')).toBeLessThan(text.indexOf('<script'))
    }
  })
})

describe('otad snippet tasmota', () => {
  it('is lines for its console, with a warning where the URL would not do', () => {
    expect(snippetFor('tasmota', plain).split('\n').slice(-3)).toEqual([`OtaUrl ${plain.url}`, 'Upgrade 1', ''])
    const long = factsFor(`${'x'.repeat(190)}.bin`, pem, 'ca.pem')
    expect(snippetFor('tasmota', long)).toContain('200 characters')
  })
})

describe('otad snippet rainmaker', () => {
  it.skipIf(!HAS_C)('compiles, and trusts what was embedded', async () => {
    const stubs = {
      'esp_rmaker_ota.h': `
        #include <stdio.h>
        #define OTA_USING_PARAMS 1
        extern const char ESP_RMAKER_OTA_DEFAULT_SERVER_CERT[];
        typedef struct { const char *server_cert; } esp_rmaker_ota_config_t;
        int esp_rmaker_ota_enable(esp_rmaker_ota_config_t *config, int type);`,
      'stubs.c': `
        #include "esp_rmaker_ota.h"
        const char ESP_RMAKER_OTA_DEFAULT_SERVER_CERT[] = "its own";
        const char embedded[] __asm__("_binary_ca_cert_pem_start") = "the embedded one";
        int esp_rmaker_ota_enable(esp_rmaker_ota_config_t *config, int type) { return printf("%s %d", config->server_cert, type); }
        void enable_ota_by_url(void);
        int main(void) { enable_ota_by_url(); return 0; }`
    }
    // The first line is for CMake, in a comment.
    for (const [facts, trust] of [
      [plain, 'the embedded one'],
      [hostile, 'the embedded one'],
      [ofPublicCa, 'its own']
    ] as const)
      expect(await compileAndRun('cc', { ...stubs, 'main.c': snippetFor('rainmaker', facts) })).toBe(`${trust} 1`)
  })
})

describe('otad snippet curl', () => {
  /** Runs the lines with a curl that tells its arguments on stderr, and says `abc` for the digest. */
  async function argumentsOf(facts: SnippetFacts): Promise<{ calls: string[][]; checked: string }> {
    const script = `curl() { printf '%s\\0' "$@" >&2; printf '\\1' >&2; echo abc; }; sha256sum() { cat; }\n`
    const cwd = await temporaryFolder()
    const { stdout, stderr } = await run('sh', ['-c', script + snippetFor('curl', facts)], { cwd })
    const calls = stderr.split('\u0001').slice(0, -1)
    return { calls: calls.map(call => call.split('\0').slice(0, -1)), checked: stdout.split('\n')[1] ?? '' }
  }

  it.skipIf(!HAS_SHELL)('calls curl with the certificate, the URL and nothing else', async () => {
    for (const [facts, url, trust] of [
      [plain, plain.url, ['--cacert', 'certs/ca_cert.pem']],
      [hostile, HOSTILE_URL, ['--cacert', HOSTILE_FILE]],
      [ofPublicCa, ofPublicCa.url, []]
    ] as const) {
      const { calls, checked } = await argumentsOf(facts)
      expect(calls).toEqual([
        [...trust, '-fO', url],
        [...trust, '-fsS', `${url}.sha256`],
        [...trust, '-fsS', '-r', '0-1023', '-D', '-', '-o', '/dev/null', url],
        [...trust, '-fsS', `${ORIGIN}/health`]
      ])
      // -O names the file after the last part of the URL.
      expect(checked).toBe(`abc  ./${url.split('/').at(-1)}`)
    }
  })
})
