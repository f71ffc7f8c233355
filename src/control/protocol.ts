import type { NameReleases, PinFacts, RolledBack, Status, Unpinned } from '../answers.js'
import type { DeviceHistory } from '../devices/device-facts.js'
import { OPERATOR_ERROR_CODES, type OperatorErrorCode } from '../errors.js'

/**
 * What is said on the socket of a running daemon: one line of JSON each way, the request first. It is between commands and a daemon of the same
 * version; another version is told so.
 */

export const PROTOCOL_VERSION = 1
/** Bytes of the longest request, its line end included. */
export const LONGEST_REQUEST = 64 * 1024

/** What can be asked, by its command. */
export type ControlRequest =
  | { readonly command: 'status' }
  | { readonly command: 'releases'; readonly name?: string | undefined }
  | {
      readonly command: 'rollback'
      readonly name: string
      readonly release?: string | undefined
      readonly hold: boolean
    }
  | { readonly command: 'pin'; readonly device: string; readonly release: string }
  | { readonly command: 'unpin'; readonly what: string; readonly name?: string | undefined }
  /** Every device, or those that are meant by one name, the one that was seen last first; with their histories where these are asked for. */
  | { readonly command: 'devices'; readonly history: boolean; readonly device?: string | undefined }

/** What is answered to each command. */
export interface Answers {
  readonly status: Status
  readonly releases: readonly NameReleases[]
  readonly rollback: RolledBack
  readonly pin: PinFacts
  readonly unpin: Unpinned
  /** Histories are empty where they were not asked for. */
  readonly devices: readonly DeviceHistory[]
}

/** Why a request has no answer. */
export interface ControlError {
  /** Undefined for a bug: the daemon's log has its lines. */
  readonly code?: OperatorErrorCode
  readonly message: string
  readonly hint: string
}

export type ControlResponse = { readonly ok: unknown } | { readonly error: ControlError }

/** The line that asks. `until` is when the asker stops waiting, in milliseconds since 1970: nothing is done for one that has gone. */
export function writeRequest(request: ControlRequest, until: number): string {
  return `${JSON.stringify({ version: PROTOCOL_VERSION, until, ...request })}\n`
}

export function writeResponse(response: ControlResponse): string {
  return `${JSON.stringify({ version: PROTOCOL_VERSION, ...response })}\n`
}

/** What a request is about, or why it is none. Never throws. */
export function readRequest(
  line: string,
  now: number
): { readonly request: ControlRequest } | { readonly error: ControlError } {
  const fields = readObject(line)
  if (fields === undefined) return { error: malformed('it is not one JSON object on a line') }
  const { version, until, command } = fields
  if (version !== PROTOCOL_VERSION) return { error: otherVersion(version) }
  if (typeof until !== 'number') return { error: malformed('it does not say how long it waits') }
  if (until < now) return { error: malformed('whoever asked has stopped waiting: nothing was done') }
  const request = typeof command === 'string' ? readCommand(command, fields) : undefined
  return request === undefined ? { error: malformed('it is no command that this otad knows') } : { request }
}

/** What a daemon says, or undefined where that is no response of this version. Never throws. */
export function readResponse(line: string): ControlResponse | undefined {
  const fields = readObject(line)
  if (fields === undefined) return undefined
  if (isError(fields.error)) return { error: fields.error }
  return fields.version === PROTOCOL_VERSION && 'ok' in fields ? { ok: fields.ok } : undefined
}

function readCommand(command: string, fields: Record<string, unknown>): ControlRequest | undefined {
  const { name, release, hold, device, what, history } = fields
  switch (command) {
    case 'status':
      return { command }
    case 'releases':
      return isTextIfAny(name) ? { command, name } : undefined
    case 'rollback':
      if (!isText(name) || !isTextIfAny(release) || typeof hold !== 'boolean') return undefined
      return { command, name, release, hold }
    case 'pin':
      return isText(device) && isText(release) ? { command, device, release } : undefined
    case 'unpin':
      return isText(what) && isTextIfAny(name) ? { command, what, name } : undefined
    case 'devices':
      return typeof history === 'boolean' && isTextIfAny(device) ? { command, history, device } : undefined
    default:
      return undefined
  }
}

function readObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isTextIfAny = (value: unknown): value is string | undefined => value === undefined || typeof value === 'string'

function isError(value: unknown): value is ControlError {
  if (typeof value !== 'object' || value === null) return false
  const { code, message, hint } = value as Record<string, unknown>
  return (code === undefined || OPERATOR_ERROR_CODES.some(known => known === code)) && isText(message) && isText(hint)
}

/** Something that is no request at all. */
export function malformed(reason: string): ControlError {
  return {
    code: 'OTAD_ERR_USAGE',
    message: `the running otad does not understand the request: ${reason}`,
    hint: 'ask with a command of the same version: otad status'
  }
}

function otherVersion(version: unknown): ControlError {
  return {
    code: 'OTAD_ERR_NOT_RUNNING',
    message: `the running otad is of another version than this command: it speaks ${PROTOCOL_VERSION}, not ${typeof version === 'number' ? version : 'that'}`,
    hint: 'use the otad that was started, or stop it and start this one'
  }
}
