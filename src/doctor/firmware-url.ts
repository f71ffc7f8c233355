import { isIP } from 'node:net'
import { isLocalName } from '../certs/names.js'
import type { UrlFact } from './facts.js'
import type { Literal } from './source-text.js'

/** A URL of firmware, taken apart; undefined where it is none that a device could use. */
export interface ParsedUrl {
  readonly scheme: 'https' | 'http'
  /** Without brackets, in lower case. */
  readonly host: string
  readonly port: number
  readonly hasPort: boolean
  /** Decoded, without its leading slash. */
  readonly path: string
}

export function parseFirmwareUrl(text: string): ParsedUrl | undefined {
  if (!/^https?:\/\/[^/\s]/i.test(text) || /\s/.test(text)) return undefined
  try {
    const { protocol, hostname, port, pathname } = new URL(text)
    const scheme = protocol === 'https:' ? 'https' : 'http'
    return {
      scheme,
      host: hostname.replace(/^\[|\]$/g, '').toLowerCase(),
      port: port === '' ? (scheme === 'https' ? 443 : 80) : Number(port),
      hasPort: port !== '' || /^https?:\/\/(\[[^\]]*\]|[^/:]*):\d+/i.test(text),
      path: decodeURIComponent(pathname).slice(1)
    }
  } catch {
    return undefined
  }
}

const OTA_WORD = /^(ota|fota|fw|firmware|upgrade|upg|update|ghota|httpupdate)/
const HOST_WORD = /^(host|hostname|server|ip|addr|address|url|uri|base)$/
/** Servers that sketches name beside the one of their firmware. */
const OTHER_WORD =
  /^(mqtt|broker|ntp|sntp|time|dns|gateway|subnet|netmask|static|local|syslog|influx|ap|api|weather|wifi|ssid)$/

/** The words of a name: `otaServerUrl`, `OTA_SERVER_URL`, `OTAUrl`. */
function wordsOf(name: string): readonly string[] {
  return name
    .split(/[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/)
    .map(word => word.toLowerCase())
    .filter(word => word !== '')
}

/** Whether a setting, macro or variable by its name says where firmware is. */
export function isFirmwareName(name: string | null | undefined): boolean {
  return wordsOf(name ?? '').some(word => OTA_WORD.test(word))
}

/** Ports that the examples of ESP-IDF and SmartThings' demo take their firmware from. */
const OTA_PORTS = [8070, 4443]
const IMAGE_PATH = /\.(bin|bin\.gz|ota)$|(^|\/)version_?info\.json$/i

/** What a text in a project says about where its firmware is; undefined where it says nothing of the kind. */
export function formOf(
  text: string,
  name: string | null | undefined,
  isUpdating: boolean
): UrlFact['form'] | undefined {
  const isNamed = isFirmwareName(name)
  if (/^https?:/i.test(text)) {
    // Filled in while the device runs, or joined to a macro: nobody knows the host here.
    if (/^https?:\/\/($|[%<{$]|[^/]*%)/i.test(text)) return undefined
    const url = parseFirmwareUrl(text)
    if (url === undefined) return isNamed || IMAGE_PATH.test(text) ? 'url' : undefined
    const isNear = isLocalName(url.host) && isUpdating && wordsOf(name ?? '').some(word => HOST_WORD.test(word))
    if (!isNamed && !IMAGE_PATH.test(url.path) && !OTA_PORTS.includes(url.port) && !isNear) return undefined
    return url.path === '' || url.path.endsWith('/') ? 'base' : 'url'
  }
  if (isNamed && /^(\/\/)?[\w.-]+(:\d+)?\/\S*\.bin$/i.test(text)) return 'url'
  const host = text.replace(/:\d+$/, '')
  const isHost = isIP(host) === 4 || /^[\w-]+(\.[\w-]+)*\.(local|lan)$/i.test(host)
  if (!isHost) return undefined
  const words = wordsOf(name ?? '')
  const isServer = words.some(word => HOST_WORD.test(word)) && !words.some(word => OTHER_WORD.test(word))
  return isNamed || (isUpdating && isServer) ? 'host' : undefined
}

/** Where the literals of a file say that firmware is. */
export function urlsInLiterals(literals: readonly Literal[], file: string, isUpdating: boolean): readonly UrlFact[] {
  return literals.flatMap(({ value, line, name }) => {
    const form = formOf(value.trim(), name, isUpdating)
    if (form === undefined) return []
    return [{ text: value.trim(), file, line, name: name ?? null, origin: 'source' as const, form }]
  })
}

/** URLs in text that is no program: platformio.ini, ESPHome's YAML. Behind `#` and `;` there are comments. */
export function urlsInLines(text: string, file: string): readonly UrlFact[] {
  return text.split('\n').flatMap((line, index) => {
    const bare = line.replace(/^\s*[#;].*$|\s[#;].*$/, '')
    const name = /^\s*(?:-\s*)?([\w.]+)\s*[:=]/.exec(bare)?.[1]
    return [...bare.matchAll(/(?:-D\s*(\w+)=)?[\\"']*(https?:\/\/[^\s\\"']+)/g)].flatMap(([, define, url = '']) => {
      const by = define ?? name ?? null
      const form = formOf(url, by === 'source' ? 'update' : by, false)
      return form === undefined ? [] : [{ text: url, file, line: index + 1, name: by, origin: 'source' as const, form }]
    })
  })
}

/** What a device would take its firmware from, out of the bytes of an image. */
export function urlsInImage(image: Buffer, file: string): readonly UrlFact[] {
  const found = new Set<string>()
  for (const [url] of image.toString('latin1').matchAll(/https?:\/\/[\x21-\x7e]{4,200}?\.bin(?![\x21-\x7e])/g))
    found.add(url)
  return [...found]
    .slice(0, MOST_IN_IMAGE)
    .map(text => ({ text, file, line: null, name: null, origin: 'image', form: 'url' }))
}

const MOST_IN_IMAGE = 8
