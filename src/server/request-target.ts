/**
 * The name that a request asks for: its path without the leading slash, decoded once; undefined when that is not a name.
 * Names are looked up in a map, so nothing here has to be kept from leaving a folder: a path that climbs is simply no name.
 */
export function nameIn(target: string): string | undefined {
  const path = target.split(/[?#]/, 1)[0] ?? ''
  if (!path.startsWith('/') || path.length > 2048) return undefined
  try {
    return decodeURIComponent(path.slice(1))
  } catch {
    return undefined
  }
}

/** The origin form of a request target: a client may send the absolute form to any server (RFC 9112, 3.2.2). */
export function originForm(target: string): string {
  const [, path] = /^https?:\/\/[^/?#]*(.*)$/i.exec(target) ?? []
  if (path === undefined) return target
  return path.startsWith('/') ? path : `/${path}`
}

/** The host and port of a target in absolute form, which then count instead of the Host field (RFC 9112, 3.2.2). */
export function authorityIn(target: string): string | undefined {
  const [, authority] = /^https?:\/\/([^/?#]*)/i.exec(target) ?? []
  return authority !== undefined && isHost(authority) ? authority : undefined
}

const HOST = /^(\[[0-9a-f:.]+(%[\w.~-]+)?\]|[a-z0-9._~!$&'()*+,;=%-]+)(:\d{0,5})?$/i

/** Whether a Host value is a host with or without a port (RFC 9110, 7.2). */
export function isHost(value: string): boolean {
  return value.length <= 262 && HOST.test(value)
}
