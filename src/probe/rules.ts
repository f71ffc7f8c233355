import {
  checkCoding,
  checkEmptyLength,
  checkHead,
  checkHost,
  checkLengths,
  checkNames,
  checkOldHttp,
  checkPaths,
  checkStatusLines,
  checkType
} from './check-framing.js'
import {
  checkCors,
  checkManifests,
  checkMd5,
  checkSha,
  checkSidecars,
  checkValidators,
  checkVersionMode
} from './check-metadata.js'
import { checkBodies, checkIdle, checkOthers, checkPromptness, checkStalledReader } from './check-pace.js'
import {
  checkAcceptRanges,
  checkClamping,
  checkFirstByte,
  checkHeadRange,
  checkIfRange,
  checkOtherRanges,
  checkUnsatisfiable,
  checkWholeRange
} from './check-ranges.js'
import { checkChallenge, checkErrors, checkMissing, checkNotModified, checkRedirect } from './check-statuses.js'
import { checkChain, checkName, checkRecords, checkTrust, checkVersions } from './check-tls.js'
import type { Anchors } from './device-trust.js'
import type { TlsFacts } from './handshake.js'
import type { Judgement } from './judgement.js'
import type { Scene } from './scene.js'

/** What the rules that need no HTTP look at. */
export interface HandshakeFacts {
  /** Undefined where the URL is `http:`. */
  readonly tls: TlsFacts | undefined
  readonly anchors: Anchors
  readonly host: string
}

/** When a rule is looked at: before HTTP, by asking, beside the others for minutes, or over everything that was asked. */
export type RuleCheck =
  | { readonly when: 'handshake'; readonly check: (facts: HandshakeFacts) => Judgement }
  | { readonly when: 'asking' | 'waiting' | 'end'; readonly check: (scene: Scene) => Judgement | Promise<Judgement> }
  | { readonly when: 'never'; readonly why: string }

/** One promise of a firmware server to its devices (clients.md, section 4; `trust` and `name` are 15.3 and 15.4). */
export interface Rule {
  readonly id: string
  readonly promise: string
  /** What happens on a device where the promise is broken. */
  readonly consequence: string
  /** Whom it concerns. */
  readonly clients: string
  readonly look: RuleCheck
}

const asking = (check: (scene: Scene) => Judgement | Promise<Judgement>): RuleCheck => ({ when: 'asking', check })
const waiting = (check: (scene: Scene) => Promise<Judgement>): RuleCheck => ({ when: 'waiting', check })
const atEnd = (check: (scene: Scene) => Judgement | Promise<Judgement>): RuleCheck => ({ when: 'end', check })
const handshake = (check: (facts: HandshakeFacts) => Judgement): RuleCheck => ({ when: 'handshake', check })
const never = (why: string): RuleCheck => ({ when: 'never', why })

