// `otad doctor`: the forum threads' nights of looking, in one command. Every fault is planted into something healthy, and is the only one.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import path from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  APP,
  aHealthyPlatformioProject,
  aHealthyProject,
  aHealthySketch,
  LAN,
  runDoctor,
  type Server,
  urlOf,
  visitDoctor
} from '../doctor/patient.js'
import { anAuthority, aSelfSigned, daysFromNow } from '../support/certificates.js'
import { PROGRAM, plainEnvironment, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage, aPartitionTable, TWO_OTA_PARTITIONS, truncatedTo } from '../support/image-builder.js'
import { useSharedDaemon } from '../support/shared-daemon.js'
import { aClock } from './other-clock.js'

const FIRMWARE = { 'hello_world.bin': APP, 'esp32dev/firmware.bin': APP, 'Blink.ino.bin': APP }
/** One that listens everywhere, as it does when nobody says anything. */
const daemon = useSharedDaemon({ firmware: FIRMWARE, args: ['--host', '::'] })

let server: Server
beforeAll(() => {
  server = { port: daemon.port, ca: daemon.ca }
})

const visit = (project: string | undefined, options: Partial<Parameters<typeof visitDoctor>[1]> = {}) =>
  visitDoctor(project, { home: daemon.home, ...options })

describe('what is healthy', () => {
  it('is an ESP-IDF project that is served', async () => {
    const said = await visit((await aHealthyProject(server)).folder)
    expect(said.complaints).toEqual([])
    expect(said.code).toBe(0)
    expect(said.verdict).toContain(urlOf(server))
  })

  it('is a PlatformIO project that is served', async () => {
    const said = await visit(await aHealthyPlatformioProject(server))
    expect(said.complaints).toEqual([])
    expect(said.facts.projects.map(({ system }) => system)).toEqual(['platformio'])
  })

  it('is an Arduino sketch that is served', async () => {
    const said = await visit(await aHealthySketch(server))
    expect(said.complaints).toEqual([])
    expect(said.facts.projects.map(({ system }) => system)).toEqual(['arduino'])
  })

  it('is a machine without a project', async () => {
    const said = await visit(undefined)
    expect(said.complaints).toEqual([])
    expect(said.facts.projects).toEqual([])
  })

  it('is told to a person too, with the URL in the verdict', async () => {
    const { folder } = await aHealthyProject(server)
    const { code, stdout } = await runDoctor(folder, { home: daemon.home })
    expect(code).toBe(0)
    expect(stdout).toContain('is this otad')
    expect(stdout.trimEnd().split('\n').at(-1)).toContain(urlOf(server))
  })
})

/** Plants one fault into a healthy project of ESP-IDF that is served, and expects it to be the only finding above a note. */
interface Fault {
  readonly name: string
  readonly code: string
  readonly severity?: 'serious' | 'warning'
  /** What its sentence or hint has to name: the value found and the value expected. */
  readonly says: () => readonly string[]
  readonly plant: (project: Awaited<ReturnType<typeof aHealthyProject>>) => Promise<void>
  /** What follows from it and is told too. */
  readonly and?: readonly string[]
}

const OTHER = 'https://192.168.2.106:8070/hello_world.bin'
const factory = TWO_OTA_PARTITIONS.filter(({ label }) => !label.startsWith('ota'))
const sdkconfig = 'sdkconfig'
const source = 'main/main.c'
const setting =
  (from: string | RegExp, to: string): Fault['plant'] =>
  project =>
    project.edit(sdkconfig, from, to)

