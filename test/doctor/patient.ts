/** A healthy project of each build system, and the doctor as a process that is shown it. */
import { type ChildProcess, execFile } from 'node:child_process'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Facts } from '../../src/doctor/facts.js'
import type { Finding } from '../../src/doctor/finding.js'
import { chooseAdvertisedAddress, readAddresses } from '../../src/host.js'
import { aProject, type Project, type ProjectOptions } from '../support/build-folder.js'
import { PROGRAM, plainEnvironment, temporaryFolder } from '../support/daemon.js'
import { aBootloader, anImage, aPartitionTable } from '../support/image-builder.js'

/** The address of this machine that devices of its LAN use. */
export const LAN = chooseAdvertisedAddress(readAddresses())

/** What the doctor said, and how it ended. */
export interface Visit {
  readonly code: number
  readonly facts: Facts
  readonly findings: readonly Finding[]
  readonly verdict: string
  /** The findings of this code. */
  of(code: string): readonly Finding[]
  /** Codes above a note. */
  readonly complaints: readonly string[]
}

export interface VisitOptions {
  readonly home: string
  readonly args?: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Programs of the machine by name, each with its shell script; those of firewalls that are not named say that they are off. */
  readonly tools?: Readonly<Record<string, string>>
  /** Who asks, where that is another user than the one who runs the tests. */
  readonly uid?: number
}

/** Firewalls that are off, whatever the machine that runs the tests has. */
const NO_FIREWALL: Readonly<Record<string, string>> = {
  ufw: 'echo "Status: inactive"',
  'firewall-cmd': 'echo "not running" >&2; exit 252',
  nft: 'exit 0',
  'iptables-save': 'exit 0',
  'ip6tables-save': 'exit 0'
}

/** Has the doctor look, by the built program. */
export async function visitDoctor(project: string | undefined, options: VisitOptions): Promise<Visit> {
  const { code, stdout, stderr } = await runDoctor(project, options, ['--json'])
  if (stdout === '') throw new Error(`otad doctor ended with ${code}: ${stderr}`)
  const said = JSON.parse(stdout) as { facts: Facts; findings: readonly Finding[]; verdict: string }
  return {
    code,
    ...said,
    of: wanted => said.findings.filter(found => found.code === wanted),
    complaints: said.findings.filter(({ severity }) => severity !== 'note').map(found => found.code)
  }
}

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Has the doctor look, and tells how it ended; `onStart` is given the process while it looks. */
export async function runDoctor(
  project: string | undefined,
  { home, args = [], cwd, env = {}, tools = {}, uid }: VisitOptions,
  more: readonly string[] = [],
  onStart?: (doctor: ChildProcess) => void
): Promise<Ran> {
  const folder = await temporaryFolder()
  await chmod(folder, 0o755)
  for (const [name, script] of Object.entries({ ...NO_FIREWALL, ...tools })) {
    await writeFile(path.join(folder, name), `#!/bin/sh\n${script}\n`)
    await chmod(path.join(folder, name), 0o755)
  }
  const typed = ['doctor', ...(project === undefined ? [] : [project]), '--home', home, ...args, ...more]
  const environment = { ...plainEnvironment(), PATH: `${folder}${path.delimiter}${process.env.PATH}`, ...env }
  return new Promise(resolve => {
    const user = uid === undefined ? {} : { uid, gid: uid }
    const options = { cwd: cwd ?? home, env: environment, maxBuffer: 64 * 1024 * 1024, ...user }
    const doctor = execFile(process.execPath, [PROGRAM, ...typed], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    )
    onStart?.(doctor)
  })
}

/** Where a healthy project finds its server. */
export interface Server {
  readonly port: number
  /** PEM. */
  readonly ca: string
}

/** The image that every healthy project has built. */
export const APP = anImage({ length: 200 * 1024, seed: 5 })

export const urlOf = ({ port }: Server, name = 'hello_world.bin'): string => `https://${LAN}:${port}/${name}`

export type HealthyProject = Project & {
  /** Replaces text in a file of the project. */
  edit(file: string, from: string | RegExp, to: string): Promise<void>
  write(file: string, content: string | Buffer): Promise<void>
}

/** An ESP-IDF project as simple_ota_example is: URL in sdkconfig, CA in server_certs/, two slots, built. */
export async function aHealthyProject(server: Server, options: ProjectOptions = {}): Promise<HealthyProject> {
  const project = await aProject(options)
  const write = async (file: string, content: string | Buffer): Promise<void> => {
    await mkdir(path.dirname(path.join(project.folder, file)), { recursive: true })
    await writeFile(path.join(project.folder, file), content)
  }
  await write('sdkconfig', sdkconfigFor(urlOf(server)))
  await write('server_certs/ca_cert.pem', server.ca)
  await write(
    'main/CMakeLists.txt',
    'idf_build_get_property(project_dir PROJECT_DIR)\nidf_component_register(SRCS "main.c" INCLUDE_DIRS "."\n' +
      // biome-ignore lint/suspicious/noTemplateCurlyInString: CMake's own
      '                    EMBED_TXTFILES ${project_dir}/server_certs/ca_cert.pem)\n'
  )
  await write('main/main.c', MAIN)
  await write('build/config/sdkconfig.json', JSON.stringify({ EXAMPLE_FIRMWARE_UPGRADE_URL: urlOf(server) }))
  await writeFile(project.app, APP)
  const edit = async (file: string, from: string | RegExp, to: string): Promise<void> => {
    const text = await readFile(path.join(project.folder, file), 'utf8')
    await write(file, text.replace(from, to))
  }
  return { ...project, write, edit }
}

