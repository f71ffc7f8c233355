import type { Device, DeviceRun } from './device.js'
import { arduinoHttpUpdate, type HttpUpdateOptions } from './device-arduino.js'
import { esp8266HttpUpdate } from './device-esp8266.js'

export interface TasmotaOptions extends HttpUpdateOptions {
  readonly family: 'esp32' | 'esp8266'
}

/** Tasmota names its image behind its version. */
const VERSION = { esp32: '15.1.0(tasmota32)', esp8266: '15.1.0(tasmota)' } as const
const ATTEMPTS = 2

/**
 * Tasmota's `Upgrade 1` (clients.md 11): copies of Arduino's libraries with its own version; the ESP8266 asks again for `.gz` behind the name. 304
 * is as good as an update: either way it restarts.
 */
export async function tasmotaUpgrade(device: Device, { family, ...options }: TasmotaOptions): Promise<DeviceRun> {
  const told = { ...options, version: VERSION[family] }
  if (family === 'esp32') return arduinoHttpUpdate(device, told)
  let run = await esp8266HttpUpdate(device, told)
  for (let attempt = 1; run.outcome === 'failed' && attempt < ATTEMPTS; attempt++) {
    const again = await esp8266HttpUpdate({ ...device, url: `${device.url}.gz` }, told)
    run = { ...again, requests: [...run.requests, ...again.requests], log: [...run.log, ...again.log] }
  }
  return run
}
