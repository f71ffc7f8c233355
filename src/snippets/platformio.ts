import type { SnippetFacts } from './facts.js'
import { commentText, quotableUrl } from './quote.js'

/**
 * PlatformIO: the certificate and the URL for every environment of a project, Arduino or ESP-IDF. The path has no blanks, since
 * PlatformIO splits at them, and gives another symbol in each framework (builder/frameworks/_embed_files.py).
 */
export function platformioSnippet(facts: SnippetFacts): string {
  const { caCertificate, caFile, url } = facts
  const define = `  '-DFIRMWARE_URL="${quotableUrl(url)}"'`
  if (caCertificate === undefined)
    return [
      '; platformio.ini. [env] counts for all environments: into yours, if it has one.',
      '; The certificate of this server is from a public CA: there is none to embed.',
      '[env]',
      'build_flags =',
      define,
      '',
      '; The code: otad snippet arduino, or otad snippet idf. FIRMWARE_URL is defined here, not there.',
      ''
    ].join('\n')
  return [
    '; 1. In the folder of the project: otad cert --export certs',
    `;    It copies "${commentText(caFile ?? 'ca_cert.pem')}" to certs/ca_cert.pem.`,
    '; 2. platformio.ini. [env] counts for all environments: into yours, if it has one. The partition table',
    ';    needs two app slots (OTA).',
    '[env]',
    'board_build.embed_txtfiles = certs/ca_cert.pem',
    'build_flags =',
    define,
    '',
    '; 3. The code: otad snippet arduino, or otad snippet idf. FIRMWARE_URL and the certificate are defined here, not there:',
    ';    framework = arduino:  extern const char CA_CERT[] asm("_binary_certs_ca_cert_pem_start");',
    ';    framework = espidf:   extern const char server_cert_pem_start[] asm("_binary_ca_cert_pem_start");',
    ''
  ].join('\n')
}
