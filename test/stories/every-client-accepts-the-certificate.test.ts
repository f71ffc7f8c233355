// The promise of the certificates (product.md 6): whoever embeds the CA once is let in, by whatever name and whichever address it comes.
// Real clients say so, each by its own rules; that they are strict is shown by what they refuse at the end.
import { once } from 'node:events'
import { createServer } from 'node:net'
import { hostname } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { closeBrowsers } from '../support/chromium.js'
import { anImage } from '../support/image-builder.js'
import { findRealClients, isRequired } from '../support/real-clients.js'
import type { Fetched, RealClient, TlsVersion } from '../support/real-clients-visit.js'
import { useSharedDaemon } from '../support/shared-daemon.js'

const NAME = 'hello_world.bin'
const IMAGE = anImage({ length: 200_000, seed: 7 })

// It listens everywhere, as it does for its users: the address that somebody came by is then one that it has to look up.
const everywhere = ['--host', '::']
const DAEMONS = {
  EC: useSharedDaemon({ firmware: { [NAME]: IMAGE }, args: everywhere }),
  RSA: useSharedDaemon({ firmware: { [NAME]: IMAGE }, args: [...everywhere, '--key-type', 'rsa'] })
}
type KeyType = keyof typeof DAEMONS

/** A way to name the server. The number is another for each client and version: what was never seen before stays so. */
interface Form {
  readonly by: string
  readonly host: (number: number) => string
  /** What is dialled instead of the host. */
  readonly address?: string
  /** Only clients that send an address as SNI can ask for one that is not this machine's. */
  readonly isAddressAsName?: true
}

const KEYS = ['EC', 'RSA'] as const satisfies readonly KeyType[]
const LOCAL = '127.0.0.1'
const ANOTHER_LOOPBACK = '127.0.0.33'
const shortName = hostname().replace(/\..*$/, '').toLowerCase()

const BY_IPV4: Form = { by: 'an IPv4 address', host: () => LOCAL }
const KNOWN_FORMS: readonly Form[] = [
  BY_IPV4,
  { by: 'an IPv6 address', host: () => '::1', address: '::1' },
  { by: 'the name localhost', host: () => 'localhost' },
  { by: 'its host name', host: () => shortName },
  { by: 'its .local name', host: () => `${shortName}.local` }
]
const NEW_FORMS: readonly Form[] = [
  { by: 'an IPv4 address that is in no certificate yet', host: number => `127.0.0.${32 + number}` },
  { by: 'a .local name never seen before', host: number => `otad-far-away-${number}.local` },
  { by: 'a .lan name never seen before', host: number => `bench-${number}.lan` },
  { by: 'a .home.arpa name never seen before', host: number => `ota-${number}.home.arpa` },
  { by: 'a single label never seen before', host: number => `buildbox-${number}` },
  { by: 'an IPv4 address of a port mapping', host: number => `192.168.77.${4 + number}`, isAddressAsName: true },
  { by: 'an IPv6 address of a port mapping', host: number => `fd12:3456::${8 + number}`, isAddressAsName: true }
]

interface Row {
  readonly client: RealClient
  readonly tls: TlsVersion
  readonly key: KeyType
  readonly by: string
  readonly host: string
  readonly address: string
}

const clients = await findRealClients()
const visitors = clients.flatMap(client => client.versions.map(tls => ({ client, tls })))
const lacking = await lackingAddresses(['::1', ANOTHER_LOOPBACK])

function rowsOf(forms: readonly Form[]): readonly Row[] {
  return visitors.flatMap((visitor, index) =>
    forms
      .filter(form => visitor.client.asksForAddresses || form.isAddressAsName !== true)
      .flatMap(({ by, host, address }) => {
        const asked = host(index + 1)
        const dialled = address ?? (asked.startsWith('127.') ? asked : LOCAL)
        return KEYS.map(key => ({ ...visitor, key, by, host: asked, address: dialled }))
      })
  )
}

/** Each row behind the promise that it is of. */
function promising(does: string, rows: readonly Row[]): readonly (readonly [promise: string, row: Row])[] {
  return rows.map(row => [`${row.client.name} ${does} by ${row.by} over TLS ${row.tls}, ${row.key}`, row])
}

/** What this machine cannot be reached at: not every one has IPv6, and not every loopback is a whole /8. */
async function lackingAddresses(addresses: readonly string[]): Promise<readonly string[]> {
  const lacking: string[] = []
  for (const address of addresses) {
    const probe = createServer()
    await once(probe.listen(0, address), 'listening').catch(() => lacking.push(address))
    probe.close()
  }
  return lacking
}

type Skip = (condition: boolean, note?: string) => void

function skipWithout({ client, address }: Pick<Row, 'client' | 'address'>, skip: Skip): void {
  skip(client.missing !== undefined && !isRequired(client), `needs ${client.missing}`)
  const loopback = address.startsWith('127.') && address !== LOCAL ? ANOTHER_LOOPBACK : address
  skip(lacking.includes(loopback), `this machine is not reached at ${loopback}`)
}

async function fetchImage(row: Row, caOf: KeyType = row.key): Promise<Fetched> {
  const { client, host, address, key, tls } = row
  if (client.missing !== undefined) throw new Error(`${client.name} is required: install ${client.missing}`)
  const caFile = path.join(DAEMONS[caOf].home, 'certs', 'ca_cert.pem')
  return client.fetch({ host, address, port: DAEMONS[key].port, target: `/${NAME}`, caFile, tls })
}

async function expectWhole(row: Row): Promise<void> {
  const fetched = await fetchImage(row)
  expect(fetched, `as ${row.host}`).toMatchObject({ refusal: null, tls: `TLSv${row.tls}` })
  expect(fetched.refusal === null && fetched.body.equals(IMAGE), 'the image is whole').toBe(true)
}

afterAll(closeBrowsers)

describe('a server that is known by many names', () => {
  it.for(promising('accepts it', rowsOf(KNOWN_FORMS)))('%s', async ([, row], { skip }) => {
    skipWithout(row, skip)
    await expectWhole(row)
  })
})

describe('a server that somebody comes by in a new way', () => {
  it.for(promising('accepts it', rowsOf(NEW_FORMS)))('%s', async ([, row], { skip }) => {
    skipWithout(row, skip)
    await expectWhole(row)
  })
})

describe('a client that is strict', () => {
  const UNLISTED: Form = { by: 'a public name that nobody listed', host: number => `ota-${number}.example.com` }
  const OTHER_KEY = { EC: 'RSA', RSA: 'EC' } as const

  it.for(promising('refuses it', rowsOf([UNLISTED])))('%s', async ([, row], { skip }) => {
    skipWithout(row, skip)
    expect((await fetchImage(row)).refusal).toMatch(row.client.refusals.otherName)
  })

  it.for(promising('refuses it under another CA', rowsOf([BY_IPV4])))('%s', async ([, row], { skip }) => {
    skipWithout(row, skip)
    expect((await fetchImage(row, OTHER_KEY[row.key])).refusal).toMatch(row.client.refusals.otherCa)
  })
})
