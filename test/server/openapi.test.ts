// The description of the interface, for programs: it is a sound OpenAPI document, it leaves no JSON out, and what it says of an answer is so.

import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { Type } from 'typebox'
import { Check, Errors } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { DIALECTS } from '../../src/dialects/dialects.js'
import type { Answer } from '../../src/probe/raw-http.js'
import { anImage, withSegmentLength } from '../support/image-builder.js'
import { digestOf, expectWellFormed, request, useSharedDaemon } from '../support/shared-daemon.js'

const IMAGE = anImage({ project: 'described', version: '1.4.2', seed: 8 })
const AGENT = 'User-Agent: ESP32 HTTP Client/1.0'

const daemon = useSharedDaemon({
  firmware: {
    'described.bin': IMAGE,
    'left/described.bin': anImage({ project: 'left', version: '2.0.0', seed: 9 }),
    'refused.bin': withSegmentLength(IMAGE, 1, 0xffffffff)
  },
  unserved: ['refused.bin']
})

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly parameters?: readonly { readonly $ref: string }[]
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Readonly<Record<string, { schema?: object }>> }>
  >
}

interface Document {
  readonly openapi: string
  readonly info: Readonly<Record<string, string>>
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly parameters: Readonly<Record<string, Readonly<Record<string, unknown>>>>
    readonly schemas: Readonly<Record<string, object>>
  }
}

const ask = (target: string, fields: readonly string[] = [], host = 'otad.test:8070'): Promise<Answer> =>
  daemon.ask(request('GET', target, fields, { host }))
const described = async (): Promise<Document> => JSON.parse((await ask('/openapi.json')).body.toString('utf8'))

/** What a reference leads to. */
function follow(document: Document, $ref: string): object {
  const found = $ref
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document)
  if (typeof found !== 'object' || found === null) throw new Error(`${$ref} leads nowhere`)
  return found
}

/** A schema with everything in it that it refers to. */
function whole(document: Document, schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(item => whole(document, item))
  if (typeof schema !== 'object' || schema === null) return schema
  if ('$ref' in schema) return whole(document, follow(document, String(schema.$ref)))
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, whole(document, value)]))
}

function* everyReference(value: unknown): Iterable<string> {
  if (typeof value !== 'object' || value === null) return
  if ('$ref' in value) yield String(value.$ref)
  for (const inner of Object.values(value)) yield* everyReference(inner)
}

const operations = (document: Document): readonly (readonly [string, Operation])[] =>
  Object.entries(document.paths).flatMap(([path, item]) => Object.values(item).map(one => [path, one] as const))

const jsonSchemaOf = ({ responses }: Operation, status: number): object | undefined =>
  responses[status]?.content?.['application/json']?.schema

function expectFits(document: Document, schema: object, value: unknown): void {
  const wanted = Type.Unsafe(whole(document, schema) as object)
  expect(Check(wanted, value) ? [] : Errors(wanted, value)).toEqual([])
}

