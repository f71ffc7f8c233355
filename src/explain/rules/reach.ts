import type { Meaning } from '../explanation.js'
import type { Rule, Seen } from '../rule.js'
import { addressHint, LOOPBACK, NOT_A_CERTIFICATE } from './address-hints.js'

/** Before the first byte of TLS: clients.md 18, rows 1 to 4; peers.md 3, pain 1. */
export const REACH_RULES: readonly Rule[] = [
  {
    // newlib 113 is ECONNABORTED: lwIP gives up after its SYN retries (esp-lwip src/api/err.c, src/core/tcp.c); clients.md 2, thread 2.
    code: 'no-answer',
    step: 'reach',
    rank: 'root',
    patterns: [
      /Failed to con{2,3}ect to host.{0,40}\b(?:ECONNABORTED|EHOSTUNREACH|ETIMEDOUT|ENETUNREACH)\b/i,
      /(?:connect|socket).{0,120}\b(?:ECONNABORTED|EHOSTUNREACH|ENETUNREACH)\b/i,
      /(?:connect\(\)|connect|select\(\)) error.{0,40}(?:Software caused connection abort|Host is unreachable|Network is unreachable|No route to host|Connection timed out)/i,
      /Software caused connection abort/i,
      /\b(?:ECONNABORTED|EHOSTUNREACH)\b/
    ],
    unless: /(?:_read|\bread|recv|\bwrite|_write|\bsend|_send|mqtt)/i,
    says: (_match, seen) => nobodyAnswered(seen)
  },
  {
    // A closed port answers with RST: real-client.md 5 ("errno 104" before 4.0, "delayed connect error" since).
    code: 'port-closed',
    step: 'reach',
    rank: 'root',
    patterns: [
      /Failed to con{2,3}ect to host.{0,40}\b(?:ECONNRESET|ECONNREFUSED)\b/i,
      /connect\w{0,8}(?:\(\))?[^\n]{0,60}(?:Connection reset by peer|Connection refused)/i,
      /connect(?:\(\)|ing)[^\n]{0,80}\b(?:ECONNRESET|ECONNREFUSED)\b/i,
      /^errno:? ?=? ?104\b/i,
      /errno 104\b.{0,4}connect/i,
      /start_ssl_client[^\n]{0,60}(?:Connection reset by peer|Connection refused)/i
    ],
    unless: /HTTP_UPDATE|HTTPUpdate|HTTP error|_read|\bread|recv/i,
    says: (_match, seen) => ({
      title: 'nothing listens on that port',
      cause: `The machine${toHost(seen)} answered at once that the port is closed: the address is right, the port is not, or no server runs there.`,
      next: 'Start the server on the port of the URL (otad serve, port 8070 by default), or put its port into the URL.',
      not: NOT_A_CERTIFICATE,
      ...ownAddress(seen)
    })
  },
  {
    code: 'connect-timeout',
    step: 'reach',
    rank: 'root',
    patterns: [
      /select\(\) timeout/i,
      /ESP_ERR_ESP_TLS_CONNECTION_TIMEOUT/,
      /Failed to con{2,3}ect to host.{0,40}\bEINPROGRESS\b/i,
      /\bEINPROGRESS\b/,
      /select returned due to timeout/i,
      /connect[^\n]{0,60}\bETIMEDOUT\b/i
    ],
    unless: /mqtt/i,
    says: (_match, seen) => ({
      ...nobodyAnswered(seen),
      title: 'no connection came about in time',
      cause: `No answer came from${seen.host === null ? ' the server' : ` ${seen.host}`} within the timeout: packets are dropped on the way, by a firewall, by an access point that keeps its clients apart, or because nobody has that address.`,
      ...addressHint(seen)
    })
  },
  {
    code: 'slow-connection',
    step: 'reach',
    rank: 'general',
    patterns: [/Failed to open new connection in specified timeout/i],
    says: {
      title: 'the connection was not ready in time',
      cause:
        'TCP or the TLS handshake took longer than the timeout of the client. Packets are dropped, or a server that serves one client at a time (openssl s_server) was busy with another.',
      next: 'Check that the host of the URL is reachable, use a server that serves several clients, and raise timeout_ms.',
      not: 'Not a refused certificate: that would be said at once.'
    }
  },
  {
    code: 'connect-failed',
    step: 'reach',
    rank: 'general',
    patterns: [
      /delayed connect error/i,
      /ESP_ERR_ESP_TLS_FAILED_CONNECT_TO_HOST/,
      /Failed to con{2,3}ect to host/i,
      /Non blocking connect failed/i,
      /Connection to \S{1,200} failed/i,
      /failed connect to \S/i,
      /Connect to Server failed/i
    ],
    unless: /mqtt/i,
    says: (_match, seen) => ({
      ...nobodyAnswered(seen),
      title: 'the host cannot be connected to',
      cause: `TCP to${seen.host === null ? ' the host of the URL' : ` ${seen.host}`} failed: nobody has that address, a firewall drops the packets, or nothing listens on the port.`,
      ...addressHint(seen)
    })
  },
  {
    code: 'unknown-host',
    step: 'reach',
    rank: 'root',
    patterns: [
      /couldn't get hostname for/i,
      /ESP_ERR_ESP_TLS_CANNOT_RESOLVE_HOSTNAME/,
      /getaddrinfo\(\) returns \d/i,
      /DNS (?:lookup )?failed/i,
      /host(?:ByName)?.{0,40}(?:not found|could not be resolved)/i,
      /-0x0052\b/
    ],
    says: (_match, seen) => ({
      title: 'the host name in the URL cannot be looked up',
      cause: `The DNS server of the device does not know ${seen.host ?? 'the name'}. Names ending in .local need mDNS in the firmware, and many networks do not pass it on.`,
      next: 'Put the IP address of the server into the URL: otad has it in its certificate too.',
      not: NOT_A_CERTIFICATE
    })
  },
  {
    code: 'bad-url',
    step: 'reach',
    rank: 'root',
    patterns: [
      /Error parse url/i,
      /URL is invalid and\/or must be prefixed/i,
      /Incorrect URL prefix/i,
      /URL not set; cannot start update/i,
      /ESP_ERR_HTTP_INVALID_TRANSPORT/,
      /Transport is not over HTTPS/i,
      /No firmware URL, aborting/i
    ],
    says: {
      title: 'the URL in the firmware is no URL',
      cause: 'It is empty, has a space or a wrong scheme in it, or is http:// where the program wants https://.',
      next: 'Paste the URL that otad prints when it starts, and build again.'
    }
  },
  {
    code: 'no-socket',
    step: 'reach',
    rank: 'root',
    patterns: [/Failed to create socket/i, /ESP_ERR_ESP_TLS_CANNOT_CREATE_SOCKET/, /\bENFILE\b/],
    says: {
      title: 'the device has no free socket',
      cause:
        'All sockets are in use (CONFIG_LWIP_MAX_SOCKETS), mostly because connections are opened and never closed.',
      next: 'Close what is not needed before the update, or raise CONFIG_LWIP_MAX_SOCKETS.'
    }
  },
  {
    // HTTPClient gives -1 for a failed TLS handshake too; a line of ssl_client.cpp above it tells.
    code: 'arduino-connect',
    step: 'reach',
    rank: 'general',
    patterns: [
      /HTTPC_ERROR_CONNECTION_REFUSED/,
      /HTTPC_ERROR_NOT_CONNECTED/,
      /(?:HTTP error: |Error: |"Failed )(?:connection refused|not connected|connection failed)/i
    ],
    says: {
      title: 'no connection came about',
      cause:
        'HTTPClient says "connection refused" for each connection that does not come about: a wrong address or port, a firewall, and a refused certificate as well.',
      next: 'Build with Core Debug Level "Error" or higher: the lines of ssl_client.cpp or NetworkClient.cpp above it then say which. Check the address in the URL first.',
      not: 'It does not mean that the server refused: often nobody answered at all.'
    }
  }
]

function nobodyAnswered(seen: Seen): Meaning {
  const hint = addressHint(seen)
  if (hint !== undefined && seen.client !== 'smartthings') return hint
  const where = seen.host === null ? 'the address in the URL' : seen.host
  const next =
    seen.client === 'smartthings'
      ? 'The SmartThings demo has its server as a #define in main/ota_util.c (CONFIG_OTA_SERVER_URL); menuconfig does not change it. Put the address of your server there, with the slash at the end, build and flash.'
      : 'Compare the host of the URL in the firmware with the addresses that otad prints. Then let the port through the firewall of that machine, and check that device and server are in the same network and may talk to each other (AP or client isolation off).'
  return {
    title: 'nobody answers at that address',
    cause: `The device asked ${where} to connect several times, and no packet came back: the URL names another machine, a firewall drops the packets, or the device is in another network.`,
    next,
    not: NOT_A_CERTIFICATE
  }
}

/** A closed port of the device itself. */
function ownAddress(seen: Seen): Meaning | undefined {
  return LOOPBACK.test(seen.host ?? '') ? addressHint(seen) : undefined
}

function toHost({ host }: Seen): string {
  return host === null ? '' : ` at ${host}`
}
