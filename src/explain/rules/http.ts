import type { Meaning } from '../explanation.js'
import type { Rule } from '../rule.js'

/** The request and the head of the answer: clients.md 5.4, 7.1, 9, 10, 11 and 18; peers.md 3, pains 7 to 9 and 19. */
export const HTTP_RULES: readonly Rule[] = [
  {
    code: 'url-too-long',
    step: 'http',
    rank: 'root',
    patterns: [/Out of buffer/i],
    says: {
      title: 'the URL is too long for the buffer of the device',
      cause: 'Request line and headers have to fit buffer_size_tx (512 bytes by default), those of a redirect too.',
      next: 'Use a short path, as otad has them, or raise buffer_size_tx in esp_http_client_config_t.'
    }
  },
  {
    code: 'not-found',
    step: 'http',
    rank: 'root',
    patterns: [
      /File not found ?\(404\)/i,
      /HTTP_UE_SERVER_FILE_NOT_FOUND/,
      /File Not Found \(404\)/i,
      /(?:Status|Code|status code|httpCode|HTTP code|returned:)[^\w\n]{0,6}(?:is )?[^\w\n]{0,2}404\b/i
    ],
    says: {
      title: 'the server has nothing at that path (404)',
      cause:
        'The file name in the URL is not the one that is served, or its last build was refused and no good one is there. The body of the answer says which, and a device does not print it.',
      next: 'otad status lists the names that are served and why one is refused. Put that name into the URL.'
    }
  },
  {
    code: 'forbidden',
    step: 'http',
    rank: 'root',
    patterns: [
      /File not found ?\(403\)/i,
      /HTTP_UE_SERVER_FORBIDDEN/,
      /Forbidden \(403\)/i,
      /(?:Status|Code|status code|httpCode|HTTP code|returned:)[^\w\n]{0,6}(?:is )?[^\w\n]{0,2}403\b/i
    ],
    says: {
      title: 'the server does not give it to this device (403)',
      cause:
        'It knows the file and refuses it: no room in the slot by the headers of the device, credentials or a client certificate that it wants, or another rule of the server.',
      next: 'Look at the log of the server for this request: otad says why.'
    }
  },
  {
    code: 'unauthorized',
    step: 'http',
    rank: 'root',
    patterns: [
      /max_authorization_retries/i,
      /Authorization Failed/i,
      /This request requires authentication/i,
      /HTTP_UE_SERVER_UNAUTHORIZED/,
      /Unauthorized/i,
      /(?:Status|Code|status code|httpCode|HTTP code|returned:|error \()[^\w\n]{0,6}(?:is )?[^\w\n]{0,2}401\b/i
    ],
    says: {
      title: 'the server wants credentials (401)',
      cause:
        'The firmware has no user name and password for it, or wrong ones. ESP-IDF 3.3 and 4.4 ask again for ever.',
      next: 'Set username, password and auth_type in the client (or user:password@ in the URL), or switch authentication off at the server.'
    }
  },
  {
    code: 'range-refused',
    step: 'http',
    rank: 'notice',
    patterns: [
      /Requested range is incorrect/i,
      /Falling back to OTA without resumption/i,
      /OTA resumption failed with err/i,
      /ESP_ERR_HTTP_RANGE_NOT_SATISFIABLE/
    ],
    says: {
      title: 'the server does not have the range that the device asked for (416)',
      cause:
        'The build has changed since the device began: what it has cannot be continued. It starts again from the first byte, which is right.',
      next: 'Nothing, if the update goes on behind it. Where it happens each time, the build is replaced faster than the device downloads.'
    }
  },
  {
    code: 'range-refused-midway',
    step: 'http',
    rank: 'root',
    patterns: [/Client error ?\(416\)/i],
    says: {
      title: 'the server does not have the rest of this build any more (416)',
      cause:
        'The build was replaced while the device downloaded it in ranges. It must not mix the two, so the attempt ends.',
      next: 'Start the update again: it then gets the new build whole. otad keeps a build that a device is downloading.'
    }
  },
  {
    code: 'range-ignored',
    step: 'http',
    rank: 'notice',
    patterns: [/Server ignored the requested Range header/i, /requires server with range request support/i],
    says: {
      title: 'the server does not know ranges',
      cause:
        'It sent the whole file (200) where the device asked for the rest: openssl s_server and Python http.server do that. The device starts from the first byte each time, and ESP-IDF 5.5.0 to 5.5.3 put the whole file behind what they had.',
      next: 'Use a server that answers ranges with 206, as otad does.'
    }
  },
  {
    code: 'head-refused',
    step: 'http',
    rank: 'root',
    patterns: [/Received incorrect http status \d/i],
    says: {
      title: 'the server does not answer HEAD with 200',
      cause:
        'With partial_http_download the device asks for the length with HEAD first, and before ESP-IDF 6.0 takes nothing but 200.',
      next: 'Use a server that answers HEAD, as otad does, or leave partial_http_download off.'
    }
  },
  {
    // The SmartThings demo wants more than its signature: ota_util.c, `content_len <= 268`.
    code: 'no-length',
    step: 'http',
    rank: 'root',
    patterns: [
      /Failed to get image length/i,
      /content size error/i,
      /HTTP_UE_SERVER_NOT_REPORT_SIZE/,
      /Server Did Not Report Size/i,
      /Server not Report Size/i,
      /Content-Length was 0 or wasn't set/i,
      /There was no content in the (?:http )?response/i,
      /no Content-Length/i
    ],
    says: {
      title: 'the server did not say how long the file is',
      cause:
        'The answer has no Content-Length that the device can read: it is chunked, has the name in lower case (sketches that parse the socket), is empty, or is shorter than a firmware can be.',
      next: 'Use a server that sends Content-Length, written so, with every answer, as otad does.'
    }
  },
  {
    code: 'not-an-md5',
    step: 'http',
    rank: 'root',
    patterns: [/MD5 file must be (\d{1,4}) bytes; (\d{1,10}) bytes/i, /MD5 file must be \d{1,4} bytes/i],
    says: match => ({
      title: 'what is at the address of the MD5 is no MD5',
      cause: `An MD5 is 32 hex digits, and ${match[2] ?? 'another number of'} bytes came${match[2] === '9' ? ' ("Not Found" has 9)' : ''}: another file, often the text of a 404.`,
      next: 'Ask for the md5_url with curl and look at what comes. otad serves that of each build at /<name>.md5.'
    })
  },
  {
    // esp32FOTA says so and then that nothing came, which is no other cause.
    code: 'not-200',
    step: 'http',
    rank: 'root',
    patterns: [/got a non 200 status code/i],
    says: {
      title: 'the server answered with another status than 200',
      cause:
        'The client does not print which: mostly 404, for a path that the server does not have, or a redirect, which it does not follow.',
      next: 'Ask for the URL with curl -v to see the status. otad status lists the names that are served.'
    }
  },
  {
    code: 'redirected',
    step: 'http',
    rank: 'root',
    patterns: [
      /URL redirection Failed/i,
      /reach(?:ed)? (?:max_redirection_count|redirect limit)/i,
      /ESP_ERR_HTTP_(?:MAX_REDIRECT|REDIRECT_DOWNGRADE)/,
      /set_redirection failed/i,
      /(?:Status|Code|status code|httpCode|HTTP code|return code)[^\w\n]{0,6}(?:is )?[^\w\n]{0,2}30[12378]\b/i
    ],
    says: {
      title: 'the server redirects, and the device cannot follow',
      cause:
        'Many clients do not follow redirects at all (Arduino by default), ESP-IDF 5.5.5 and newer only to an absolute https:// URL, and none for ever.',
      next: 'Put the final URL into the firmware, or use a server that sends the file itself.'
    }
  },
  {
    code: 'http-status',
    step: 'http',
    rank: 'general',
    patterns: [
      /(?:Client|Server) error ?\((\d{1,3})\)/i,
      /HTTP Code is \((\d{3})\)/i,
      /unsupported HTTP return code (-?\d{1,3})/i,
      /HTTP Request failed; URL: [^\n]{1,400}; Code: (\d{1,3})/i,
      /HTTP Status '(\d{3})'/i,
      /(?:httpCode=|Release API Returned: |Status: )(\d{3})\b/i,
      /^(?:stat\/)?[^\n]{0,80}(?:Failed )?Wrong HTTP code/i,
      /HTTP_UE_SERVER_WRONG_HTTP_CODE/
    ],
    says: match => statusMeaning(Number(match.slice(1).findLast(group => /^\d{3}$/.test(group ?? ''))))
  },
  {
    code: 'no-head',
    step: 'http',
    rank: 'root',
    patterns: [
      /Connection timed out before data was ready/i,
      /ESP_ERR_HTTP_(?:EAGAIN|FETCH_HEADER|READ_TIMEOUT)/,
      /HTTPC_ERROR_READ_TIMEOUT/,
      /(?:HTTP error: |Error: |"Failed )read timeout/i,
      /OTA: Connection timeout after/i
    ],
    says: {
      title: 'the server took the request and did not answer in time',
      cause:
        'The device waits 5 s for the head of the answer (Arduino 8 s). openssl s_server never answers HEAD, which partial_http_download begins with; a server that computes something first is too slow.',
      next: 'Use a server that answers at once and knows HEAD, as otad does.'
    }
  },
  {
    code: 'request-not-sent',
    step: 'http',
    rank: 'general',
    patterns: [/ESP_ERR_HTTP_WRITE_DATA/, /HTTPC_ERROR_SEND_(?:HEADER|PAYLOAD)_FAILED/, /send header failed/i],
    says: {
      title: 'the request could not be sent',
      cause:
        'The connection was closed before the request was out. Plain http:// to an HTTPS port ends so, and a server that takes one client at a time.',
      next: 'Check that scheme and port of the URL belong together: https:// and 8070 for otad.'
    }
  },
  {
    code: 'no-http',
    step: 'http',
    rank: 'root',
    patterns: [/HTTPC_ERROR_NO_HTTP_SERVER/, /HTTP error: no HTTP server/i, /HPE_INVALID|http_parser[^\n]{0,40}error/i],
    says: {
      title: 'what answers on that port is not HTTP',
      cause: 'The URL begins with http:// and the port speaks TLS, or another program has it.',
      next: 'Begin the URL with https:// for the HTTPS port.'
    }
  },
  {
    code: 'bad-manifest',
    step: 'http',
    rank: 'root',
    patterns: [
      /JSON Parsing failed/i,
      /JSON manifest was missing one of the required keys/i,
      /Failed to parse (?:JSON|new version|manifest)/i,
      /No Valid (?:Firmware|Release) Assets? Found/i,
      /Lwjson Error/i,
      /(?:json|manifest)[^\n]{0,30}(?:invalid|parse error|deserialize)/i
    ],
    says: {
      title: 'the manifest is not what the device expects',
      cause:
        'It is no JSON of this kind of client, is larger than its buffer (2048 bytes for esp32FOTA and SmartThings), or names no file for this device.',
      next: 'Take the manifest address for this client from otad snippet.'
    }
  },
  {
    code: 'http-client-error',
    step: 'http',
    rank: 'symptom',
    patterns: [
      /ESP HTTP client perform failed/i,
      /HTTP GET request failed/i,
      /ESP_ERR_HTTP_(?:CONNECTION_CLOSED|CLIENT)\b/,
      /HTTP Request failed/i,
      /Unable to setup http|^.{0,80}HTTP Error$/i
    ],
    says: {
      title: 'the HTTP request failed',
      cause: 'The lines above it would say why, and the log has none of them.',
      next: 'Log with level Info or higher, and look at the log of otad for this device.'
    }
  }
]

function statusMeaning(status: number): Meaning {
  const title = Number.isNaN(status)
    ? 'the server answered with a status that the device does not take'
    : `the server answered with status ${status}`
  if (status >= 500)
    return {
      title,
      cause: 'The server itself failed, or a proxy in front of it cannot reach it.',
      next: 'Look at the log of the server.'
    }
  return {
    title,
    cause:
      'The device takes 200 and 206 only (Arduino 200 and 304). The path, the credentials or the server is not the one that was meant.',
    next: 'Ask for the URL with curl -v to see the answer with its body, which says why.'
  }
}