function sdkconfigFor(url: string): string {
  return `#
# Automatically generated file. DO NOT EDIT.
#
CONFIG_IDF_TARGET="esp32"
CONFIG_ESPTOOLPY_FLASHSIZE="4MB"
CONFIG_PARTITION_TABLE_TWO_OTA=y
CONFIG_PARTITION_TABLE_OFFSET=0x8000
CONFIG_EXAMPLE_FIRMWARE_UPGRADE_URL="${url}"
# CONFIG_EXAMPLE_USE_CERT_BUNDLE is not set
# CONFIG_EXAMPLE_SKIP_COMMON_NAME_CHECK is not set
# CONFIG_ESP_HTTPS_OTA_ALLOW_HTTP is not set
# CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE is not set
# CONFIG_MBEDTLS_HAVE_TIME_DATE is not set
CONFIG_MBEDTLS_SSL_IN_CONTENT_LEN=16384
CONFIG_MBEDTLS_ECDSA_C=y
`
}

/** The heart of simple_ota_example.c, with what its settings leave out. */
const MAIN = `/* See https://192.168.9.9:8070/old.bin in the notes. */
#include "esp_https_ota.h"
extern const uint8_t server_cert_pem_start[] asm("_binary_ca_cert_pem_start");
static const char *TAG = "simple_ota_example";
void simple_ota_example_task(void *pvParameter)
{
    esp_http_client_config_t config = {
        .url = CONFIG_EXAMPLE_FIRMWARE_UPGRADE_URL,
#ifdef CONFIG_EXAMPLE_USE_CERT_BUNDLE
        .crt_bundle_attach = esp_crt_bundle_attach,
#else
        .cert_pem = (char *)server_cert_pem_start,
#endif
    };
#ifdef CONFIG_EXAMPLE_SKIP_COMMON_NAME_CHECK
    config.skip_cert_common_name_check = true;
#endif
    esp_https_ota_config_t ota_config = { .http_config = &config };
    if (esp_https_ota(&ota_config) == ESP_OK) esp_restart();
}
`

/** A PlatformIO project with its CA in a header, built for one environment. */
export async function aHealthyPlatformioProject(server: Server, name = 'esp32dev/firmware.bin'): Promise<string> {
  const folder = await temporaryFolder()
  const build = path.join(folder, '.pio/build/esp32dev')
  await mkdir(build, { recursive: true })
  await mkdir(path.join(folder, 'src'))
  await writeFile(
    path.join(folder, 'platformio.ini'),
    '[env:esp32dev]\nplatform = espressif32\nboard = esp32dev\nframework = arduino\n'
  )
  await writeFile(path.join(folder, 'src/main.cpp'), sketchFor(server, name))
  await writeFile(path.join(build, 'firmware.bin'), APP)
  await writeFile(path.join(build, 'bootloader.bin'), aBootloader())
  await writeFile(path.join(build, 'partitions.bin'), aPartitionTable())
  return folder
}

/** A sketch of Arduino with its exported binaries beside it. */
export async function aHealthySketch(server: Server, name = 'Blink.ino.bin'): Promise<string> {
  const folder = path.join(await temporaryFolder(), 'Blink')
  const build = path.join(folder, 'build/esp32.esp32.esp32')
  await mkdir(build, { recursive: true })
  await writeFile(path.join(folder, 'Blink.ino'), sketchFor(server, name))
  await writeFile(path.join(build, 'Blink.ino.bin'), APP)
  await writeFile(path.join(build, 'Blink.ino.bootloader.bin'), aBootloader())
  await writeFile(path.join(build, 'Blink.ino.partitions.bin'), aPartitionTable())
  return folder
}

/** What people write who use HTTPUpdate. */
export function sketchFor(server: Server, name: string): string {
  return `#include <HTTPUpdate.h>
const char *mqttServer = "192.168.77.1"; // not where firmware is
static const char rootCa[] = R"PEM(${server.ca.trimEnd()}
)PEM";
const char *firmwareUrl = "${urlOf(server, name)}";
void loop() {
  WiFiClientSecure client;
  client.setCACert(rootCa);
  httpUpdate.update(client, firmwareUrl);
}
`
}
