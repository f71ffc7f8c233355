import type { Static } from 'typebox'
import { describe, expectTypeOf, it } from 'vitest'
import type { DeviceEvent, DeviceFacts, DeviceHistory } from '../../src/devices/device-facts.js'
import type {
  DeviceEventSchema,
  DeviceFactsSchema,
  DeviceHistorySchema,
  DevicesSchema
} from '../../src/devices/device-schema.js'
import type { HealthSchema } from '../../src/releases/manifest-schema.js'
import type { Health } from '../../src/server/app.js'

/** A type that nobody writes to, as those of the program are. */
type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T

// The compiler is the test: npm test does not get here while schema and type differ.
describe('the schemas say the same as the types', () => {
  it('of what is told of devices', () => {
    expectTypeOf<Frozen<Static<typeof DeviceEventSchema>>>().toEqualTypeOf<Frozen<DeviceEvent>>()
    expectTypeOf<Frozen<Static<typeof DeviceFactsSchema>>>().toEqualTypeOf<Frozen<DeviceFacts>>()
    expectTypeOf<Frozen<Static<typeof DeviceHistorySchema>>>().toEqualTypeOf<Frozen<DeviceHistory>>()
    expectTypeOf<Frozen<Static<typeof DevicesSchema>>>().toEqualTypeOf<{
      readonly devices: readonly Frozen<DeviceFacts>[]
    }>()
  })

  it('of /health', () => {
    expectTypeOf<Frozen<Static<typeof HealthSchema>>>().toEqualTypeOf<Frozen<Health>>()
  })
})