describe('/openapi.json', () => {
  it('is answered like everything else, with the host that was asked for', async () => {
    const answer = await ask('/openapi.json', [], 'bench.local:8070')
    expect(answer.status).toBe(200)
    expectWellFormed(answer)
    expect(answer.header('content-type')).toMatch(/^application\/json/)
    const document: Document = JSON.parse(answer.body.toString('utf8'))
    expect(document.servers).toEqual([{ url: 'https://bench.local:8070' }])
    const { version } = JSON.parse((await ask('/health')).body.toString('utf8'))
    expect(document.info).toMatchObject({ title: 'otad', version })
    expect(answer.body.toString('utf8')).not.toContain(daemon.root)
  })

  it('leads back to whoever asks, whatever the one before asked for', async () => {
    for (const host of ['bench.local:8070', '192.168.1.8:8070', '[fe80::1]:8070']) {
      const document: Document = JSON.parse((await ask('/openapi.json', [], host)).body.toString('utf8'))
      expect(document.servers).toEqual([{ url: `https://${host}` }])
    }
  })

  it('is a sound OpenAPI 3.1 document: the fields that there have to be, and no others', async () => {
    const document = await described()
    expect(document.openapi).toMatch(/^3\.1\.\d+$/)
    expect(Object.keys(document).sort()).toEqual(['components', 'info', 'openapi', 'paths', 'servers'])
    for (const [path, item] of Object.entries(document.paths)) {
      expect(path).toMatch(/^\//)
      expect(Object.keys(item)).toEqual(['get'])
    }
    for (const [path, { operationId, summary, responses, ...others }] of operations(document)) {
      expect(operationId, path).toMatch(/^get_\w+$/)
      expect(summary, path).toMatch(/^[A-Z].*[^.]$/)
      expect(
        Object.keys(others).every(key => ['description', 'parameters'].includes(key)),
        path
      ).toBe(true)
      expect(Object.keys(responses).length, path).toBeGreaterThan(0)
      for (const [status, { description }] of Object.entries(responses)) {
        expect(status).toMatch(/^[2-5]\d\d$/)
        expect(description, `${path} ${status}`).not.toBe('')
      }
    }
    const ids = operations(document).map(([, { operationId }]) => operationId)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('has a parameter for everything in braces, and braces for every parameter of a path', async () => {
    const document = await described()
    for (const [path, { parameters = [] }] of operations(document)) {
      const asked = parameters.map(({ $ref }) => follow(document, $ref) as Record<string, unknown>)
      const inBraces = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      expect(asked.filter(one => one.in === 'path').map(one => one.name)).toEqual(inBraces)
      for (const one of asked) {
        expect(['path', 'query', 'header']).toContain(one.in)
        expect(one.schema).toBeTypeOf('object')
        if (one.in === 'path') expect(one.required).toBe(true)
      }
    }
  })

  it('has references that lead somewhere, and describes nothing that is referred to nowhere', async () => {
    const document = await described()
    const references = new Set(everyReference(document))
    for (const reference of references) expect(follow(document, reference)).toBeTypeOf('object')
    const { schemas, parameters } = document.components
    const components = [
      ...Object.keys(schemas).map(name => `#/components/schemas/${name}`),
      ...Object.keys(parameters).map(name => `#/components/parameters/${name}`)
    ]
    expect(components.filter(name => !references.has(name))).toEqual([])
  })

  it('has every address of the server, and every manifest of a dialect', async () => {
    const { paths } = await described()
    const shapes = Object.keys(paths).map(path => path.replaceAll(/\{\w+\}/g, '{}'))
    for (const url of routesOfTheSource()) expect(shapes, url).toContain(url)
    for (const { suffix } of DIALECTS) expect(shapes).toContain(`/{}${suffix}`)
  })
})

/** What the files of routes register, parameters as braces; names and pages aside, which have no address of their own. */
function routesOfTheSource(): readonly string[] {
  const folder = new URL('../../src/server/routes/', import.meta.url)
  const text = readdirSync(folder).map(file => readFileSync(new URL(file, folder), 'utf8'))
  const urls = text.flatMap(source => [...source.matchAll(/\burl: ['`]([^'`]+)['`]/g)].map(([, url = '']) => url))
  expect(urls.length).toBeGreaterThan(6)
  return urls.filter(url => url !== '/*').map(url => url.replace(/:\w+\([^)]*\)/, '{}'))
}

describe('what the description says of an answer', () => {
  /** Every JSON address, as a request of it that is answered with 200. */
  const REQUESTS: Readonly<Record<string, string>> = {
    '/health': '/health',
    '/manifest.json': '/manifest.json',
    '/{name}.json': '/described.bin.json',
    '/devices.json': '/devices.json',
    '/devices/{id}.json': '/devices/127.0.0.1.json',
    '/openapi.json': '/openapi.json',
    ...Object.fromEntries(DIALECTS.map(({ suffix }) => [`/{name}${suffix}`, `/described.bin${suffix}`]))
  }

  it('is so of every JSON address', async () => {
    const document = await described()
    // A device that downloads, comes back for one that is refused, and says what it runs: its history has something to tell.
    for (const target of ['/described.bin', '/refused.bin', `/described.bin/ok?sha=${digestOf(IMAGE).slice(0, 16)}`])
      await ask(target, [AGENT])
    const paths = operations(document).filter(([, { responses }]) => responses[200]?.content?.['application/json'])
    expect(Object.keys(REQUESTS).sort()).toEqual(paths.map(([path]) => path).sort())
    for (const [path, operation] of paths) {
      const answer = await ask(REQUESTS[path] ?? '')
      expect(answer.status, path).toBe(200)
      expectWellFormed(answer)
      const schema = jsonSchemaOf(operation, 200)
      if (schema !== undefined) expectFits(document, schema, JSON.parse(answer.body.toString('utf8')))
    }
  })

  it('is so of a device in the middle of a download', async () => {
    const document = await described()
    const connection = await daemon.connect()
    connection.socket.pause()
    connection.socket.write(request('GET', '/described.bin', [AGENT, 'Range: bytes=0-1023']))
    connection.socket.resume()
    await once(connection.socket, 'data')
    const told = JSON.parse((await ask('/devices.json')).body.toString('utf8'))
    expect(told.devices[0].downloads).toHaveLength(1)
    const [, operation] = operations(document).find(([path]) => path === '/devices.json') ?? []
    expectFits(document, jsonSchemaOf(operation as Operation, 200) as object, told)
    connection.socket.destroy()
  })

  it('is so of the answers in plain text: their type, and the statuses that are listed', async () => {
    const { paths } = await described()
    const digest = digestOf(IMAGE)
    const asked: readonly (readonly [path: string, target: string, status: number, field?: string])[] = [
      ['/{name}', '/described.bin', 200],
      ['/{name}', '/described.bin', 206, 'Range: bytes=0-99'],
      ['/{name}', '/described.bin', 304, `If-None-Match: "${digest}"`],
      ['/{name}', '/described.bin', 416, 'Range: bytes=99999999-'],
      ['/{name}', '/nothing.bin', 404],
      ['/artifacts/{sha256}.bin', `/artifacts/${digest}.bin`, 200],
      ['/artifacts/{sha256}.bin', `/artifacts/${'0'.repeat(64)}.bin`, 404],
      ['/{name}.sha256', '/described.bin.sha256', 200],
      ['/{name}/ok', `/described.bin/ok?sha=${digest.slice(0, 16)}`, 200],
      ['/{name}/ok', '/described.bin/ok?sha=zzzz', 400],
      ['/{name}/ok', '/described.bin/ok?sha=00000000', 404],
      ['/devices/{id}.json', '/devices/nobody.json', 404],
      ['/ca_cert.pem', '/ca_cert.pem', 200],
      ['/metrics', '/metrics', 200]
    ]
    for (const [path, target, status, field] of asked) {
      const answer = await ask(target, field === undefined ? [] : [field])
      expect(answer.status, target).toBe(status)
      const response = paths[path]?.get?.responses[status]
      expect(response, `${path} ${status}`).toBeDefined()
      if (response?.content !== undefined)
        expect(Object.keys(response.content), `${path} ${status}`).toEqual([answer.header('content-type')])
    }
  })
})
