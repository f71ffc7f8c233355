/** What a client knows of the firmware that it runs, as esp_app_get_description() tells it (esp_app_desc_t, behind the two headers). */
import { APP_DESCRIPTOR } from '../image/layout.js'
import type { Device, FlowOptions } from './device.js'

function textAt(image: Buffer, offset: number, length: number): string {
  const field = image.subarray(APP_DESCRIPTOR.fileOffset + offset, APP_DESCRIPTOR.fileOffset + offset + length)
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? length : end)
}

export function versionIn(image: Buffer): string {
  return textAt(image, APP_DESCRIPTOR.version, 32)
}

export function projectIn(image: Buffer): string {
  return textAt(image, APP_DESCRIPTOR.projectName, 32)
}

/** Whom a device trusts, and how much it takes. */
export interface Asking extends Pick<Device, 'ca' | 'verification'> {
  readonly limits?: FlowOptions
}

/** A device that pulls: what it asks, whom it trusts, and the image that it runs. */
export interface PullingDevice extends Asking {
  /** The URL in its firmware. */
  readonly url: string
  readonly running: Buffer
}

/** How one look for an update ended; `image` is what it boots next. */
export interface PullRun {
  readonly outcome: 'updated' | 'no-update' | 'failed'
  readonly image: Buffer
  /** Every URL that was asked for, with the status that came back. */
  readonly asked: readonly string[]
  readonly log: readonly string[]
}
