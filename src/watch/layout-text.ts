import path from 'node:path'

/*
 * The forms of text that build systems leave. Nobody vouches for any of it: what is half written or another tool's reads as nothing.
 */

/** A JSON object, or undefined for any other text. */
export function parseObject(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** The value as an object; an empty one in its place if it is none. */
export function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** The value as text that says something. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A path inside the folder that it is written for, normalised; one that leads out of it is nobody's. */
export function relativeOf(value: unknown): string | undefined {
  const text = textOf(value)
  if (text === undefined || text.includes('\0')) return undefined
  const normal = path.posix.normalize(text.replaceAll('\\', '/'))
  const leadsOut = normal === '..' || normal.startsWith('../') || path.posix.isAbsolute(normal)
  return leadsOut || normal === '.' || /^[a-z]:/i.test(normal) ? undefined : normal
}

/** The settings of an sdkconfig, as Kconfig writes it: `CONFIG_NAME=value`, text in quotation marks. */
export function readSdkconfig(text: string | undefined): ReadonlyMap<string, string> {
  const settings = new Map<string, string>()
  for (const [, name = '', quoted, bare = ''] of (text ?? '').matchAll(/^(CONFIG_\w+)=(?:"(.*)"|([^"\s]*))\r?$/gm))
    settings.set(name, quoted ?? bare)
  return settings
}

type Sections = ReadonlyMap<string, ReadonlyMap<string, string>>

/** The sections of an INI file as Python's configparser reads it; of a value with several lines, the lines with commas between. */
export function readIni(text: string | undefined): Sections {
  const sections = new Map<string, Map<string, string>>()
  let section: Map<string, string> | undefined
  let key = ''
  for (const line of (text ?? '').split(/\r?\n/)) {
    const bare = line.replace(/(^|\s)[;#].*$/, '').trimEnd()
    const [, title] = /^\[([^\]]+)\]/.exec(bare) ?? []
    const [, name, value = ''] = /^([^\s=:[][^=:]*)[=:]\s*(.*)$/.exec(bare) ?? []
    if (title !== undefined) {
      section = sections.get(title) ?? new Map()
      sections.set(title, section)
      key = ''
    } else if (name !== undefined) {
      key = name.trimEnd().toLowerCase()
      section?.set(key, value)
    } else if (/^\s+\S/.test(bare) && key !== '') {
      const before = section?.get(key)
      section?.set(key, before ? `${before}, ${bare.trim()}` : bare.trim())
    }
  }
  return sections
}
