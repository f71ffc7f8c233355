import { X509Certificate } from 'node:crypto'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { OperatorError, systemErrorCode } from '../errors.js'

/**
 * Writes the certificate that devices embed in every form that a toolchain wants: `ca_cert.pem` (ESP-IDF), `ca_cert.h` (Arduino) and
 * `ca_cert.der`. Where the project embeds them from a folder below, they go there. Returns the files.
 * @throws OperatorError when the folder cannot be written
 */
export async function exportAnchor(certificate: string, folder: string): Promise<readonly string[]> {
  return writeFiles(await placeIn(folder), [
    ['ca_cert.pem', certificate],
    ['ca_cert.h', writeHeader(certificate)],
    ['ca_cert.der', new X509Certificate(certificate).raw]
  ])
}

/** The source file of SmartThings' ota_demo that has the address of the server in it. */
const DEMO_SOURCE = 'ota_util.c'

/** Whether a folder is that of SmartThings' ota_demo, or its main/. */
export async function isDemo(folder: string): Promise<boolean> {
  return (await isThere(path.join(folder, DEMO_SOURCE))) || (await isThere(path.join(folder, 'main', DEMO_SOURCE)))
}

/**
 * Writes what SmartThings' ota_demo embeds, under its names: `root.pem`, the certificate, and `public_key.pem`, which verifies what otad signs.
 * Returns the files.
 * @throws OperatorError when the folder cannot be written
 */
export async function exportForDemo(
  certificate: string,
  publicKey: string,
  folder: string
): Promise<readonly string[]> {
  return writeFiles(await placeIn(folder), [
    ['root.pem', certificate],
    ['public_key.pem', publicKey]
  ])
}

/** Where the CMakeLists.txt of a project embeds files from: `server_certs/` in the examples of ESP-IDF, `main/` in ota_demo. */
async function placeIn(folder: string): Promise<string> {
  if (await isFolder(path.join(folder, 'server_certs'))) return path.join(folder, 'server_certs')
  return (await isThere(path.join(folder, 'main', DEMO_SOURCE))) ? path.join(folder, 'main') : folder
}

/** Never a key that has to be kept to oneself. */
async function writeFiles(
  place: string,
  files: readonly (readonly [string, string | Buffer])[]
): Promise<readonly string[]> {
  const written: string[] = []
  for (const [name, content] of files) {
    const file = path.join(place, name)
    try {
      await mkdir(place, { recursive: true })
      await writeFile(file, content)
    } catch (error) {
      throw new OperatorError(
        'OTAD_ERR_BAD_FOLDER',
        `${file} cannot be written (${systemErrorCode(error) ?? String(error)})`,
        'give a folder of your project that you may write to',
        { cause: error }
      )
    }
    written.push(file)
  }
  return written
}

/** A C++ header: the raw literal keeps the line ends that a PEM parser needs. */
function writeHeader(certificate: string): string {
  const { fingerprint256, validTo } = new X509Certificate(certificate)
  return `// The certificate that a device embeds to trust this otad; written by otad cert --export.
// SHA-256 ${fingerprint256}
// Valid until ${new Date(validTo).toISOString().slice(0, 10)}.
#pragma once

static const char ca_cert_pem[] = R"PEM(${certificate.trimEnd()}
)PEM";
`
}

async function isFolder(folder: string): Promise<boolean> {
  return (await stat(folder).catch(() => undefined))?.isDirectory() === true
}

async function isThere(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined
}