const FAULTS: readonly Fault[] = [
  {
    name: 'the URL of another machine in sdkconfig',
    code: 'url-wrong-host',
    says: () => ['192.168.2.106', LAN, 'sdkconfig', urlOf(server)],
    plant: project => project.edit(sdkconfig, urlOf(server), OTHER)
  },
  {
    name: "the base URL of SmartThings' demo in a source file, which menuconfig cannot change",
    code: 'url-wrong-host',
    says: () => ['192.168.1.3', 'main/ota_util.c line 2', 'menuconfig', `https://${LAN}:${server.port}/`],
    plant: project =>
      project.write('main/ota_util.c', '#include "ota.h"\n#define CONFIG_OTA_SERVER_URL "https://192.168.1.3:4443/"\n')
  },
  {
    name: 'the URL of another machine in a header of a component',
    code: 'url-wrong-host',
    says: () => ['10.9.8.7', 'components/net/update.hpp'],
    plant: project =>
      project.write('components/net/update.hpp', 'static constexpr char kUrl[] = "https://10.9.8.7/fw.bin";\n')
  },
  {
    name: 'localhost in the URL',
    code: 'url-loopback',
    says: () => ['127.0.0.1', LAN],
    plant: project => project.edit(sdkconfig, LAN, '127.0.0.1')
  },
  {
    name: 'a port that nobody listens at',
    code: 'url-wrong-port',
    says: () => [':8443/', String(server.port)],
    plant: project => project.edit(sdkconfig, `:${server.port}/`, ':8443/')
  },
  {
    name: 'a URL without the port',
    code: 'url-wrong-port',
    says: () => ['443', String(server.port)],
    plant: project => project.edit(sdkconfig, `:${server.port}/`, '/')
  },
  {
    name: 'http at the HTTPS port',
    code: 'url-http-on-https-port',
    says: () => ['http://', urlOf(server)],
    plant: project => project.edit(sdkconfig, 'https://', 'http://'),
    and: ['http-not-allowed']
  },
  {
    name: 'a name that is not served',
    code: 'url-wrong-path',
    says: () => ['hello-world.bin', 'hello_world.bin'],
    plant: project => project.edit(sdkconfig, 'hello_world.bin', 'hello-world.bin')
  },
  {
    name: 'a URL that is none',
    code: 'url-malformed',
    says: () => ['https:/192', urlOf(server)],
    plant: project => project.edit(sdkconfig, 'https://', 'https:/')
  },
  {
    name: 'no URL at all in the setting',
    code: 'url-missing',
    says: () => ['CONFIG_EXAMPLE_FIRMWARE_UPGRADE_URL', urlOf(server)],
    plant: project => project.edit(sdkconfig, urlOf(server), '')
  },
  {
    name: 'a build that was made with another URL than the setting is now',
    code: 'url-wrong-host',
    says: () => ['build/config/sdkconfig.json', '192.168.2.106', 'build again'],
    plant: project =>
      project.write('build/config/sdkconfig.json', JSON.stringify({ EXAMPLE_FIRMWARE_UPGRADE_URL: OTHER }))
  },
  {
    name: 'a CA of somebody else',
    code: 'ca-stale',
    says: () => ['server_certs/ca_cert.pem', 'test root', 'otad cert --export server_certs'],
    plant: async project => project.write('server_certs/ca_cert.pem', (await anAuthority()).certificate)
  },
  {
    name: 'a CA of somebody else between quotation marks in a source',
    code: 'ca-stale',
    says: () => ['main/ca.h line 1', 'test root'],
    plant: async project => {
      const lines = (await anAuthority()).certificate.trimEnd().split('\n')
      await project.edit('main/CMakeLists.txt', /EMBED_TXTFILES .*/, ')')
      await rm(path.join(project.folder, 'server_certs'), { recursive: true })
      await project.write('main/ca.h', `static const char *ca = ${lines.map(line => `"${line}\\n"`).join('\n')};\n`)
    }
  },
  {
    name: "the server's certificate in the place of its CA",
    code: 'leaf-embedded',
    says: () => ['server_certs/ca_cert.pem', 'ca_cert.pem'],
    plant: async project => {
      const leaf = path.join(daemon.home, 'certs/server_cert.pem')
      await rm(path.join(project.folder, 'server_certs/ca_cert.pem'))
      await project.write('server_certs/ca_cert.pem', execFileSync('cat', [leaf]))
    }
  },
  {
    name: 'a file that is no certificate',
    code: 'ca-unreadable',
    says: () => ['server_certs/ca_cert.pem'],
    plant: project =>
      project.write('server_certs/ca_cert.pem', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n')
  },
  {
    name: 'an embedded file that is not there',
    code: 'ca-missing',
    says: () => ['server_certs/ca_cert.pem', 'otad cert --export server_certs'],
    plant: project => rm(path.join(project.folder, 'server_certs/ca_cert.pem'))
  },
  {
    name: 'a bundle of public roots without our CA',
    code: 'bundle-without-ca',
    says: () => ['-0x3000', 'CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE=y'],
    plant: setting(
      '# CONFIG_EXAMPLE_USE_CERT_BUNDLE is not set',
      'CONFIG_EXAMPLE_USE_CERT_BUNDLE=y\n# CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE is not set'
    )
  },
  {
    name: 'a bundle of public roots in the code alone, in a project without a certificate',
    code: 'bundle-without-ca',
    says: () => ['-0x3000', 'main/main.c:'],
    plant: async project => {
      await project.edit(source, '#ifdef CONFIG_EXAMPLE_USE_CERT_BUNDLE', '#if 1')
      await project.edit('main/CMakeLists.txt', /EMBED_TXTFILES .*/, ')')
      await rm(path.join(project.folder, 'server_certs'), { recursive: true })
    }
  },
  {
    name: 'a base URL without the slash that a file name is put behind',
    code: 'url-malformed',
    says: () => [`https://${LAN}:${server.port}signed_ota_demo.bin`, 'CONFIG_OTA_SERVER_URL'],
    plant: project =>
      project.write(
        'main/ota_util.h',
        `#define CONFIG_OTA_SERVER_URL "https://${LAN}:${server.port}"\n#define UPGRADE_URL CONFIG_OTA_SERVER_URL "signed_ota_demo.bin"\n`
      )
  },
  {
    name: 'the host of another machine in a setting that a URL is put together with',
    code: 'url-wrong-host',
    says: () => ['192.168.2.106', `set CONFIG_SRV_HOST="${LAN}"`],
    plant: async project => {
      await project.edit(sdkconfig, 'CONFIG_IDF_TARGET=', 'CONFIG_SRV_HOST="192.168.2.106"\nCONFIG_IDF_TARGET=')
      await project.edit(
        source,
        'CONFIG_EXAMPLE_FIRMWARE_UPGRADE_URL',
        `"https://" CONFIG_SRV_HOST ":${server.port}/hello_world.bin"`
      )
    }
  },
  {
    name: 'the host of another machine in a macro that a URL is printed with',
    code: 'url-wrong-host',
    says: () => ['192.168.2.106', 'main/main.c line', 'SERVER', LAN],
    plant: project =>
      project.edit(
        source,
        'static const char *TAG',
        `#define SERVER "192.168.2.106"\nvoid where(char *url) { snprintf(url, 99, "https://%s:${server.port}/hello_world.bin", SERVER); }\nstatic const char *TAG`
      )
  },
  {
    name: 'a private key in the project',
    code: 'key-in-project',
    severity: 'warning',
    says: () => ['server_certs/ca_key.pem'],
    plant: async project => project.write('server_certs/ca_key.pem', (await anAuthority()).key)
  },
  {
    name: 'a partition table without OTA slots',
    code: 'no-ota-slots',
    says: () => ['partition-table.bin', 'CONFIG_PARTITION_TABLE_TWO_OTA'],
    plant: async project => {
      await project.write('build/partition_table/partition-table.bin', aPartitionTable({ entries: factory }))
      await project.edit(sdkconfig, 'TABLE_TWO_OTA=y', 'TABLE_TWO_OTA_OF_OLD=n')
    }
  },
  {
    name: 'a single app in the configuration',
    code: 'no-ota-slots',
    says: () => ['CONFIG_PARTITION_TABLE_SINGLE_APP=y'],
    plant: setting('TABLE_TWO_OTA=y', 'TABLE_SINGLE_APP=y'),
    and: ['table-not-built']
  },
  {
    name: 'one OTA slot in the text of the table',
    code: 'one-ota-slot',
    says: () => ['partitions.csv', 'ota_0'],
    plant: async project => {
      await project.edit(
        sdkconfig,
        'TABLE_TWO_OTA=y',
        'TABLE_CUSTOM=y\nCONFIG_PARTITION_TABLE_CUSTOM_FILENAME="partitions.csv"'
      )
      await project.write(
        'partitions.csv',
        'otadata, data, ota, , 0x2000\nfactory, app, factory, , 1M\nota_0, app, ota_0, , 1M\n'
      )
    },
    and: ['table-not-built']
  },
  {
    name: 'no otadata',
    code: 'no-otadata',
    says: () => ['partition-table.bin', '0x2000'],
    plant: project =>
      project.write(
        'build/partition_table/partition-table.bin',
        aPartitionTable({ entries: TWO_OTA_PARTITIONS.filter(({ label }) => label !== 'otadata') })
      )
  },
  {
    name: 'a text of the table that is none',
    code: 'table-unreadable',
    says: () => ['partitions.csv'],
    plant: async project => {
      await project.edit(
        sdkconfig,
        'TABLE_TWO_OTA=y',
        'TABLE_CUSTOM=y\nCONFIG_PARTITION_TABLE_CUSTOM_FILENAME="partitions.csv"'
      )
      await project.write('partitions.csv', 'ota_0, app, ota_0, 0x10000, one megabyte\n')
    }
  },
  {
    name: 'a table that ends behind the flash',
    code: 'table-beyond-flash',
    says: () => ['2.0 MiB', 'CONFIG_ESPTOOLPY_FLASHSIZE'],
    plant: setting('"4MB"', '"2MB"')
  },
  {
    name: 'an image that is too large for its slot',
    code: 'image-too-large',
    says: () => ['build/hello_world.bin', '1048576', 'too many'],
    plant: project => writeFile(project.app, anImage({ length: 0x100000 + 4096, seed: 6 }))
  },
  {
    name: 'an image for another chip',
    code: 'image-other-chip',
    says: () => ['ESP32-S3', 'ESP32'],
    plant: project => writeFile(project.app, anImage({ chip: 'esp32s3', seed: 6 }))
  },
  {
    name: 'an image that was cut off',
    code: 'image-refused',
    says: () => ['build/hello_world.bin', 'a device would say'],
    plant: project => writeFile(project.app, truncatedTo(APP, 90_000))
  },
  {
    name: 'a build that failed',
    code: 'image-missing',
    says: () => ['build/hello_world.bin'],
    plant: project => rm(project.app)
  },
  {
    name: 'a build that is not what is served',
    code: 'build-not-served',
    severity: 'warning',
    says: () => ['hello_world.bin'],
    plant: project => writeFile(project.app, anImage({ length: 200 * 1024, seed: 77 }))
  },
  {
    name: 'HTTP that is allowed',
    code: 'http-allowed',
    severity: 'warning',
    says: () => ['CONFIG_ESP_HTTPS_OTA_ALLOW_HTTP'],
    plant: setting('# CONFIG_ESP_HTTPS_OTA_ALLOW_HTTP is not set', 'CONFIG_ESP_HTTPS_OTA_ALLOW_HTTP=y')
  },
  {
    name: 'a check of the name that is skipped',
    code: 'name-check-skipped',
    severity: 'warning',
    says: () => ['CONFIG_EXAMPLE_SKIP_COMMON_NAME_CHECK'],
    plant: setting('# CONFIG_EXAMPLE_SKIP_COMMON_NAME_CHECK is not set', 'CONFIG_EXAMPLE_SKIP_COMMON_NAME_CHECK=y')
  },
  {
    name: 'a check of the name that is skipped by a source',
    code: 'name-check-skipped',
    severity: 'warning',
    says: () => ['main/main.c:'],
    plant: project => project.edit(source, /#ifdef CONFIG_EXAMPLE_SKIP_COMMON_NAME_CHECK/, '#if 1')
  },
  {
    name: 'rollback without a confirmation',
    code: 'rollback-unconfirmed',
    says: () => ['esp_ota_mark_app_valid_cancel_rollback'],
    plant: setting('# CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE is not set', 'CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y')
  },
  {
    name: 'anti-rollback with an image of a lower secure version',
    code: 'secure-version-low',
    says: () => ['secure version 0', '3'],
    plant: project =>
      project.write(
        sdkconfig,
        `CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK=y\nCONFIG_BOOTLOADER_APP_SECURE_VERSION=3\nCONFIG_EXAMPLE_FIRMWARE_UPGRADE_URL="${urlOf(server)}"\n`
      )
  },
  {
    name: 'an input buffer smaller than our TLS records',
    code: 'tls-buffer-small',
    says: () => ['2048', '4096', '-0x7200'],
    plant: setting('CONTENT_LEN=16384', 'CONTENT_LEN=2048')
  },
  {
    name: 'a device without ECDSA',
    code: 'no-ecdsa',
    says: () => ['CONFIG_MBEDTLS_ECDSA_C', '--key-type rsa'],
    plant: setting('CONFIG_MBEDTLS_ECDSA_C=y', '# CONFIG_MBEDTLS_ECDSA_C is not set')
  },
  {
    name: 'dates that are checked by a device without a clock',
    code: 'device-clock',
    severity: 'warning',
    says: () => ['CONFIG_MBEDTLS_HAVE_TIME_DATE'],
    plant: setting('# CONFIG_MBEDTLS_HAVE_TIME_DATE is not set', 'CONFIG_MBEDTLS_HAVE_TIME_DATE=y')
  },
  {
    name: 'signed updates demanded of an image without a signature',
    code: 'image-unsigned',
    says: () => ['CONFIG_SECURE_SIGNED_APPS_NO_SECURE_BOOT'],
    plant: setting('CONFIG_IDF_TARGET=', 'CONFIG_SECURE_SIGNED_APPS_NO_SECURE_BOOT=y\nCONFIG_IDF_TARGET=')
  }
]

describe('in an ESP-IDF project it finds', () => {
  it.each(FAULTS)('$name', async ({ code, severity = 'serious', says, plant, and = [] }) => {
    const project = await aHealthyProject(server)
    await plant(project)
    const said = await visit(project.folder)
    const [found] = said.of(code)
    expect(said.complaints.toSorted()).toEqual([code, ...and].toSorted())
    expect(found?.severity).toBe(severity)
    for (const value of says()) expect(`${found?.sentence} ${found?.hint}`).toContain(value)
    expect(said.code).toBe(severity === 'serious' || and.length > 0 ? 3 : 0)
  })
})

describe('in other projects it finds', () => {
  it('the URL of another machine, a stale CA and a table with one app in a PlatformIO project', async () => {
    const elsewhere = { ...server, ca: (await anAuthority()).certificate }
    const folder = await aHealthyPlatformioProject(elsewhere, 'esp32dev/firmware.bin')
    await writeFile(
      path.join(folder, 'platformio.ini'),
      '[env:esp32dev]\nframework = arduino\nboard_build.partitions = huge_app.csv\nbuild_flags = -D FW_URL=\\"https://192.168.9.9:8070/a.bin\\"\n'
    )
    const said = await visit(folder)
    expect(said.code).toBe(3)
    expect(said.of('url-wrong-host').map(({ sentence }) => sentence)).toEqual([
      expect.stringContaining('platformio.ini line 4')
    ])
    expect(said.of('ca-stale')[0]?.sentence).toContain('src/main.cpp')
    expect(said.of('one-ota-slot')[0]?.sentence).toContain('huge_app.csv')
  })

  it('a host alone that is passed to HTTPUpdate, and a client that verifies nothing', async () => {
    const folder = await aHealthySketch(server)
    await writeFile(
      path.join(folder, 'other.ino'),
      'void check() {\n  client.setInsecure();\n  httpUpdate.update(client, "192.168.44.5", 8070, "/Blink.ino.bin");\n}\n'
    )
    const said = await visit(folder)
    expect(said.of('url-wrong-host')[0]?.sentence).toContain('other.ino line 3')
    expect(said.of('verification-skipped')[0]?.sentence).toContain('other.ino:2')
  })

  it("the URL of another machine in ESPHome's YAML", async () => {
    const folder = await temporaryFolder()
    await writeFile(
      path.join(folder, 'lamp.yaml'),
      'esphome:\n  name: lamp\nupdate:\n  - platform: http_request\n    source: https://192.168.5.5:8070/lamp.json\n'
    )
    const said = await visit(folder)
    expect(said.of('url-wrong-host')[0]?.sentence).toContain('lamp.yaml line 5')
  })
})

/** Waits until somebody listens, at a port of the system's choice. */
async function aListener(): Promise<number> {
  const listener = createServer(socket => socket.on('error', () => {}).end('220 mail\r\n'))
  await new Promise<void>(resolve => listener.listen(0, '::', resolve))
  onTestFinished(() => void listener.close())
  return (listener.address() as AddressInfo).port
}

/** A home with certificates, as `otad cert` makes them, and nobody who serves. */
async function aHome(...args: readonly string[]): Promise<string> {
  const home = await temporaryFolder()
  execFileSync(process.execPath, [PROGRAM, 'cert', '--home', home, ...args], { env: plainEnvironment() })
  return home
}

/** A port that was free a moment ago. */
async function aFreePort(): Promise<number> {
  const listener = createServer()
  await new Promise<void>(resolve => listener.listen(0, '::', resolve))
  const { port } = listener.address() as AddressInfo
  await new Promise(resolve => listener.close(resolve))
  return port
}

describe('of the machine and what runs on it, it finds', () => {
  it('an otad that listens at the loopback address only', async () => {
    const bound = await startDaemon()
    const said = await visitDoctor(undefined, { home: bound.home })
    expect(said.of('loopback-bind')[0]?.sentence).toContain('127.0.0.1')
    expect(said.of('loopback-bind')[0]?.sentence).toContain(LAN)
    expect(said.code).toBe(3)
  })

  it('a host in the settings file that no device can reach, and where it is set', async () => {
    const home = await aHome()
    await mkdir(path.join(home, 'config'))
    await writeFile(path.join(home, 'config/otad.json'), JSON.stringify({ host: '127.0.0.1', port: await aFreePort() }))
    const said = await visitDoctor(undefined, { home })
    expect(said.complaints).toEqual(['loopback-bind'])
    expect(said.of('loopback-bind')[0]?.sentence).toContain('config/otad.json')
  })

  it('a host that is no address of this machine', async () => {
    const args = ['--host', '192.168.213.7', '--port', String(await aFreePort())]
    const said = await visitDoctor(undefined, { home: await aHome(), args })
    expect(said.of('host-not-here')[0]?.sentence).toContain('192.168.213.7')
  })

  it('nothing wrong with one that is not started', async () => {
    const said = await visitDoctor(undefined, { home: await aHome(), args: ['--port', String(await aFreePort())] })
    expect(said.complaints).toEqual([])
    expect(said.of('not-running')).toHaveLength(1)
    expect(said.code).toBe(0)
  })

  it('a port that another program has taken, and which', async () => {
    const port = await aListener()
    const said = await visitDoctor(undefined, { home: await aHome(), args: ['--port', String(port)] })
    const [taken] = said.of('port-taken')
    expect(taken?.sentence).toContain(`port ${port}`)
    if (process.platform === 'linux') expect(taken?.sentence).toContain(`pid ${process.pid}`)
    expect(taken?.hint).toContain('--port')
    expect(said.code).toBe(3)
  })

  it('a port that an otad with another home has taken', async () => {
    const said = await visitDoctor(undefined, { home: await aHome(), args: ['--port', String(daemon.port)] })
    expect(said.of('port-taken')[0]?.hint).toContain('--home')
  })

  it('a project that the running otad does not watch', async () => {
    const project = await aHealthyProject(server, { project: 'other' })
    const said = await visit(project.folder)
    expect(said.of('not-watched')).toHaveLength(0)
    await writeFile(project.app, anImage({ project: 'other', seed: 8 }))
    const again = await visit(project.folder)
    expect(again.of('not-watched')[0]?.hint).toContain(project.folder)
  })

  it('a newest file that is refused, and what a device would say', async () => {
    const folder = await temporaryFolder()
    await writeFile(path.join(folder, 'app.bin'), truncatedTo(APP, 90_000))
    const serving = await startDaemon({ folders: [folder], args: ['--host', '::'] })
    await serving.event('candidate.rejected')
    const said = await visitDoctor(undefined, { home: serving.home })
    expect(said.of('refused')[0]?.sentence).toMatch(/app\.bin.*a device would say/)
    expect(said.code).toBe(3)
  })

  it.skipIf(process.platform !== 'linux').each([
    {
      tool: 'nft',
      script: `cat <<'END'
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iif "lo" accept
		tcp dport { 22, 443 } accept
	}
}
END`,
      fix: (port: number) => `nft insert rule inet filter input tcp dport ${port} accept`
    },
    {
      tool: 'iptables-save',
      script: `cat <<'END'
*filter
:INPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
END`,
      fix: (port: number) => `iptables -I INPUT -p tcp --dport ${port} -j ACCEPT`
    },
    {
      tool: 'ufw',
      script: `cat <<'END'
Status: active
Default: deny (incoming), allow (outgoing), disabled (routed)

To                         Action      From
--                         ------      ----
22/tcp                     ALLOW IN    Anywhere
END`,
      fix: (port: number) => `ufw allow ${port}/tcp`
    },
    {
      tool: 'firewall-cmd',
      script: `case "$*" in
*--state*) echo running ;;
*active*) printf 'public\n  interfaces: eth0\n' ;;
*) printf 'public (active)\n  target: default\n  services: ssh dhcpv6-client\n  ports: 22/tcp\n' ;;
esac`,
      fix: (port: number) => `--add-port=${port}/tcp`
    }
  ])('a firewall that keeps devices out, and the rule to add: $tool', async ({ tool, script, fix }) => {
    const said = await visit(undefined, { tools: { [tool]: script } })
    expect(said.complaints).toEqual(['firewall-drops'])
    expect(said.of('firewall-drops')[0]?.hint).toContain(fix(daemon.port))
    expect(said.code).toBe(3)
  })

  it('nothing wrong with a firewall that it may not ask', async () => {
    const said = await visit(undefined, {
      tools: { nft: 'echo "Operation not permitted (you must be root)" >&2; exit 1' }
    })
    expect(said.complaints).toEqual([])
    expect(said.of('firewall-unknown')[0]?.sentence).toContain('Operation not permitted')
  })
})

/** The flags of a certificate of the operator's own, and of a free port. */
async function ownFiles(certificate: string, key: string): Promise<readonly string[]> {
  const folder = await temporaryFolder()
  const [certFile, keyFile] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')]
  await writeFile(certFile, certificate)
  await writeFile(keyFile, key, { mode: 0o600 })
  return ['--cert-file', certFile, '--key-file', keyFile, '--port', String(await aFreePort())]
}

describe('of certificates and clocks, it finds', () => {
  const own = async (names: readonly string[], valid: readonly [Date, Date]): Promise<readonly string[]> => {
    const folder = await temporaryFolder()
    const authority = await anAuthority()
    const { certificate, key } = await authority.issue({ purpose: 'server', names, addresses: names, valid })
    await writeFile(path.join(folder, 'ca.pem'), authority.certificate)
    return [...(await ownFiles(certificate, key)), '--ca-file', path.join(folder, 'ca.pem')]
  }

  it('a certificate of your own that has expired', async () => {
    const args = await own([LAN], daysFromNow(-400, -3))
    const said = await visitDoctor(undefined, { home: await temporaryFolder(), args })
    expect(said.complaints).toEqual(['certificate-expired'])
    expect(said.of('certificate-expired')[0]?.sentence).toContain('cert.pem expired on')
    expect(said.code).toBe(3)
  })

  // Its advice once was a new CA of otad's, which has nothing to do with it.
  it('a self-signed certificate of your own that has expired', async () => {
    const { certificate, key } = await aSelfSigned({ purpose: 'server', names: [LAN], valid: daysFromNow(-400, -3) })
    const args = await ownFiles(certificate, key)
    const said = await visitDoctor(undefined, { home: await temporaryFolder(), args })
    expect(said.complaints).toEqual(['certificate-expired'])
    expect(JSON.stringify(said.findings)).not.toContain('--new-ca')
  })

  // openssl req -x509 -subj /CN=192.168.1.8, as the README of simple_ota_example has it (clients.md 15.3).
  it('nothing wrong with a certificate that has its address in the common name and no other', async () => {
    const folder = await temporaryFolder()
    const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')]
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '365', '-subj', `/CN=${LAN}`]
    execFileSync('openssl', [...request, '-keyout', key, '-out', cert], { stdio: 'ignore' })
    await chmod(key, 0o600)
    const args = ['--cert-file', cert, '--key-file', key]
    const stopped = await visitDoctor(undefined, {
      home: await temporaryFolder(),
      args: [...args, '--port', String(await aFreePort())]
    })
    expect(stopped.complaints).toEqual([])
    const serving = await startDaemon({ args: ['--host', '::', ...args] })
    const served = await visitDoctor(undefined, { home: serving.home, args })
    expect(served.complaints.filter(code => code.startsWith('certificate'))).toEqual([])
  })

  it('a certificate of your own that is for another address', async () => {
    const args = await own(['192.168.2.106'], daysFromNow(-3, 300))
    const said = await visitDoctor(undefined, { home: await temporaryFolder(), args })
    expect(said.complaints).toEqual(['certificate-lacks-name'])
    expect(said.of('certificate-lacks-name')[0]?.sentence).toMatch(new RegExp(`192.168.2.106.*${LAN}`))
  })

  it('a public name that the certificate is not made for', async () => {
    const project = await aHealthyProject({ ...server, port: 8070 })
    await project.edit('sdkconfig', LAN, 'ota.example.com')
    const home = await aHome()
    const args = ['--port', '8070', '--advertise', 'ota.example.com', '--cert-mode', 'self-signed']
    const said = await visitDoctor(project.folder, { home, args })
    expect(said.of('certificate-lacks-name')[0]?.hint).toContain('--names ota.example.com')
  })

  it('a key that is not that of the CA', async () => {
    const home = await aHome()
    await writeFile(path.join(home, 'certs/ca_key.pem'), (await anAuthority()).key, { mode: 0o600 })
    const said = await visitDoctor(undefined, { home, args: ['--port', String(await aFreePort())] })
    expect(said.complaints).toEqual(['certificate-unusable'])
  })

  it.skipIf(process.platform === 'win32')('a key that others can read', async () => {
    const home = await aHome()
    await chmod(path.join(home, 'certs/ca_key.pem'), 0o644)
    const said = await visitDoctor(undefined, { home, args: ['--port', String(await aFreePort())] })
    expect(said.of('key-readable')[0]?.hint).toContain('chmod 600')
  })

  it('a CA that has expired, thirty years from now', async () => {
    const clock = await aClock()
    await clock.jumpTo(30 * 365 * 24 * 3600)
    const args = ['--port', String(await aFreePort())]
    const said = await visitDoctor(undefined, { home: await aHome(), args, env: clock.env })
    expect(said.of('ca-expired')[0]?.sentence).toContain('expired on')
    expect(said.code).toBe(3)
  })

  it('a clock that is years behind', async () => {
    const clock = await aClock()
    await clock.jumpTo(-365 * 24 * 3600)
    const args = ['--port', String(await aFreePort())]
    const said = await visitDoctor(undefined, { home: await aHome(), args, env: clock.env })
    expect(said.complaints).toEqual(['clock-wrong'])
  })
})

describe('the doctor', () => {
  it('takes the folder that it is asked in for the project, and finds the project of a build folder', async () => {
    const { folder, build } = await aHealthyProject(server)
    for (const cwd of [folder, build])
      expect((await visit(undefined, { cwd })).facts.projects.map(project => project.folder)).toEqual([folder])
  })

  it('writes nothing: neither into the home nor into the project', async () => {
    const { folder } = await aHealthyProject(server)
    const home = path.join(await temporaryFolder(), 'none')
    const before = await readdir(folder, { recursive: true })
    const said = await visitDoctor(folder, { home, cwd: folder, args: ['--port', String(await aFreePort())] })
    expect(said.of('no-ca-here')).toHaveLength(1)
    expect(await readdir(folder, { recursive: true })).toEqual(before)
    await expect(readdir(home)).rejects.toThrow('ENOENT')
  })

  it('keeps the password of a URL to itself', async () => {
    const project = await aHealthyProject(server)
    for (const [file, from] of [
      ['sdkconfig', 'https://'],
      ['build/config/sdkconfig.json', 'https://']
    ] as const)
      await project.edit(file, from, 'https://bob:secret@')
    await project.write('main/other.c', 'const char *ota_url = "https://bob:se/secret@10.0.0.9:8070/x.bin";\n')
    for (const more of [[], ['--json']]) {
      const { stdout } = await runDoctor(project.folder, { home: daemon.home }, more)
      expect(stdout).toContain(urlOf(server))
      expect(stdout).toContain('10.0.0.9')
      expect(stdout).not.toContain('secret@')
    }
  })

  // Root may read everything: another user asks.
  it.skipIf(process.getuid?.() !== 0)('says what it may not read, and calls nothing healthy then', async () => {
    const project = await aHealthyProject(server)
    const home = await temporaryFolder()
    await chmod(project.folder, 0o755)
    await chmod(home, 0o777)
    for (const file of ['sdkconfig', 'main/main.c']) await chmod(path.join(project.folder, file), 0o000)
    const options = { home, uid: 65_534, args: ['--port', String(await aFreePort())] }
    const said = await visitDoctor(project.folder, options)
    expect(said.of('project-unreadable')[0]?.sentence).toMatch(/sdkconfig, main\/main\.c cannot be read/)
    expect(said.verdict).not.toContain('Nothing was found')
    await chmod(project.folder, 0o000)
    const { code, stderr } = await runDoctor(project.folder, options)
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${project.folder} cannot be read`)])
  })

  it('says what comes from a project on one line, whatever is in it', async () => {
    const project = await aHealthyProject(server)
    await project.write('main/\u001b[31m.c', 'const char *ota_url = "https://10.0.0.9:8070/x.bin";\n')
    const { stdout } = await runDoctor(project.folder, { home: daemon.home })
    expect(stdout).toContain('10.0.0.9')
    expect(stdout).not.toContain('\u001b')
  })

  // Ctrl-C was not heard while a tool of the firewall or a listener did not answer.
  it.skipIf(process.platform === 'win32')('ends when it is told to, with the tools that it asks', async () => {
    const pipe = path.join(await temporaryFolder(), 'asked')
    execFileSync('mkfifo', [pipe])
    const tool = createReadStream(pipe)
    // The pipe ends when the last process that holds it does.
    const toolEnded = once(tool, 'end')
    let stoppedAt = Number.NaN
    const tools = { nft: `exec 3> ${pipe}; echo asked >&3; exec sleep 60` }
    const { code, stdout, stderr } = await runDoctor(undefined, { home: daemon.home, tools }, [], doctor => {
      tool.once('data', () => {
        stoppedAt = performance.now()
        doctor.kill('SIGINT')
      })
    })
    await toolEnded
    expect(performance.now() - stoppedAt).toBeLessThan(3_000)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('stopped')
  })

  it('names a project that has not been built by what its build files call it', async () => {
    const folder = path.join(await temporaryFolder(), 'checkout')
    await mkdir(folder)
    await writeFile(
      path.join(folder, 'CMakeLists.txt'),
      '# project(old)\ninclude($ENV{IDF_PATH}/tools/cmake/project.cmake)\nproject(hello)\n'
    )
    const said = await visit(folder, { home: await aHome(), args: ['--port', String(await aFreePort())] })
    expect(said.facts.projects).toMatchObject([{ description: 'ESP-IDF project hello', expectedApps: ['hello.bin'] }])
    expect(said.verdict).toContain('/hello.bin')
  })

  it('is told which project is not there', async () => {
    const { code, stderr } = await runDoctor('/nowhere', { home: daemon.home })
    expect([code, stderr]).toEqual([1, expect.stringContaining('/nowhere is not there')])
  })
})
