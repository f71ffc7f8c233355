import type { TSchema } from 'typebox'
import { DEVICE_SCHEMAS } from '../devices/device-schema.js'
import { RELEASE_SCHEMAS } from '../releases/manifest-schema.js'
import { ADDRESSES, type Address, PARAMETERS } from './openapi-addresses.js'

/** A value as JSON has it. */
type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
type JsonObject = { readonly [key: string]: Json }

export interface ApiFacts {
  /** `https://host:port` as the client asked for it. */
  readonly origin: string
  readonly version: string
}

/** Schemas by the title that they have: each is described once, and referred to wherever it stands. */
const COMPONENTS: ReadonlyMap<string, TSchema> = new Map(
  [...RELEASE_SCHEMAS, ...DEVICE_SCHEMAS].map(schema => [titleOf(schema), schema])
)

const SCHEMAS = Object.fromEntries([...COMPONENTS].map(([title, schema]) => [title, propertiesOf(schema)]))
const PATHS = Object.fromEntries(ADDRESSES.map(address => [address.path, { get: operationOf(address) }]))

/** What otad answers where, as an OpenAPI document (https://spec.openapis.org/oas/v3.1.1): JSON, and whoever reads it finds a way back here. */
export function describeApi({ origin, version }: ApiFacts): JsonObject {
  return {
    openapi: '3.1.1',
    info: {
      title: 'otad',
      version,
      summary: 'The firmware server for ESP32 developers',
      description:
        'Nothing here can be written to: there are GET and HEAD. Every answer has a Content-Length, but /events. Errors are one sentence in plain text.'
    },
    servers: [{ url: origin }],
    paths: PATHS,
    components: { parameters: PARAMETERS, schemas: SCHEMAS }
  }
}

function operationOf({ path, summary, description, parameters = [], answers }: Address): JsonObject {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const asked = [...inPath, ...parameters].map(name => ({ $ref: `#/components/parameters/${name}` }))
  return {
    operationId: operationIdOf(path),
    summary,
    ...(description !== undefined && { description }),
    ...(asked.length > 0 && { parameters: asked }),
    responses: Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, responseOf(answer)]))
  }
}

/** `/devices/{id}.json` → `get_devices_id_json`. */
function operationIdOf(path: string): string {
  return `get_${path.replaceAll(/\W+/g, ' ').trim().replaceAll(' ', '_')}`
}

function responseOf({ description, content }: Address['answers'][string]): JsonObject {
  if (content === undefined) return { description }
  const { type, schema } = content
  return { description, content: { [type]: schema === undefined ? {} : { schema: referTo(schema) } } }
}

/** A schema as JSON; whatever of it has a name of its own is referred to. */
function referTo(schema: unknown): Json {
  const title = titleOf(schema)
  return COMPONENTS.has(title) ? { $ref: `#/components/schemas/${title}` } : propertiesOf(schema)
}

function titleOf(schema: unknown): string {
  return typeof schema === 'object' && schema !== null && 'title' in schema ? String(schema.title) : ''
}

function propertiesOf(schema: unknown): Json {
  if (Array.isArray(schema)) return schema.map(referTo)
  if (typeof schema !== 'object' || schema === null) return schema as Json
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, referTo(value)]))
}
