import path from 'node:path'
import type { Daemon } from '../daemon.js'

/** URLs listed at most; the rest is on the page. */
const MOST_URLS = 5

/** What serve says to a person: the URLs to paste into a device, and the certificate to embed. */
export function writeBanner(daemon: Daemon, version: string, cwd: string): string {
  const urls = daemon.urls()
  const rows: [string, string][] = urls
    .slice(0, MOST_URLS)
    .map(url => [
      url,
      url.endsWith('/')
        ? 'nothing to serve yet: build, or drop an ESP32 image (.bin) there'
        : 'paste into menuconfig: Firmware upgrade URL'
    ])
  if (urls.length > MOST_URLS) rows.push([new URL('/', urls[0]).href, `lists ${urls.length - MOST_URLS} more`])
  rows.push(describeAnchor(daemon.anchor, cwd))
  const width = Math.max(...rows.map(([thing]) => thing.length))
  const watching = daemon.watched
    .map(({ folder, description }) => `${shortPath(folder, cwd)} (${description})`)
    .join(', ')
  const lines = [
    `otad ${version}   watching ${watching}`,
    '',
    ...rows.map(([thing, purpose]) => `  ${thing.padEnd(width)}   ${purpose}`),
    ''
  ]
  if (daemon.isLoopbackOnly)
    lines.push('  No device can reach that address: this machine has no LAN address, or --host keeps to itself.', '')
  return `${lines.join('\n')}\n`
}

function describeAnchor(anchor: Daemon['anchor'], cwd: string): [string, string] {
  if (anchor === undefined)
    return ['the root of your certificate', 'embed in the device; --ca-file tells otad which it is']
  const until = anchor.validUntil.toISOString().slice(0, 10)
  const fingerprint = shortFingerprint(anchor.fingerprint)
  return [shortPath(anchor.file, cwd), `embed in the device (SHA-256 ${fingerprint}, until ${until})`]
}

/** `3F:9A:…:C1`: enough to compare by eye; `otad cert` prints all of it. */
function shortFingerprint(fingerprint: string): string {
  const parts = fingerprint.split(':')
  return `${parts.slice(0, 2).join(':')}:…:${parts.at(-1)}`
}

/** A path as a person at this folder would type it. */
export function shortPath(file: string, cwd: string): string {
  const relative = path.relative(cwd, file)
  if (relative === '') return '.'
  return relative.startsWith('..') || path.isAbsolute(relative) ? file : relative
}
