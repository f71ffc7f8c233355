import type { Rule } from '../rule.js'

/** Why a device does not accept the certificate of the server: clients.md 15.3, 15.4, 15.6 and 18; peers.md 3, pain 2. */
export const CERTIFICATE_RULES: readonly Rule[] = [
  {
    code: 'certificate-name',
    step: 'tls',
    rank: 'root',
    patterns: [
      /certificate Common Name \(CN\) does not match/i,
      /X509_BADCERT_CN_MISMATCH/,
      /BR_ERR_X509_BAD_SERVER_NAME/,
      /Expected server name was not found in the chain/i,
      /hostname.{0,40}(?:doesn't|does not) match.{0,40}certificate/i
    ],
    says: (_match, { host }) => ({
      title: 'the host in the URL is not in the certificate',
      cause: `The certificate of the server is for other names than ${host ?? 'the host in the URL'}. Before mbedTLS 3.5 (ESP-IDF before 5.0.5, 5.1.2, 5.2) a device does not read IP addresses in it either: they have to stand there as DNS names too.`,
      next: 'Use a host in the URL that the certificate is for. otad puts every address of its machine into it in both forms; for another name: otad serve --names NAME.',
      not: 'It says nothing about trust yet: the name is checked first.'
    })
  },
  {
    code: 'certificate-trust',
    step: 'tls',
    rank: 'root',
    patterns: [
      /not correctly signed by the trusted CA/i,
      /X509_BADCERT_NOT_TRUSTED/,
      /BR_ERR_X509_NOT_TRUSTED/,
      /Chain could not be linked to a trust anchor/i
    ],
    says: {
      title: 'the device trusts another CA',
      cause:
        'The certificate that is embedded in the firmware did not sign the one that the server shows: a stale ca_cert.pem, a copy that was not built in again, or the leaf of a server in place of its CA.',
      next: 'Build with certs/ca_cert.pem of the otad that runs (otad cert --export main/server_certs), and flash once. A clean build makes sure that the new file is in it.'
    }
  },
  {
    code: 'certificate-dates',
    step: 'tls',
    rank: 'root',
    patterns: [
      /X509_BADCERT_(?:EXPIRED|FUTURE)/,
      /certificate validity (?:has expired|starts in the future)/i,
      /BR_ERR_X509_(?:EXPIRED|TIME_UNKNOWN)/,
      /Certificate is expired or not yet valid/i
    ],
    says: {
      title: 'the certificate is not valid at the time that the device has',
      cause: 'The clock of the device is not set (it starts in 1970), or the certificate has ended.',
      next: 'Set the clock of the device (SNTP) before the update. otad cert shows the dates of the certificate.'
    }
  },
  {
    code: 'certificate-weak',
    step: 'tls',
    rank: 'root',
    patterns: [/X509_BADCERT_BAD_(?:MD|PK|KEY)/, /unacceptable (?:hash|PK alg|key)/i, /BR_ERR_X509_WEAK_PUBLIC_KEY/],
    says: {
      title: 'the certificate is too weak for the device',
      cause: 'It is signed with SHA-1, or its RSA key has fewer than 2048 bits, or its curve is not accepted.',
      next: 'Use a certificate with SHA-256 and P-256 or RSA-2048, as otad makes them.'
    }
  },
  {
    code: 'certificate-not-in-bundle',
    step: 'tls',
    rank: 'root',
    patterns: [
      /No matching trusted root certificate found/i,
      /-0x3000\b/,
      /crt-bundle.{0,20}Failed to verify certificate/i,
      /PK verify failed with error/i,
      /Certificate matched but signature verification failed/i
    ],
    says: {
      title: 'the CA of the server is not in the certificate bundle of the device',
      cause:
        'The firmware verifies with the bundle of public CAs (esp_crt_bundle_attach), and a private CA is not in it. With the bundle on, a certificate file in the project is not looked at unless it is added to the bundle at build time.',
      next: 'Add certs/ca_cert.pem to the bundle (CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE), or embed it as cert_pem and leave crt_bundle_attach out; then build and flash.'
    }
  },
  {
    code: 'certificate-use',
    step: 'tls',
    rank: 'root',
    patterns: [
      /-0x7A00\b/i,
      /X509_BADCERT_(?:EXT_)?KEY_USAGE/,
      /usage does not match the (?:keyUsage|extendedKeyUsage)/i
    ],
    says: {
      title: 'the certificate is not for a server',
      cause:
        'Its key usage has no digitalSignature, its extended key usage no serverAuth, or its message cannot be read.',
      next: 'Use a certificate with digitalSignature and serverAuth, as otad makes them.'
    }
  },
  {
    code: 'certificate-refused',
    step: 'tls',
    rank: 'general',
    patterns: [/-0x2700\b/, /Failed to verify peer certificate/i, /X509 - Certificate verification failed/i],
    says: (_match, { host }) => ({
      title: 'the device does not accept the certificate of the server',
      cause: `Either the host in the URL${host === null ? '' : ` (${host})`} is not in the certificate, or the firmware trusts another CA. The log has only the number; the line "verification info", or otad on the other end, says which.`,
      next: 'Build with certs/ca_cert.pem of the otad that runs, and use one of the URLs that it prints. otad status and the log of otad name the complaint of each device.'
    })
  },
  {
    // The device's own copy: real-client.md 4 and 5. Ed25519 -0x262E, an extension that is critical -0x2562, an empty subject -0x23E0.
    code: 'certificate-unreadable',
    step: 'tls',
    rank: 'root',
    patterns: [
      /-0x262E\b/i,
      /-0x2(?:180|780|100|562|3E0)\b/i,
      /mbedtls_x509_crt_parse/i,
      /ESP_ERR_MBEDTLS_X509_CRT_PARSE_FAILED/,
      /ESP_ERR_MBEDTLS_CERT_PARTLY_OK/,
      /(?:Failed to parse|Error parsing).{0,20}(?:CA )?cert/i,
      /an empty RootCA was provided|Unable to get RootCA|no RootCA was provided/i
    ],
    says: match => ({
      title: 'the certificate in the firmware cannot be read',
      cause: /262E/i.test(match[0])
        ? 'It is signed with an algorithm that mbedTLS does not have, such as Ed25519.'
        : 'What is embedded is no whole PEM: an empty file, another format, a lost last line end (the text has to end with a zero byte, which EMBED_TXTFILES adds), or an extension that mbedTLS does not know.',
      next: 'Embed certs/ca_cert.pem as otad exports it (otad cert --export main/server_certs), with EMBED_TXTFILES, and build again.',
      not: 'The server is not involved: the device stops before it says a word.'
    })
  },
  {
    code: 'client-certificate-unreadable',
    step: 'tls',
    rank: 'root',
    patterns: [/mbedtls_pk_parse_key/i, /ESP_ERR_MBEDTLS_(?:PK_PARSE_KEY|SSL_CONF_OWN_CERT)_FAILED/],
    says: {
      title: 'the client certificate of the device, or its key, cannot be read',
      cause: 'The embedded key is no whole PEM, is encrypted, or does not belong to the certificate.',
      next: 'Embed client certificate and key again, both with EMBED_TXTFILES, and check that they belong together.'
    }
  },
  {
    code: 'no-verification',
    step: 'tls',
    rank: 'root',
    patterns: [
      /No option for server verification is enabled/i,
      /Server certificate not found in esp_http_client config/i,
      /No server verification option set/i,
      /A strict security context has been set but/i
    ],
    says: {
      title: 'the firmware names no certificate to verify the server with',
      cause:
        'cert_pem, crt_bundle_attach and use_global_ca_store are all unset, and without one of them esp_https_ota does not connect.',
      next: 'Set cert_pem to the embedded ca_cert.pem: otad snippet idf prints the lines.',
      not: 'The server is not involved: the device stops before it connects.'
    }
  }
]
