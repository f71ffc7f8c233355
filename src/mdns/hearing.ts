import type { Answer } from 'dns-packet'
import { addressIn, isSameName, isSameRecord, type OwnRecord, ttlOf } from './records.js'

/** What a packet of somebody else means for names that otad has, or would like to have. */

/** Who answers for a host name: nobody, this machine (avahi, mDNSResponder, another otad), or another machine. */
export type Holder = 'nobody' | 'this-machine' | 'another'

/** By what was heard of a host name; `addresses` are all those of this machine. */
export function holderOf(host: string, heard: readonly Answer[], addresses: ReadonlySet<string>): Holder {
  const found = addressesOf(host, heard)
  if (found.length === 0) return 'nobody'
  return found.some(address => addresses.has(address)) ? 'this-machine' : 'another'
}

/** Whether somebody else has the name of an instance: it says something else of it (RFC 6762, section 9). */
export function isTaken(own: readonly OwnRecord[], heard: readonly Answer[]): boolean {
  return heard.some(
    record =>
      ttlOf(record) > 0 &&
      own.some(mine => mine.type === record.type && isSameName(mine.name, record.name)) &&
      !own.some(mine => isSameRecord(mine, record))
  )
}

/** Whether somebody says goodbye to a host name: who else has it has to say so again, or may take it. */
export function isLeft(host: string, heard: readonly Answer[]): boolean {
  return heard.some(record => ttlOf(record) === 0 && addressIn(record) !== undefined && isSameName(record.name, host))
}

function addressesOf(host: string, heard: readonly Answer[]): readonly string[] {
  return heard
    .filter(record => ttlOf(record) > 0 && isSameName(record.name, host))
    .map(addressIn)
    .filter(address => address !== undefined)
}

/** A question; `type` may be ANY. */
export interface Question {
  readonly name: string
  readonly type: string
}

export interface Answers {
  readonly answers: readonly OwnRecord[]
  readonly additionals: readonly OwnRecord[]
}

/**
 * What to answer to questions, out of what otad has to say on a link: nothing that the asker knows already (RFC 6762, section 7.1), and beside it
 * what it is going to ask for next (RFC 6763, section 12). Undefined where there is nothing to say.
 */
export function answersTo(
  questions: readonly Question[],
  known: readonly Answer[],
  records: readonly OwnRecord[]
): Answers | undefined {
  const answers = records.filter(
    record =>
      questions.some(({ name, type }) => isSameName(name, record.name) && (type === record.type || type === 'ANY')) &&
      !known.some(one => isSameRecord(one, record) && ttlOf(one) >= record.ttl / 2)
  )
  if (answers.length === 0) return undefined
  const leadsOn = answers.some(({ type }) => type === 'PTR' || type === 'SRV')
  const additionals = leadsOn ? records.filter(record => record.flush && !answers.includes(record)) : []
  return { answers, additionals }
}
