/**
 * Clients that people really have, each as strict as it can be told to be: it is given the CA of one daemon alone, compares the name by its
 * own rules, and takes one file whole. None of them shares code of otad, and all but Node's are programs of their own.
 */
import { readFile } from 'node:fs/promises'
import { get } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import { buildDevice, cDeviceIsRequired, DEVICE_EXIT, runDevice } from './c-device.js'
import { findChromium } from './chromium.js'
import { temporaryFolder } from './daemon.js'
import { answerOf, PATIENCE_MS, run } from './real-clients-program.js'
import { bracketed, type Fetched, type RealClient, type TlsVersion, urlOf, type Visit } from './real-clients-visit.js'

/** With REQUIRE_CLIENTS=1 a client that is not installed fails its rows, instead of skipping them. */
export function isRequired(client: RealClient): boolean {
  return process.env.REQUIRE_CLIENTS === '1' || (client.name === MBEDTLS && cDeviceIsRequired())
}

/** All the clients; those that this machine lacks say so. */
export async function findRealClients(): Promise<readonly RealClient[]> {
  return Promise.all([findDevice(), findOpenssl(), findCurl(), NODE, findChromium()])
}

const MBEDTLS = 'mbedTLS 2.28'
const BOTH_VERSIONS: readonly TlsVersion[] = ['1.2', '1.3']

async function findDevice(): Promise<RealClient> {
  const program = await buildDevice()
  return {
    name: MBEDTLS,
    versions: ['1.2'],
    asksForAddresses: true,
    refusals: { otherCa: /not correctly signed by the trusted CA/, otherName: /does not match with the expected CN/ },
    missing: program === undefined ? 'a C compiler and libmbedtls-dev 2.28' : undefined,
    fetch: visit => fetchWithDevice(program ?? '', visit)
  }
}

async function fetchWithDevice(program: string, visit: Visit): Promise<Fetched> {
  const out = path.join(await temporaryFolder(), 'slot.bin')
  const args = [urlOf(visit), '--ca', visit.caFile, '--resolve', visit.address, '--out', out]
  const { code, report, stderr } = await runDevice(program, args)
  if (code !== DEVICE_EXIT.done) return { refusal: `${report.error}\n${stderr}` }
  return { refusal: null, tls: report.tls ?? '', body: await readFile(out) }
}

async function findOpenssl(): Promise<RealClient> {
  // LibreSSL goes by the same name and has other options.
  const isThere = (await answerOf('openssl', ['version']))?.startsWith('OpenSSL ') === true
  return {
    name: 'openssl s_client',
    versions: BOTH_VERSIONS,
    asksForAddresses: true,
    refusals: { otherCa: /unable to get local issuer certificate/, otherName: /hostname mismatch/i },
    missing: isThere ? undefined : 'openssl',
    fetch: fetchWithOpenssl
  }
}

async function fetchWithOpenssl({ host, address, port, target, caFile, tls }: Visit): Promise<Fetched> {
  const trust = ['-CAfile', caFile, '-no-CApath', '-no-CAstore', '-x509_strict', '-verify_return_error']
  const checked = [isIP(host) === 0 ? '-verify_hostname' : '-verify_ip', host]
  const asked = host === address ? ['-noservername'] : ['-servername', host]
  const version = tls === '1.2' ? '-tls1_2' : '-tls1_3'
  const where = ['-connect', `${bracketed(address)}:${port}`]
  // Quiet leaves nothing but the answer on standard output, brief says on standard error what was verified.
  const args = ['s_client', ...where, ...asked, ...checked, ...trust, version, '-quiet', '-brief']
  const request = `GET ${target} HTTP/1.1\r\nHost: ${bracketed(host)}:${port}\r\nConnection: close\r\n\r\n`
  const { stdout, stderr } = await run('openssl', args, request)
  if (!stderr.includes('Verification: OK')) return { refusal: stderr }
  const headEnd = stdout.indexOf('\r\n\r\n') + 4
  return { refusal: null, tls: /^Protocol version: (.*)$/m.exec(stderr)?.[1] ?? '', body: stdout.subarray(headEnd) }
}

async function findCurl(): Promise<RealClient> {
  return {
    name: 'curl',
    versions: BOTH_VERSIONS,
    asksForAddresses: false,
    refusals: { otherCa: /\(60\).*issuer certificate/, otherName: /\(60\).*subject name/ },
    missing: (await answerOf('curl', ['--version'])) === undefined ? 'curl' : undefined,
    fetch: fetchWithCurl
  }
}

async function fetchWithCurl(visit: Visit): Promise<Fetched> {
  const { host, address, port, caFile, tls } = visit
  const version = tls === '1.2' ? ['--tlsv1.2', '--tls-max', '1.2'] : ['--tlsv1.3']
  const where = host === address ? [] : ['--resolve', `${host}:${port}:${bracketed(address)}`]
  // No settings of the user's own, which -q has to say first.
  const quiet = ['-q', '--silent', '--show-error', '--fail', '--noproxy', '*']
  const args = [...quiet, ...where, '--cacert', caFile, ...version, urlOf(visit)]
  const { code, stdout, stderr } = await run('curl', args)
  // It has no other version to take: the least and the most are the same.
  return code === 0 ? { refusal: null, tls: `TLSv${tls}`, body: stdout } : { refusal: stderr }
}

const NODE: RealClient = {
  name: 'Node',
  versions: BOTH_VERSIONS,
  asksForAddresses: false,
  refusals: { otherCa: /UNABLE_TO_VERIFY_LEAF_SIGNATURE/, otherName: /ERR_TLS_CERT_ALTNAME_INVALID/ },
  missing: undefined,
  fetch: fetchWithNode
}

async function fetchWithNode(visit: Visit): Promise<Fetched> {
  const { address, caFile, tls } = visit
  const version = `TLSv${tls}` as const
  const family = isIP(address)
  const lookup: LookupFunction = (_name, { all }, done) =>
    all === true ? done(null, [{ address, family }]) : done(null, address, family)
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const options = { ca: await readFile(caFile), minVersion: version, maxVersion: version, lookup, agent: false, signal }
  return new Promise(resolve => {
    const refuse = (error: NodeJS.ErrnoException): void => resolve({ refusal: `${error.code}: ${error.message}` })
    get(urlOf(visit), options, answer => {
      const used = (answer.socket as TLSSocket).getProtocol() ?? ''
      buffer(answer).then(body => resolve({ refusal: null, tls: used, body }), refuse)
    }).on('error', refuse)
  })
}
