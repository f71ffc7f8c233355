import { X509Certificate } from 'node:crypto'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { systemErrorCode } from '../errors.js'
import { parseObject } from '../watch/layout-text.js'
import { certificateComplaint, namesForDevices } from './certificate-facts.js'
import type { ListeningSocket, Probe, ShownCertificate } from './facts.js'
import { readKernelSockets } from './proc-net.js'

/** Where to look, and how. */
export interface ProbeTarget {
  readonly host: string
  /** Where that is; the host itself where it is an address. */
  readonly address: string
  readonly port: number
  readonly scheme: 'https' | 'http'
}

export interface ProbeOptions {
  /** PEM of the certificate that devices embed; nothing can be trusted without. */
  readonly anchor: string | undefined
  /** `since` of the otad of this home, by which it is known again. */
  readonly since: string | undefined
  readonly now: Date
  /** Ends it; what it has heard until then is what it tells. */
  readonly signal: AbortSignal
}

/** A device on the LAN has an answer in milliseconds; nobody waits for a packet filter that swallows. */
const PATIENCE_MS = 2_500
/** One that says a byte now and then is heard no longer than this, from the first packet on. */
const WHOLE_MS = 6_000
const LONGEST_ANSWER = 64 * 1024

/** Connects as a device does, and asks who is there. Never throws. */
export async function probe(target: ProbeTarget, options: ProbeOptions): Promise<Probe> {
  const shown: { certificate: ShownCertificate | null } = { certificate: null }
  const { address: _, ...told } = target
  try {
    const connection = await open(target, options, shown)
    const answer = await ask(connection, target)
    return { ...told, ...judge(answer, options), certificate: shown.certificate }
  } catch (error) {
    return { ...told, ...explain(error), certificate: shown.certificate }
  }
}

function open(
  { host, address, port, scheme }: ProbeTarget,
  { anchor, now, signal }: ProbeOptions,
  shown: { certificate: ShownCertificate | null }
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const name = isIP(host) === 0 ? { servername: host } : {}
    // Trust is judged below, in a device's words: a certificate that is refused is a fact too.
    const connection: Socket | TLSSocket =
      scheme === 'http'
        ? connectTcp({ host: address, port })
        : connectTls({ host: address, port, rejectUnauthorized: false, ...name })
    connection.setTimeout(PATIENCE_MS, () => connection.destroy(new Silence()))
    const end = (): void => void connection.destroy()
    const deadline = setTimeout(end, WHOLE_MS)
    signal.addEventListener('abort', end)
    connection.once('close', () => {
      clearTimeout(deadline)
      signal.removeEventListener('abort', end)
    })
    connection.once('error', reject)
    connection.once(scheme === 'http' ? 'connect' : 'secureConnect', () => {
      if ('getPeerX509Certificate' in connection) {
        const certificate = connection.getPeerX509Certificate()
        if (certificate !== undefined) shown.certificate = shownCertificate(certificate, host, anchor, now)
      }
      resolve(connection)
    })
    connection.once('close', () => reject(new Silence()))
  })
}

class Silence extends Error {}

function shownCertificate(
  certificate: X509Certificate,
  host: string,
  anchor: string | undefined,
  now: Date
): ShownCertificate {
  const { dnsNames, ipAddresses } = namesForDevices(certificate.toString())
  return {
    fingerprint: certificate.fingerprint256,
    validFrom: new Date(certificate.validFrom).toISOString(),
    validTo: new Date(certificate.validTo).toISOString(),
    dnsNames,
    ipAddresses,
    complaint: anchor === undefined ? null : certificateComplaint(certificate, new X509Certificate(anchor), host, now)
  }
}

function ask(connection: Socket, { host, port }: ProbeTarget): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    connection.setEncoding('latin1')
    connection.on('data', (piece: string) => {
      answer += piece
      if (answer.length > LONGEST_ANSWER) connection.destroy()
    })
    connection.once('error', reject)
    connection.once('close', () => resolve(answer))
    const name = host.includes(':') ? `[${host}]` : host
    connection.write(`GET /health HTTP/1.1\r\nHost: ${name}:${port}\r\nConnection: close\r\n\r\n`)
  })
}

function judge(answer: string, { since }: ProbeOptions): Pick<Probe, 'outcome' | 'detail'> {
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4)
  const health = parseObject(body)
  const isOtad = typeof health?.since === 'string' && typeof health.version === 'string' && 'serving' in health
  if (isOtad && health.since === since) return { outcome: 'ours', detail: `otad ${health.version}` }
  if (isOtad) return { outcome: 'otad', detail: `otad ${health.version}, since ${health.since}` }
  const [statusLine = ''] = answer.split('\r\n')
  const server = /^server:[ \t]*([^\r\n]{1,80})/im.exec(answer)?.[1]
  return { outcome: 'stranger', detail: [statusLine.slice(0, 80), server].filter(Boolean).join(', ') || 'no answer' }
}

function explain(error: unknown): Pick<Probe, 'outcome' | 'detail'> {
  const code = systemErrorCode(error) ?? (error instanceof Silence ? 'no answer' : String(error))
  if (code === 'ECONNREFUSED') return { outcome: 'refused', detail: 'nothing listens there' }
  const isFar = /^(ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|EADDRNOTAVAIL|no answer)$/.test(code)
  if (isFar) return { outcome: 'silent', detail: code }
  return { outcome: 'no-tls', detail: code }
}

/** The sockets that listen at these ports, with who holds each as far as that is ours to know; null where the system has no list of them. */
export async function lookAtSockets(ports: ReadonlySet<number>): Promise<readonly ListeningSocket[] | null> {
  const texts = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map(file => readFile(file, 'utf8').catch(() => undefined))
  )
  if (texts[0] === undefined) return null
  const sockets = texts.flatMap(text => readKernelSockets(text ?? '')).filter(({ port }) => ports.has(port))
  const holders =
    sockets.length === 0 ? new Map<string, string>() : await holdersOf(new Set(sockets.map(({ inode }) => inode)))
  return sockets.map(({ address, port, inode }) => ({ address, port, holder: holders.get(inode) ?? null }))
}

/** The programs that hold these sockets: `nginx (pid 812)`. Those of other users keep to themselves. */
async function holdersOf(inodes: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
  const holders = new Map<string, string>()
  const pids = (await readdir('/proc').catch(() => [])).filter(name => /^\d+$/.test(name))
  for (const pid of pids) {
    for (const descriptor of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
      if (inode === undefined || !inodes.has(inode) || holders.has(inode)) continue
      const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')).trim()
      holders.set(inode, `${name} (pid ${pid})`)
    }
    if (holders.size === inodes.size) break
  }
  return holders
}
