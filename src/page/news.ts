import type { DeskName } from '../desk/desk-facts.js'
import { needsAPerson } from '../devices/attention.js'
import type { DeviceFacts } from '../devices/device-facts.js'
import { calledOf } from '../devices/device-order.js'
import { counted } from '../words.js'
import type { Desk, DeskEvent } from './desk.js'
import { foreign, sentenceOf } from './wording.js'

/** Sentences that are read out at once; a person listens to no more. */
const MOST_SENTENCES = 3

/**
 * What a screen reader says of events that came in together, before which the desk was as given: releases, refusals, and devices that need
 * somebody. Progress is not read out, and nothing of what was there when the page was opened. Empty where there is nothing to say.
 */
export function newsOf(before: Desk | undefined, events: readonly DeskEvent[]): string {
  if (before === undefined) return ''
  const sentences = new Map<string, string>()
  for (const event of events) {
    if (event.is === 'names')
      for (const name of event.data.changed) note(sentences, name.name, newsOfName(before.names.get(name.name), name))
    if (event.is === 'devices')
      for (const device of event.data.changed)
        note(sentences, device.id, newsOfDevice(before.devices.get(device.id), device))
  }
  const all = [...sentences.values()]
  const rest = all.length - MOST_SENTENCES
  return [...all.slice(0, MOST_SENTENCES), ...(rest > 0 ? [`And ${counted(rest, 'more change')}.`] : [])].join(' ')
}

function note(sentences: Map<string, string>, about: string, sentence: string | undefined): void {
  if (sentence !== undefined) sentences.set(about, sentence)
}

function newsOfName(before: DeskName | undefined, { name, current, refusal }: DeskName): string | undefined {
  if (refusal !== null && refusal.at !== before?.refusal?.at)
    return `${foreign(name)} was refused: ${foreign(refusal.sentence)}.`
  if (current !== null && current.digest !== before?.current?.digest)
    return `${foreign(name)} ${foreign(current.version)} is served.`
  return undefined
}

function newsOfDevice(before: DeviceFacts | undefined, device: DeviceFacts): string | undefined {
  const { verdict } = device
  if (verdict === null || !needsAPerson(device)) return undefined
  // The same once more is no news: a device that cannot connect tries every few seconds.
  if (before?.verdict?.is === verdict.is && before.verdict.sentence === verdict.sentence) return undefined
  return `${foreign(calledOf(device))}: ${sentenceOf(verdict)}.`
}
