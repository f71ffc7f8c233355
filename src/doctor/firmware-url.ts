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

/** A URL without the user and password in it, which are nobody else's to read. */
export function withoutCredentials(text: string): string {
  const plain = text.replace(/^(\s*(?:[a-z]+:)?\/*)[^/?#\s]*@/i, '$1')
  // A password with a slash in it makes a URL that is none.
  return plain.includes('@') && parseFirmwareUrl(plain) === undefined ? plain.slice(plain.lastIndexOf('@') + 1) : plain
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
function isFirmwareName(name: string | null | undefined): boolean {
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
  return literals.flatMap(({ value, line, name, macros }) => {
    const text = value.trim()
    // What is filled in behind the host while the device runs leaves a base.
    const open = /^https?:\/\/[^/%]+\/[^%]*(?=%[hlz]*[sdiu])/i.exec(text)?.[0]
    const form = formOf(open === undefined ? text : text.replaceAll('%', '_'), name, isUpdating)
    if (form === undefined) return []
    const told = withoutCredentials(open?.slice(0, open.lastIndexOf('/') + 1) ?? text)
    const by = macros.length === 0 ? {} : { macros }
    return [
      {
        text: told,
        file,
        line,
        name: name ?? null,
        origin: 'source' as const,
        form: open === undefined ? form : ('base' as const),
        ...by
      }
    ]
  })
}

/** URLs in text that is no program: platformio.ini, ESPHome's YAML. Behind `#` and `;` there are comments. */
export function urlsInLines(text: string, file: string): readonly UrlFact[] {
  return text.split('\n').flatMap((line, index) => {
    const bare = line.replace(/^\s*[#;].*$|\s[#;].*$/, '')
    const name = /^\s*(?:-\s*)?([\w.]+)\s*[:=]/.exec(bare)?.[1]
    return [...bare.matchAll(/https?:\/\/[^\s\\"']+/g)].flatMap(({ 0: url, index: at }) => {
      const define = /-D\s*(\w+)=[\\"']*$/.exec(bare.slice(Math.max(0, at - LONGEST_DEFINE), at))?.[1]
      const by = define ?? name ?? null
      const form = formOf(url, by === 'source' ? 'update' : by, false)
      const text = withoutCredentials(url)
      return form === undefined ? [] : [{ text, file, line: index + 1, name: by, origin: 'source' as const, form }]
    })
  })
}

/** Build flags with longer names are nobody's. */
const LONGEST_DEFINE = 100

/** What a device would take its firmware from, out of the bytes of an image: URLs that end with `.bin`, and the text that they stand in too. */
export function urlsInImage(image: Buffer, file: string): readonly UrlFact[] {
  const found = new Set<string>()
  for (let at = image.indexOf('.bin'); at !== -1 && found.size < MOST_IN_IMAGE; at = image.indexOf('.bin', at + 1)) {
    const end = at + '.bin'.length
    if (isVisible(image[end])) continue
    let start = at
    while (at - start < LONGEST_IN_IMAGE && isVisible(image[start - 1])) start--
    const [url] = /https?:\/\/.{4,}$/.exec(image.toString('latin1', start, at)) ?? []
    if (url !== undefined) found.add(withoutCredentials(`${url}.bin`))
  }
  return [...found].map(text => ({ text, file, line: null, name: null, origin: 'image', form: 'url' }))
}

const isVisible = (byte = 0): boolean => byte >= 0x21 && byte <= 0x7e

const MOST_IN_IMAGE = 8
const LONGEST_IN_IMAGE = 208
