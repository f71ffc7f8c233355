import { OperatorError } from '../errors.js'

/** Where the image is that a device would be told to fetch. */
export interface Target {
  readonly url: URL
  /** Without the brackets of IPv6. */
  readonly host: string
  readonly port: number
  readonly isSecure: boolean
  /** Path and query as they stand in the request line. */
  readonly path: string
  /** `Basic …`, from the userinfo of the URL. */
  readonly authorization: string | undefined
}

/** Reads what was typed. @throws OperatorError for what is no `https:` or `http:` URL */
export function readTarget(text: string): Target {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new OperatorError(
      'OTAD_ERR_USAGE',
      `${text} is not a URL that a device could ask`,
      'otad probe https://192.168.1.8:8070/hello_world.bin'
    )
  return targetOf(url)
}

/** The same server, and another path of it. */
export function targetOf(url: URL): Target {
  const isSecure = url.protocol === 'https:'
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return {
    url,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (isSecure ? 443 : 80)),
    isSecure,
    path: `${url.pathname}${url.search}`,
    authorization: url.username === '' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`
  }
}

/** A path with something put behind its last segment, before the query: where sidecars and manifests are. */
export function besidePath({ url }: Target, suffix: string): string {
  return `${url.pathname}${suffix}`
}
