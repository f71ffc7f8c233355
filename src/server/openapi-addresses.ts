import type { TSchema } from 'typebox'
import { DeviceHistorySchema, DevicesSchema } from '../devices/device-schema.js'
import { DIALECTS } from '../dialects/dialects.js'
import { HealthSchema, ManifestOfAllSchema, ManifestSchema } from '../releases/manifest-schema.js'

/** What an address answers, by media type; the schema of JSON that is otad's own. */
interface Content {
  readonly type: string
  readonly schema?: TSchema
}

export interface Address {
  readonly path: string
  readonly summary: string
  readonly description?: string
  /** Names of the parameters that are no part of the path. */
  readonly parameters?: readonly (keyof typeof PARAMETERS)[]
  /** What is answered, by status. */
  readonly answers: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>
}

const TEXT = 'text/plain; charset=utf-8'
const BYTES = { type: 'application/octet-stream' }
const said = (description: string): { description: string; content: Content } => ({
  description,
  content: { type: TEXT }
})
const json = (description: string, schema?: TSchema): { description: string; content: Content } => ({
  description,
  content: { type: 'application/json', ...(schema && { schema }) }
})

const NOT_THERE = { 404: said('There is none; the text names the closest thing there is.') }
const NOT_ALLOWED = {
  401: said('Only where otad was given credentials (auth), and the request has none that are good.'),
  403: said('Only where a client certificate is asked for (clientCaFile), and none was shown.')
}
const FIRMWARE = {
  200: { description: 'The image, whole. ETag is its SHA-256.', content: BYTES },
  206: { description: 'The bytes that were asked for.', content: BYTES },
  304: { description: 'The client has it already.' },
  412: said('What the client asked to be true of it (If-Match, If-Unmodified-Since) is not.'),
  416: said('There are no such bytes, or the build that they were begun of is not known any more: begin anew.')
}
/** Fields of a request that preconditions and ranges are made of (RFC 9110, sections 13 and 14). */
const CONDITIONS = ['Range', 'If-Range', 'If-None-Match'] as const

const NAME = {
  name: 'name',
  in: 'path',
  required: true,
  description: 'Path of the file below the watched folder. Its slashes stand in the path as they are.',
  schema: { type: 'string' },
  example: 'hello_world.bin'
}

export const PARAMETERS = {
  name: NAME,
  id: {
    name: 'id',
    in: 'path',
    required: true,
    description: 'MAC, address, or SHA-256 fingerprint of the client certificate.',
    schema: { type: 'string' },
    example: '24:6f:28:aa:bb:cc'
  },
  sha256: {
    name: 'sha256',
    in: 'path',
    required: true,
    description: 'SHA-256 of the artifact, in lower case.',
    schema: { type: 'string', pattern: '^[0-9a-f]{64}$' }
  },
  sha: {
    name: 'sha',
    in: 'query',
    required: true,
    description:
      'The first eight or more digits of the SHA-256 of the file or of its ELF, or of the one that is appended to the image.',
    schema: { type: 'string', pattern: '^[0-9a-fA-F]{8,64}$' }
  },
  Range: {
    name: 'Range',
    in: 'header',
    description: 'One range; several are answered with the whole image.',
    schema: { type: 'string' },
    example: 'bytes=4096-8191'
  },
  'If-Range': {
    name: 'If-Range',
    in: 'header',
    description: 'The range is meant only where this is the ETag, or the exact date, of what is served.',
    schema: { type: 'string' }
  },
  'If-None-Match': {
    name: 'If-None-Match',
    in: 'header',
    description: 'An ETag that the client has.',
    schema: { type: 'string' }
  }
} as const

/** Manifests that are written in the language of one kind of client, which defines what is in them. */
const OF_DIALECTS: readonly Address[] = DIALECTS.map(({ client, suffix }) => ({
  path: `/{name}${suffix}`,
  summary: `The manifest of a release as ${client} reads it`,
  description: `What is in it is defined by ${client}.`,
  answers: { 200: json(`As ${client} defines it.`), ...NOT_THERE, ...NOT_ALLOWED }
}))

/** Every address that somebody may look for, those in JSON first. All take HEAD as well as GET. */
export const ADDRESSES: readonly Address[] = [
  {
    path: '/health',
    summary: 'Whether it serves, and what',
    answers: {
      200: json('It serves.', HealthSchema),
      503: json('It has not judged every file yet, or is about to stop.', HealthSchema)
    }
  },
  {
    path: '/manifest.json',
    summary: 'Every name, with its current and earlier releases and why its newest file is refused',
    answers: { 200: json('All of them.', ManifestOfAllSchema), ...NOT_ALLOWED }
  },
  {
    path: '/{name}.json',
    summary: 'The manifest of the release that a device would get',
    description: 'Under 2 KiB, for the JSON buffers of small clients.',
    parameters: ['If-None-Match'],
    answers: {
      200: json('The manifest.', ManifestSchema),
      304: { description: 'The client has it already.' },
      ...NOT_THERE,
      ...NOT_ALLOWED
    }
  },
  ...OF_DIALECTS,
  {
    path: '/devices.json',
    summary: 'Every device that has come',
    answers: { 200: json('All of them.', DevicesSchema), 401: NOT_ALLOWED[401] }
  },
  {
    path: '/devices/{id}.json',
    summary: 'One device, with what happened to it',
    answers: { 200: json('The device.', DeviceHistorySchema), ...NOT_THERE, 401: NOT_ALLOWED[401] }
  },
  {
    path: '/openapi.json',
    summary: 'This description',
    answers: { 200: json('An OpenAPI document.') }
  },
  {
    path: '/{name}',
    summary: 'The firmware that a device of this name gets',
    description:
      'A device that has begun a build goes on with that build, whatever is built meanwhile. Ranges of one device are one download.',
    parameters: CONDITIONS,
    answers: { ...FIRMWARE, ...NOT_THERE, ...NOT_ALLOWED }
  },
  {
    path: '/artifacts/{sha256}.bin',
    summary: 'One build by its digest: for ever the same bytes',
    parameters: CONDITIONS,
    answers: { ...FIRMWARE, ...NOT_THERE, ...NOT_ALLOWED }
  },
  {
    path: '/{name}.sha256',
    summary: 'The digest of the release that a device would get, in hexadecimal',
    description: 'Likewise .sha512 and .md5.',
    answers: { 200: said('The digest.'), ...NOT_THERE, ...NOT_ALLOWED }
  },
  {
    path: '/{name}/ok',
    summary: 'A device says that it runs a release, and finds it good',
    parameters: ['sha'],
    answers: {
      200: said('It is noted.'),
      400: said('The digest is left out, or is none.'),
      404: said('No release that is kept has this digest.'),
      ...NOT_ALLOWED
    }
  },
  {
    path: '/ca_cert.pem',
    summary: 'The certificate that devices embed',
    answers: { 200: { description: 'PEM.', content: { type: 'application/x-pem-file' } }, ...NOT_THERE }
  },
  {
    path: '/metrics',
    summary: 'What Prometheus reads',
    answers: { 200: { description: 'Its text format.', content: { type: 'text/plain; version=0.0.4; charset=utf-8' } } }
  },
  {
    path: '/events',
    summary: 'What happens, as it happens: server-sent events, as the page uses them',
    description:
      'Events are named desk, names, devices and downloads, and their data is JSON. What is in them may change with any version.',
    answers: {
      200: {
        description: 'Goes on until the client closes it.',
        content: { type: 'text/event-stream; charset=utf-8' }
      },
      401: NOT_ALLOWED[401],
      503: said('Too many listen already.')
    }
  }
]
