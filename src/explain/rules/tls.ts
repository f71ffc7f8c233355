import type { Rule } from '../rule.js'

const HANDSHAKE = String.raw`(?:handshake|start_ssl_client)[^\n]{0,120}`

/** TLS beyond the certificate: clients.md 15.5, 15.6 and 18; peers.md 3, pains 11 and 14. */
export const TLS_RULES: readonly Rule[] = [
  {
    code: 'plain-port',
    step: 'tls',
    rank: 'root',
    patterns: [new RegExp(`${HANDSHAKE}-0x7200`, 'i'), /BR_ERR_BAD_VERSION/],
    says: {
      title: 'the port does not speak TLS',
      cause: 'The URL begins with https://, and what answers on that port is plain HTTP, or no TLS at all.',
      next: 'Put the HTTPS port into the URL (8070 unless set otherwise), or http:// where the port is meant to be plain.'
    }
  },
  {
    code: 'record-too-large',
    step: 'tls',
    rank: 'root',
    patterns: [
      /-0x7[12]00\b/,
      /SSL - Bad input parameters to function/i,
      /BR_ERR_TOO_LARGE/,
      /\bmessage length[^\n]{0,20}too (?:big|large)/i
    ],
    says: {
      title: 'the server sends larger TLS records than the device can take',
      cause:
        'A record is up to 16 KiB by default, and the input buffer of the device is smaller (CONFIG_MBEDTLS_SSL_IN_CONTENT_LEN, setBufferSizes).',
      next: 'Use otad, which sends records of 4 KiB at most (maxTlsRecord lowers it), or raise CONFIG_MBEDTLS_SSL_IN_CONTENT_LEN to 16384.',
      not: 'Not a certificate problem: the handshake was done.'
    }
  },
  {
    code: 'split-handshake',
    step: 'tls',
    rank: 'root',
    patterns: [/-0x7080\b/],
    says: {
      title: 'a handshake message came in several records, which the device cannot put together',
      cause:
        'mbedTLS before 3.6.3 cannot. The certificate chain of the server is too long for one record, or the device asked for small ones.',
      next: 'Send the leaf alone, with an EC key, as otad does; and let the device ask for max_fragment_length of 1024 or more.'
    }
  },
  {
    code: 'tls-memory',
    step: 'tls',
    rank: 'root',
    patterns: [
      /-0x(?:7F00|008D|8D|0010|2880|3F80|4D80|5180|6180|006A|1180)\b/i,
      /ESP_ERR_MBEDTLS_SSL_SETUP_FAILED/,
      /(?:SSL|X509|PK|BIGNUM) - (?:Memory|Not enough memory|Allocation)[^\n]{0,40}/i,
      /Dynamic buffer alloc|esp-aes: Failed to allocate memory|esp-sha: Failed to allocate/i
    ],
    says: {
      title: 'the device ran out of memory in the TLS handshake',
      cause: 'A handshake needs about 40 KiB of heap in one piece, more with large keys and long chains.',
      next: 'Free heap before the update (stop Bluetooth, close other TLS connections), and serve a certificate with an EC key and without a chain, as otad does by default.',
      not: 'Not a wrong certificate: there was no room to look at it.'
    }
  },
  {
    code: 'server-alert',
    step: 'tls',
    rank: 'root',
    patterns: [/-0x7780\b/, /BR_ERR_RECV_FATAL_ALERT/, /A fatal alert message was received/i],
    says: {
      title: 'the server ended TLS with an alert',
      cause:
        'The server wants a client certificate that the device does not show, or they have no TLS version or cipher in common.',
      next: 'Look at the log of the server, which knows why: otad says it in words. Either give the device its client certificate, or enable TLS 1.2 with ECDHE and AES-GCM in its firmware.'
    }
  },
  {
    code: 'tls-closed',
    step: 'tls',
    rank: 'root',
    patterns: [
      /(?:handshake|start_ssl_client|_handle_error)[^\n]{0,120}-0x(?:7280|0050|50|004C|4C|7880)\b/i,
      /SSL - The (?:connection indicated an EOF|peer notified us)/i,
      /UNKNOWN ERROR CODE \(0050\)/i
    ],
    says: {
      title: 'the connection was closed during the TLS handshake',
      cause:
        'The other end, or something between, hung up: a server that is busy or restarts, one that does not like the host name, or a firewall that looks into TLS.',
      next: 'Try again with the log of the server in view. With otad, its line for this handshake says what it saw.'
    }
  },
  {
    code: 'tls-reset',
    step: 'download',
    rank: 'general',
    patterns: [/-0x(?:7280|0050|50|004C|4C|7880)\b/i],
    says: {
      title: 'the server closed or reset the connection',
      cause:
        'The connection ended while the device was reading or writing: an idle timeout of the server, a restart of it, or a lost Wi-Fi.',
      next: 'Look at the log of the server at that time. otad leaves an idle connection open for 125 s and never cuts a slow download.'
    }
  },
  {
    code: 'handshake-timeout',
    step: 'tls',
    rank: 'root',
    patterns: [
      /-0x6800\b/,
      /SSL - (?:Connection|The operation) timed out/i,
      /SSL handshake timed out|handshake[^\n]{0,20}time(?:d )?out/i
    ],
    says: {
      title: 'the TLS handshake took too long',
      cause: 'TCP came about, and then the server said nothing: it serves one client at a time, or packets are lost.',
      next: 'Use a server that serves several clients, and check the signal of the device (RSSI).'
    }
  },
  {
    code: 'handshake-failed',
    step: 'tls',
    rank: 'symptom',
    patterns: [
      /mbedtls_ssl_handshake returned/i,
      /ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED/,
      /start_ssl_client[^\n]{0,80}-0x[0-9A-F]{4}/i,
      /TLS connection error/i,
      /BSSL:_connectSSL|WiFiClientSecureBearSSL[^\n]{0,40}error/i,
      /last mbedtls[^\n]{0,24}-0x[0-9A-F]{4}/i
    ],
    says: {
      title: 'the TLS handshake failed',
      cause: 'The log has an error of mbedTLS or BearSSL for it and no more.',
      next: 'Look at the log of otad: it says in words what the device complained of. A build with CONFIG_MBEDTLS_DEBUG says more on the device.'
    }
  },
  {
    code: 'tls-setup-failed',
    step: 'tls',
    rank: 'symptom',
    patterns: [
      /Failed to set client configurations/i,
      /create_ssl_handle failed/i,
      /ESP_ERR_MBEDTLS_(?:SSL_CONFIG|SSL_CONF|CTR_DRBG|SSL_SET)\w{1,30}_FAILED/
    ],
    says: {
      title: 'TLS could not be set up on the device',
      cause: 'Its settings or its certificates do not work, or it has no memory left.',
      next: 'Embed certs/ca_cert.pem as otad exports it, and look at the free heap before the update.',
      not: 'The server is not involved: the device stops before it says a word.'
    }
  }
]
