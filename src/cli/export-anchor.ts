import { X509Certificate } from 'node:crypto'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { OperatorError, systemErrorCode } from '../errors.js'

/**
 * Writes the certificate that devices embed in every form that a toolchain wants: `ca_cert.pem` (ESP-IDF), `ca_cert.h` (Arduino) and
 * `ca_cert.der`. Never a key. In the folder of an ESP-IDF example they go to `server_certs/`, where its CMakeLists.txt embeds them from.
 * Returns the files.
 * @throws OperatorError when the folder cannot be written
 */
export async function exportAnchor(certificate: string, folder: string): Promise<readonly string[]> {
  const place = (await isFolder(path.join(folder, 'server_certs'))) ? path.join(folder, 'server_certs') : folder
  const files: readonly (readonly [string, string | Buffer])[] = [
    ['ca_cert.pem', certificate],
    ['ca_cert.h', writeHeader(certificate)],
    ['ca_cert.der', new X509Certificate(certificate).raw]
  ]
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
