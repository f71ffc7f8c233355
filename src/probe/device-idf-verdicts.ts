import type { Device } from './device.js'
import type { IdfManners } from './device-idf-releases.js'
import type { NoAnswer } from './raw-http.js'

/** What `_http_connect` makes of a status, and what it prints. */
export type StatusVerdict = {
  readonly kind: 'body' | 'redirect' | 'unauthorized' | 'not-modified' | 'range-refused' | 'failed'
  readonly lines: readonly string[]
}

/** `_http_handle_response_code` of components/esp_https_ota/src/esp_https_ota.c, in its order. */
export function judgeStatus(status: number, manners: IdfManners, requires206: boolean): StatusVerdict {
  const say = (kind: StatusVerdict['kind'], ...lines: string[]): StatusVerdict => ({ kind, lines })
  if (!manners.checksStatus) return say('body')
  if ([301, 302, 303, 307, 308].includes(status)) return say('redirect', 'esp_https_ota: URL redirection Failed')
  if (manners.knowsNotModified && status === 304) {
    return say('not-modified', 'esp_https_ota: OTA image not modified since last request (status code: 304)')
  }
  if (manners.knowsNotModified && status === 416) {
    return say('range-refused', 'esp_https_ota: Requested range is incorrect (status code: 416)')
  }
  if (status === 401) return say('unauthorized', 'esp_https_ota: Authorization Failed')
  if (status === 404 || status === 403) return say('failed', `esp_https_ota: File not found(${status})`)
  if (status >= 500) return say('failed', `esp_https_ota: Server error (${status})`)
  if (status >= 400) return say('failed', `esp_https_ota: Client error (${status})`)
  if (requires206 && status !== 206) {
    return say(
      'range-refused',
      'esp_https_ota: Server ignored the requested Range header',
      'esp_https_ota: OTA resumption requires server with range request support.'
    )
  }
  return say('body')
}

/** What the device has against the start of a body: `read_header`, `esp_ota_verify_chip_id`, `esp_ota_write`, in that order. */
export function judgeStart(start: Buffer, device: Pick<Device, 'chipId'>, manners: IdfManners): string[] {
  if (start.length < manners.headerLength) return ['esp_https_ota: Complete headers were not received']
  if (start.length === 0) return ['(esp_ota_end: nothing was written)']
  const chip = manners.checksChip ? start.readUInt16LE(12) : device.chipId
  if (device.chipId !== undefined && chip !== device.chipId) {
    return [`esp_https_ota: Mismatch chip id, expected ${device.chipId}, found ${chip}`]
  }
  if (start[0] === 0xe9) return []
  // v3.x prints ESP_ERR_OTA_VALIDATE_FAILED, 0x1503, in decimal behind a literal 0x (clients.md 2, thread 1).
  const error = manners.checksStatus ? '0x1503' : '0x5379'
  return [explainMagic(start), `esp_https_ota: Error: esp_ota_write failed! err=${error}`]
}

/** The line of `esp_ota_write` for a body that is no image. */
export function explainMagic(start: Buffer): string {
  const saw = (start[0] ?? 0xff).toString(16).padStart(2, '0')
  return `esp_ota_ops: OTA image has invalid magic byte (expected 0xE9, saw 0x${saw})`
}

/** The lines for a head that did not come. */
export function explainNoAnswer(reason: NoAnswer['reason']): string[] {
  if (reason === 'timeout') return ['HTTP_CLIENT: Connection timed out before data was ready!']
  return [`(no head came: ${reason})`]
}
