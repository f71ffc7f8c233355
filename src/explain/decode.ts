import { arduinoError } from './arduino-errors.js'
import { errnoName } from './errnos.js'
import { readEspError } from './esp-errors.js'
import type { Decoded } from './explanation.js'
import { bearsslError, mbedtlsWords, x509Flags } from './tls-errors.js'

/** Behind these words a number is an error of ESP-IDF, and not a length or an address. */
const ESP_ERROR =
  /(?:err\w{0,8}|fail\w{0,3}|code|connection|returned|\[)[^\w]{0,3}(?:[a-z ]{0,16}[:=(] ?)?(0x[0-9a-f]{1,8}|\d{3,6})\b/gi
/** Four hex digits of its ranges stand for nothing else, in brackets or alone. */
const ESP_CODE = /(?:^|[([=:] ?)(0x(?:150[1-8]|200[12]|700[1-9a-e]|800[1-9]|801[0-9a]|9001))\b/gi
/** The name stands there already. */
const ESP_NAME = /\bESP_ERR_[A-Z0-9_]{3,48}\b/

/** `-0x2700` everywhere; decimal in the lines of ssl_client.cpp; without the sign where a program prints what esp_tls kept. */
const MBEDTLS = [
  /-0x([0-9a-f]{2,4})\b/gi,
  /(?:last mbedtls|tls_stack_err|mbedtls_err\w{0,4}|tls stack)[^\w]{0,4}[a-z ]{0,12}[:= ]{0,3}(0x[0-9a-f]{2,4}|\d{2,5})\b/gi,
  /\((-\d{2,5})\) [A-Z0-9]{2,6} - /g,
  /(?:ssl|tls|x509|mbedtls|_handle_error)[^\n]{0,80}?[\s(:=](-\d{2,5})\b/gi
]
/** A negative number that was printed as if it had no sign: 0xffffd900 and 4294957312 are -0x2700. */
const UNSIGNED = /(?:ssl|tls|x509|handshake)[^\n]{0,80}?[\s(:=](0xffff[0-9a-f]{4}|42949\d{5})\b/gi
const FLAGS = /(?:cert|tls|x509|verif\w{0,12})[^\n]{0,24}flags?[^\w]{0,4}(0x[0-9a-f]{1,8}|\d{1,6})\b/gi
const ERRNO = /errno[^\w\n]{0,4}(\d{1,3})\b/gi
const BEARSSL = /(?:BSSL|BearSSL|TLS connection error|SSL error|getLastSSLError)[^\n\d-]{0,30}(\d{1,3})\b/gi
const HTTP_UPDATE =
  /(?:HTTP_UPDATE_FAIL\w{0,2}|fatal error code|update failed|HTTP (?:error|GET|request)[ \w]{0,16}|Error)[^\n\d-]{0,24}(-\d{1,3})\b/gi
const UPDATE = /(?:Error Occurred\. Error #:|Update error code|Update\.getError\(\)) ?(\d{1,2})\b/gi
const ESPHOME = /(?:backend->begin error:|error_code:|Error code) ?\(?([0-9A-F]{2,3})\b/gi

/** Lines without any of these hold no number that stands for something. */
const MAY_HOLD = /err|fail|code|return|connection|-0x|0x[12789]|ssl|tls|x509|http_upd|update/i

/** The numbers of a line that stand for something, each once. `idf` is the release, where the log says it. */
export function decodeNumbers(text: string, idf: string | null): readonly Decoded[] {
  if (!MAY_HOLD.test(text)) return []
  const decoded = [
    ...espErrors(text),
    ...mbedtlsErrors(text, idf),
    ...each(text, UNSIGNED).flatMap(written => unsignedOf(written, idf)),
    ...each(text, FLAGS).flatMap(flagsOf),
    ...each(text, ERRNO).flatMap(written => named(written, errnoName(Number(written)), 'errno ')),
    ...each(text, BEARSSL).flatMap(written => named(written, bearsslError(Number(written)))),
    ...each(text, HTTP_UPDATE).flatMap(written => httpUpdateOf(written, text)),
    ...each(text, UPDATE).flatMap(written => named(written, arduinoError('update', Number(written)))),
    ...each(text, ESPHOME).flatMap(esphomeOf)
  ]
  return [...new Map(decoded.map(one => [one.name, one])).values()]
}

function espErrors(text: string): readonly Decoded[] {
  if (ESP_NAME.test(text)) return []
  return [...each(text, ESP_ERROR), ...each(text, ESP_CODE)].flatMap(written => {
    const error = readEspError(written)
    if (error === undefined) return []
    const hex = `0x${error.value.toString(16)}`
    const how = error.isMisprint
      ? `${written} is decimal ${error.value} behind a stray 0x: ${hex}`
      : `${written} is ${hex}`
    const sentence = `${written.toLowerCase() === hex ? written : how}, ${error.name}: ${error.words}`
    return [{ written, name: error.name, sentence }]
  })
}

function mbedtlsErrors(text: string, idf: string | null): readonly Decoded[] {
  return MBEDTLS.flatMap((pattern, index) =>
    each(text, pattern).flatMap(written => {
      const value = index === 0 ? Number.parseInt(written, 16) : Math.abs(Number(written))
      const words = mbedtlsWords(value, idf)
      if (words === undefined) return []
      const name = `-0x${value.toString(16).toUpperCase().padStart(4, '0')}`
      return [
        {
          written: index === 0 ? `-0x${written}` : written,
          name,
          sentence: `${index === 0 ? name : `${written} is ${name}`}: ${words}`
        }
      ]
    })
  )
}

function unsignedOf(written: string, idf: string | null): readonly Decoded[] {
  const value = 2 ** 32 - Number(written)
  const words = mbedtlsWords(value, idf)
  if (words === undefined) return []
  const name = `-0x${value.toString(16).toUpperCase().padStart(4, '0')}`
  return [{ written, name, sentence: `${written} is ${name} without its sign: ${words}` }]
}

function flagsOf(written: string): readonly Decoded[] {
  const flags = x509Flags(Number(written))
  if (flags.length === 0) return []
  const sentence = `${written} is ${flags.map(({ words }) => words).join(', and ')}`
  return flags.map(({ name }) => ({ written, name, sentence }))
}

/** The small numbers of HTTPClient are errors of many programs. */
function httpUpdateOf(written: string, text: string): readonly Decoded[] {
  const value = Number(written)
  return value <= -100 || /http/i.test(text) ? named(written, arduinoError('httpUpdate', value)) : []
}

/** Two hex digits where they are meant so, three decimal ones else. */
function esphomeOf(written: string): readonly Decoded[] {
  const value = written.length === 2 ? Number.parseInt(written, 16) : Number(written)
  return named(written, arduinoError('esphome', value))
}

function named(
  written: string,
  known: { readonly name: string; readonly words: string } | undefined,
  before = ''
): readonly Decoded[] {
  return known === undefined
    ? []
    : [{ written, name: known.name, sentence: `${before}${written} is ${known.name}: ${known.words}` }]
}

function each(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].flatMap(([, written]) => (written === undefined ? [] : [written]))
}
