import type { Meaning } from '../explanation.js'
import type { Rule, Seen } from '../rule.js'

/** The body on its way: clients.md 5.9, 16, 18; real-client.md 2 and 6; peers.md 3, pains 3 and 7. */
export const DOWNLOAD_RULES: readonly Rule[] = [
  {
    code: 'cut-short',
    step: 'download',
    rank: 'root',
    patterns: [
      /Connection closed before complete data was received/i,
      /data read -\d{1,3}, errno \d/i,
      /Connection closed, errno = \d/i,
      /SSL data read error/i,
      /Complete data was not received/i,
      /ESP_ERR_HTTP_INCOMPLETE_DATA/,
      /HTTPC_ERROR_CONNECTION_LOST/,
      /HTTP error: connection lost/i,
      /(?:Stream closed|Premature end of stream|premature end: res)/i,
      /UPDATE_ERROR_ABORT/
    ],
    unless: /all data received/i,
    says: {
      title: 'the connection ended before the whole file had come',
      cause:
        'Fewer bytes came than the server announced: the server stopped or closed, Wi-Fi was lost, or it is openssl s_server, which announces no length and waits for the device to close.',
      next: 'Try again. Where it happens each time, look at the log of the server: otad says how far each device came and who hung up.'
    }
  },
  {
    // Harmless where the server ends the body with FIN and says no length; then the update goes on.
    code: 'read-error',
    step: 'download',
    rank: 'symptom',
    patterns: [
      /esp_tls_conn_read error/i,
      /transport_read: error/i,
      /\b(?:TRANS_SSL|transport_base)[^\n]{0,40}(?:read|poll)[^\n]{0,40}error/i,
      /\b(?:ECONNRESET|ENOTCONN)\b/,
      /ESP_ERR_ESP_TLS_TCP_CLOSED_FIN/
    ],
    says: (match, seen) => ({
      title: 'the connection broke while the device was reading',
      cause: 'The server, or something between, closed or reset it.',
      next: 'Look at the log of the server at that time. Where the update goes on behind it, the server only closed without saying goodbye.',
      ...plainToTls(match, seen)
    })
  },
  {
    // 0x9001: esp_https_ota.h.
    code: 'still-in-progress',
    step: 'download',
    rank: 'symptom',
    patterns: [/ESP_ERR_HTTPS_OTA_IN_PROGRESS/],
    unless: /^[IDV] \(|\[[IDV]\]\[/,
    says: {
      title: 'the program took "still under way" for a failure',
      cause: 'esp_https_ota_perform gives ESP_ERR_HTTPS_OTA_IN_PROGRESS (0x9001) after each piece: more is to come.',
      next: 'Call it again as long as it gives that, as advanced_https_ota_example does, and then esp_https_ota_finish.',
      not: 'The server did nothing wrong: it was not asked for the rest.'
    }
  },
  {
    code: 'body-too-short',
    step: 'download',
    rank: 'root',
    patterns: [/Complete headers were not received/i],
    says: {
      title: 'what came is too short to be a firmware',
      cause:
        'Fewer than 1024 bytes came (289 before ESP-IDF 5): an empty file, an error message with status 200, or a connection that closed at once.',
      next: 'Ask for the URL with curl and look at what comes. otad does not serve such a file.'
    }
  },
  {
    code: 'first-read-short',
    step: 'download',
    rank: 'root',
    patterns: [/received package is not fit len/i],
    says: {
      title: 'the first bytes came in too small a piece',
      cause:
        'native_ota_example and its copies want more than 288 bytes with their first read. The server sent the head and a few bytes apart, or what came is no firmware at all, such as the text of a 404.',
      next: 'Ask for the URL with curl to see whether it is the file. A server should send the first KiB at once, as otad does.'
    }
  },
  {
    code: 'stream-timeout',
    step: 'download',
    rank: 'root',
    patterns: [/Stream Read Timeout/i, /Stream timed out/i, /UPDATE_ERROR_STREAM/, /Timeout reading/i],
    says: {
      title: 'nothing came for too long in the middle of the download',
      cause: 'The server stalled, or Wi-Fi lost packets: Arduino gives up after a few seconds without a byte.',
      next: 'Check the signal of the device (RSSI) and its power supply; then the log of the server for a stall at that time.'
    }
  },
  {
    code: 'digest-mismatch',
    step: 'download',
    rank: 'root',
    patterns: [
      /MD5 (?:Check )?Failed/i,
      /MD5 mismatch/i,
      /(?:Wrong|faulty) MD5/i,
      /UPDATE_ERROR_MD5|OTA_RESPONSE_ERROR_MD5_MISMATCH|HTTP_UE_SERVER_FAULTY_(?:MD5|HASH)/,
      /(?:SHA-?(?:256|512)|hash) (?:mismatch|check failed)/i
    ],
    says: {
      title: 'the bytes that came are not those that the digest is of',
      cause:
        'The file was replaced while it was downloaded, or the MD5 in the manifest or header belongs to another build. ESPHome 2025.12 with the Arduino framework has a fault that does the same to a good file (esphome issue 13255).',
      next: 'Use a server that takes file and digest from one build, as otad does, and start the update again.'
    }
  },
  {
    code: 'no-memory',
    step: 'download',
    rank: 'root',
    patterns: [
      /Couldn't allocate memory/i,
      /ESP_ERR_NO_MEM/,
      /HTTPC_ERROR_TOO_LESS_RAM/,
      /(?:malloc|buffer allocation) failed/i,
      /\bENOMEM\b|\bENOBUFS\b/
    ],
    says: {
      title: 'the device ran out of memory',
      cause: 'There was no heap for the buffers of the update.',
      next: 'Free heap before the update: stop Bluetooth, close other connections, make buffers and tasks smaller.'
    }
  }
]

/** A port that speaks TLS by custom, and a URL that does not. */
const TO_TLS_PORT = /^http:\/\/[^/]{1,260}:(?:8070|8443|443)(?:\/|$)/

/** Plain http:// to an HTTPS port: the server reads no handshake and hangs up. */
function plainToTls({ input }: RegExpExecArray, { url }: Seen): Meaning | undefined {
  if (url === null || !TO_TLS_PORT.test(url) || !/CLOSED_BY_FIN|ECONNRESET|reset by peer/.test(input)) return undefined
  return {
    title: 'http:// was sent to the HTTPS port',
    cause: `The URL is ${url}, and that port speaks TLS: the server hung up on a request that is no handshake.`,
    next: 'Begin the URL with https://, and embed certs/ca_cert.pem of otad.',
    not: 'Not a lost connection: trying again gives the same.'
  }
}
