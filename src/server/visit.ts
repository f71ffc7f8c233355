import type { FastifyRequest } from 'fastify'
import type { Release } from '../releases/release.js'
import type { ArduinoClient } from './arduino.js'
import { addressOf, identify } from './asker.js'
import type { Recipient } from './downloads.js'

/** A request that was no download, and tells of a device all the same. */
export interface Visit {
  /** The address of the device. */
  readonly device: string
  readonly recipient: Recipient
  readonly client?: ArduinoClient | undefined
  /**
   * `head`: it asked for the head of an answer with firmware, or for bytes that are not there. `document`: a manifest or sidecar.
   * `not-found`: a name that is not served. `confirmed`: it says that it runs a release. `page`: somebody looks at the page.
   * `sent-back`: it asked for bytes that this release does not have.
   */
  readonly is: 'head' | 'document' | 'not-found' | 'confirmed' | 'page' | 'sent-back'
  /** The name that it asked for, as it was asked for where there is none. */
  readonly name: string
  /** Undefined where it runs or asks for none that otad knows. */
  readonly release?: Release | undefined
  /** What it was told, where that says more. */
  readonly answer?: string
}

/** Who visits. */
export function visitorOf(request: FastifyRequest): Pick<Visit, 'device' | 'recipient' | 'client'> {
  const { recipient, arduino } = identify(request)
  return { device: addressOf(request), recipient, client: arduino }
}