/** Every rule, in the order of the report. */
export const RULES: readonly Rule[] = [
  {
    id: 'trust',
    promise: 'the certificate is by the CA that the device holds, and fit for devices',
    consequence: 'the handshake fails with -0x2700 (-0x3000 with the bundle), and nothing is asked',
    clients: 'all over https',
    look: handshake(({ tls, anchors }) => checkTrust(tls, anchors))
  },
  {
    id: 'name',
    promise: 'the host of the URL stands in the certificate as a dNSName, an address too',
    consequence:
      'the handshake fails with -0x2700: on every device, or on those before mbedTLS 3.5 (ESP-IDF 4.x to 5.1.1)',
    clients: 'all over https',
    look: handshake(({ tls, host }) => checkName(tls, host))
  },
  {
    id: 'R1',
    promise: 'every answer has a Content-Length and is never chunked',
    consequence:
      'Server Did Not Report Size (-101); ESP-IDF takes an image that was cut off for a whole one, and 3.3 to 5.3 may hang',
    clients: 'Arduino, ESP8266, ESPHome, Tasmota, esp32FOTA, ESP-IDF partial',
    look: atEnd(checkLengths)
  },
  {
    id: 'R2',
    promise: 'nothing is compressed on the way',
    consequence: 'the compressed bytes are written to flash: invalid magic byte (expected 0xE9, saw 0x1f)',
    clients: 'all',
    look: asking(checkCoding)
  },
  {
    id: 'R3',
    promise: 'Content-Length, Content-Type, Content-Range and Location are written so, with one blank behind the colon',
    consequence: 'There was no content in the response: the field is compared byte by byte and not found',
    clients: 'sketches that parse the socket, ArduinoHttpClient, ESP8266_RTOS_SDK',
    look: atEnd(checkNames)
  },
  {
    id: 'R4',
    promise: 'firmware is exactly application/octet-stream',
    consequence: 'There was no content in the response: the type is compared as text',
    clients: 'sketches that parse the socket',
    look: atEnd(checkType)
  },
  {
    id: 'R5',
    promise: 'the status line is HTTP/1.1 nnn Reason, to HTTP/1.0 too',
    consequence: 'a sketch looks for 200 on a line that begins with HTTP/1.1 alone, and takes errors for firmware',
    clients: 'sketches that parse the socket, Tasmota',
    look: atEnd(checkStatusLines)
  },
  {
    id: 'R6',
    promise: 'HTTP/1.0 is answered without chunks, and the connection is closed or kept as asked',
    consequence: 'the chunk lengths are written to flash, or the library waits for the end until its timeout of 8 s',
    clients: 'Arduino HTTPUpdate, ESP8266, Tasmota, ESP8266_RTOS_SDK',
    look: asking(checkOldHttp)
  },
  {
    id: 'R7',
    promise: 'HEAD gives the status and the fields of GET, no body, and leaves the connection usable',
    consequence: 'Received incorrect http status, or ESP HTTP client perform failed: 28679 after 5 s without an answer',
    clients: 'ESP-IDF partial_http_download',
    look: asking(checkHead)
  },
  {
    id: 'R8',
    promise: 'Content-Length: 0 in a GET or HEAD is accepted',
    consequence: 'no update at all: these releases always send it',
    clients: 'ESP-IDF up to 5.3',
    look: asking(checkEmptyLength)
  },
  {
    id: 'R9',
    promise: 'a Host without port, no Host by HTTP/1.0 and no SNI are answered',
    consequence: 'no update: some releases leave out the port, and SNI goes with the name check',
    clients: 'ESP-IDF 3.x, Zephyr, Mender, skip_cert_common_name_check',
    look: asking(checkHost)
  },
  {
    id: 'R10',
    promise: 'queries are ignored, % is decoded once, and nothing above the folder is given',
    consequence: 'esp32FOTA, which adds ?id=…, finds nothing; and keys may be read by anybody',
    clients: 'esp32FOTA',
    look: asking(checkPaths)
  },
  {
    id: 'R11',
    promise: 'the head comes within 3 s',
    consequence: 'Connection timed out before data was ready! after 5 s; ESPHome gives up after 4.5 s',
    clients: 'all',
    look: atEnd(checkPromptness)
  },
  {
    id: 'R12',
    promise: 'a reader that stands still for 120 s is waited for',
    consequence: 'a device that erases its flash behind the head loses the download: -0x7280, -0x0050',
    clients: 'ESP-IDF with bulk_flash_erase, OTA over Thread',
    look: waiting(checkStalledReader)
  },
  {
    id: 'R13',
    promise: 'an idle connection is kept for 120 s',
    consequence: 'Failed to establish HTTP connection in the middle: ranges share one connection, without a second try',
    clients: 'ESP-IDF 5.4.4, 5.5.2, 6.0 partial',
    look: waiting(checkIdle)
  },
  {
    id: 'R14',
    promise: 'a silent connection and a stopped reader delay nobody else',
    consequence: 'one device that hangs keeps every other from updating',
    clients: 'all',
    look: asking(checkOthers)
  },
  {
    id: 'R15',
    promise: 'a body is as long as Content-Length says, or the connection is destroyed',
    consequence: 'older releases flash the part that came; newer ones wait for ever on a connection that stays open',
    clients: 'all',
    look: atEnd(checkBodies)
  },
  {
    id: 'R16',
    promise: 'Accept-Ranges: bytes on 200, 206 and HEAD',
    consequence: 'the log says that the server cannot resume',
    clients: 'esp32FOTA',
    look: asking(checkAcceptRanges)
  },
  {
    id: 'R17',
    promise: 'a range that ends behind the image is cut to it: 206',
    consequence: 'the last part, which ESP-IDF asks for with the length as its end, fails or is the whole image again',
    clients: 'ESP-IDF partial with resumption',
    look: asking(checkClamping)
  },
  {
    id: 'R18',
    promise: 'bytes=0- is 206 with the whole',
    consequence: 'Server ignored the requested Range header: it starts again with each reboot and never resumes',
    clients: 'ESP-IDF ota_resumption',
    look: asking(checkWholeRange)
  },
  {
    id: 'R19',
    promise: 'bytes=0-0 is 206 with one byte and the total',
    consequence: 'Failed to get image length from http response',
    clients: 'ESP-IDF 6.0 partial, where HEAD is not 200',
    look: asking(checkFirstByte)
  },
  {
    id: 'R20',
    promise: 'a start behind the image, and an inverted range, are 416 with bytes */length',
    consequence: 'the whole image is written behind what flash holds already: Image hash failed - image is corrupt',
    clients: 'ESP-IDF ota_resumption',
    look: asking(checkUnsatisfiable)
  },
  {
    id: 'R21',
    promise: 'a suffix is 206; several ranges and other units are answered with the whole',
    consequence: 'nothing on an ESP device: these are for curl and its like',
    clients: 'curl',
    look: asking(checkOtherRanges)
  },
  {
    id: 'R22',
    promise: 'Range is ignored on HEAD',
    consequence: 'Received incorrect http status 206, where the application sets a Range of its own',
    clients: 'ESP-IDF partial_http_download',
    look: asking(checkHeadRange)
  },
  {
    id: 'R23',
    promise: 'If-Range with the strong ETag or the date is 206, with any other 200',
    consequence: 'nothing on an ESP device, which never sends it; curl -C - may join two builds',
    clients: 'curl, browsers',
    look: asking(checkIfRange)
  },
  {
    id: 'R24',
    promise: 'all ranges of one download are of one build',
    consequence: 'bytes of two images: Checksum failed or Image hash failed at the very end',
    clients: 'ESP-IDF partial and ota_resumption',
    look: never('a build would have to appear in the middle of a download')
  },
  {
    id: 'R25',
    promise: 'where there is no image, the answer is 404 or 403',
    consequence: 'the body of the answer is written to flash: invalid magic byte (expected 0xE9, saw 0x3c)',
    clients: 'ESP-IDF before 4.4, Arduino',
    look: asking(checkMissing)
  },
  {
    id: 'R26',
    promise: '304 only to who tells that it has this image',
    consequence: 'HTTP_UPDATE_NO_UPDATES, or a restart, though there is a new image',
    clients: 'Arduino HTTPUpdate, ESP8266, Tasmota, ESP-IDF 5.5',
    look: asking(checkNotModified)
  },
  {
    id: 'R27',
    promise: '401 has one challenge, Basic or Digest, a length, and an open connection',
    consequence: 'several challenges are put together into one that nobody can answer',
    clients: 'ESP-IDF',
    look: asking(checkChallenge)
  },
  {
    id: 'R28',
    promise: 'no redirect; or 302 to the same server, absolute, short and empty',
    consequence: 'the port is lost, or the empty body of the redirect is taken for the firmware',
    clients: 'native_ota_example, Arduino, ESP8266, ESP-IDF 5.5.5',
    look: asking(checkRedirect)
  },
  {
    id: 'R29',
    promise: 'errors are short plain text with the reason, and never begin as an image does',
    consequence: 'old releases write them to flash; nobody at the device can read HTML in a log',
    clients: 'ESP-IDF before 4.3',
    look: atEnd(checkErrors)
  },
  {
    id: 'R30',
    promise: 'a strong ETag that is the SHA-256 of the image, and Last-Modified',
    consequence: 'two builds of one second look the same to everything that compares tags',
    clients: 'curl, browsers, caches, If-None-Match of an application',
    look: asking(checkValidators)
  },
  {
    id: 'R31',
    promise: 'x-MD5 is the MD5 of the body in lower case',
    consequence: 'without it nothing notices a mixed image on an ESP8266; a wrong one is MD5 Check Failed',
    clients: 'Arduino HTTPUpdate, ESP8266, Tasmota',
    look: asking(checkMd5)
  },
  {
    id: 'R32',
    promise: 'x-SHA256 and x-SHA512 are those of the body in lower case',
    consequence: 'the core looks for sidecars instead; a wrong one is an error (-109)',
    clients: 'arduino-esp32 from August 2026',
    look: asking(checkSha)
  },
  {
    id: 'R33',
    promise: 'x-version is told to a request with the mode version',
    consequence: 'getAvailableVersion() finds none',
    clients: 'ESP8266',
    look: asking(checkVersionMode)
  },
  {
    id: 'R34',
    promise: '.md5, .sha256 and .sha512 beside the image begin with its digest',
    consequence: 'MD5 file must be 32 bytes: the md5_url of ESPHome has nothing to name',
    clients: 'ESPHome, arduino-esp32 from August 2026',
    look: asking(checkSidecars)
  },
  {
    id: 'R35',
    promise: 'manifests are shorter than 2048 bytes, with a length and without a byte order mark',
    consequence: 'JSON Parsing failed, or Max length of data is exceeded',
    clients: 'SmartThings ota_demo, esp32FOTA, ESPHome, esp_ghota',
    look: asking(checkManifests)
  },
  {
    id: 'R36',
    promise: 'pages of other origins may fetch, where that is wanted',
    consequence: 'ESP Web Tools of another page cannot fetch the parts',
    clients: 'ESP Web Tools',
    look: asking(checkCors)
  },
  {
    id: 'R37',
    promise: 'TLS 1.2 and 1.3 are spoken, 1.0 and 1.1 are not',
    consequence:
      'mbedtls_ssl_handshake returned -0x7780 where 1.2 is missing (ESP-IDF leaves 1.3 off), -0x7200 where no TLS is spoken',
    clients: 'all over https',
    look: handshake(({ tls }) => checkVersions(tls))
  },
  {
    id: 'R38',
    promise: 'the leaf without the root, below 3.5 KiB, and a short list of client CAs',
    consequence: 'the Certificate message does not fit: -0x7080, -0x7200 or out of memory (-0x7F00)',
    clients: 'devices with 4 KiB for input, ESP8266',
    look: handshake(({ tls }) => checkChain(tls))
  },
  {
    id: 'R39',
    promise: 'no TLS record has more than 4096 bytes',
    consequence: 'the first read of the body fails with -0x7200 or -0x7100',
    clients: 'devices with 4 KiB for input',
    look: atEnd(checkRecords)
  },
  {
    id: 'R40',
    promise: 'the server says in plain words why a handshake failed',
    consequence: 'the device prints a number alone, and nobody knows what to do',
    clients: 'whoever sits at the desk',
    look: never('it stands in the log of the server')
  }
]
