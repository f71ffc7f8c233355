import { type TSchema, Type } from 'typebox'
import { VERDICTS } from './device-facts.js'

/**
 * The shapes of what is told of devices, as JSON schemas: `/openapi.json` describes the answers with them. The types are in device-facts.ts, and
 * test/devices/device-schema.test.ts keeps both the same. Like every schema they are loaded by the first who asks: see
 * releases/manifest-schema.ts.
 */

const closed = { additionalProperties: false }
const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])
const Time = Type.String({ format: 'date-time' })
const Digest = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Length = Type.Integer({ minimum: 0 })

export const DeviceEventSchema = Type.Object(
  {
    at: Time,
    is: Type.Enum([...VERDICTS]),
    sentence: Type.String({ description: 'What happened, as a person reads it.' }),
    fix: orNull(Type.String({ description: 'What to do about it.' })),
    name: orNull(Type.String()),
    digest: orNull(Digest),
    count: Type.Integer({ minimum: 1, description: 'How often in a row.' })
  },
  { ...closed, title: 'DeviceEvent', description: 'One thing that happened to a device.' }
)

const release = {
  name: Type.String(),
  digest: orNull(Digest),
  version: Type.String(),
  at: Time
}

const DeviceReleaseSchema = Type.Object(release, {
  ...closed,
  title: 'DeviceRelease',
  description: 'A release as far as a device is concerned; its digest is null where it is none that otad knows.'
})

const RunningReleaseSchema = Type.Object(
  {
    ...release,
    source: Type.Enum(['confirmed', 'told', 'believed'], {
      description:
        'confirmed: the device asked for /{name}/ok?sha= with it. told: its headers said so. believed: it received it whole, and did not say otherwise later.'
    })
  },
  { ...closed, title: 'RunningRelease' }
)

const LiveDownloadSchema = Type.Object(
  {
    id: Type.Integer({ description: 'Unique while the process lives.' }),
    device: Type.String(),
    name: Type.String(),
    digest: Digest,
    version: Type.String(),
    size: Length,
    from: Type.Integer({ minimum: 0, description: 'The byte it began at: not 0 where it resumed.' }),
    reached: Type.Integer({ minimum: 0, description: 'Bytes of the image up to here were accepted by the socket.' }),
    rate: Type.Number({ minimum: 0, description: 'Bytes per second, over the last seconds.' }),
    secondsLeft: orNull(Type.Number({ minimum: 0 })),
    startedAt: Time,
    isStalled: Type.Boolean()
  },
  { ...closed, title: 'LiveDownload', description: 'A download under way; one in ranges is one download.' }
)

const facts = {
  id: Type.String({ description: 'What commands take: its MAC, its address, or the fingerprint of its certificate.' }),
  identity: Type.Enum(['certificate', 'mac', 'address']),
  label: orNull(Type.String({ description: 'Given by the setting deviceNames.' })),
  address: Type.String({ description: 'Where it came from last.' }),
  mac: orNull(Type.String()),
  vendor: orNull(Type.String({ description: 'Who made its network chip.' })),
  client: Type.String({ description: 'The kind of update client, in words.' }),
  userAgent: Type.String(),
  sdk: orNull(Type.String()),
  chip: orNull(Type.String()),
  firstSeen: Time,
  lastSeen: Time,
  asked: orNull(DeviceReleaseSchema),
  running: orNull(RunningReleaseSchema),
  verdict: orNull(DeviceEventSchema),
  downloads: Type.Array(LiveDownloadSchema)
}

export const DeviceFactsSchema = Type.Object(facts, {
  ...closed,
  title: 'DeviceFacts',
  description: 'One device: the client certificate, else the MAC that it sends, else its address.'
})

/** `/devices/<id>.json`. */
export const DeviceHistorySchema = Type.Object(
  { ...facts, history: Type.Array(DeviceEventSchema) },
  { ...closed, title: 'DeviceHistory', description: 'A device with what happened to it, the newest first.' }
)

/** `/devices.json`. */
export const DevicesSchema = Type.Object(
  { devices: Type.Array(DeviceFactsSchema) },
  { ...closed, title: 'Devices', description: 'Every device that has come.' }
)

/** Those that stand in others, to be described once. */
export const DEVICE_SCHEMAS = [
  DevicesSchema,
  DeviceHistorySchema,
  DeviceFactsSchema,
  DeviceEventSchema,
  DeviceReleaseSchema,
  RunningReleaseSchema,
  LiveDownloadSchema
] as const
