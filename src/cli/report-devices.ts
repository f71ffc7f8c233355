import { styleText } from 'node:util'
import { needsAPerson } from '../devices/attention.js'
import type { DeviceEvent, DeviceFacts, DeviceHistory } from '../devices/device-facts.js'
import { inOrder } from '../devices/device-order.js'
import { counted, dateAndTime, printable, spokenAge } from '../words.js'
import { describeEvent, drawProgress, KNOWN_BY, nameBuild, nameDevice, nameVerdict, stepOf } from './device-words.js'
import { drawTable } from './table.js'

/** How a page is drawn. */
export interface Drawing {
  /** Milliseconds since 1970. */
  readonly now: number
  readonly colour: boolean
}

const HEADER = ['DEVICE', 'CLIENT', 'RUNNING', 'KNOWN BY', 'LAST SEEN']
const SOURCES = { confirmed: 'confirmation', told: 'its headers', believed: 'a download' } as const

/** Devices as a table; under each what happened to it last, what to do about it, and how far its downloads are. */
export function writeDevices(devices: readonly DeviceFacts[], drawing: Drawing): string {
  if (devices.length === 0) return 'no device has come yet\n'
  const shown = inOrder(devices, ({ downloads }) => downloads.length > 0)
  const [header, ...rows] = drawTable(
    HEADER,
    shown.map(device => rowOf(device, drawing.now))
  ).split('\n')
  const lines = shown.flatMap((device, index) => [rows[index], ...hangUnder(device, drawing)])
  return `${[header, ...lines].join('\n')}\n`
}

function rowOf(device: DeviceFacts, now: number): string[] {
  const { client, running, lastSeen } = device
  return [
    nameDevice(device),
    printable(client),
    running === null ? '-' : nameBuild(running),
    running === null ? '' : SOURCES[running.source],
    spokenAge(now - Date.parse(lastSeen))
  ]
}

function hangUnder(device: DeviceFacts, { colour }: Drawing): string[] {
  const { verdict, downloads } = device
  const paint = painter(colour)
  const needs = needsAPerson(device)
  const lines: string[] = []
  if (verdict !== null) lines.push(paint(needs ? 'red' : 'dim', describeEvent(verdict)))
  if (needs && verdict?.fix) lines.push(paint('yellow', printable(verdict.fix)))
  lines.push(...downloads.map(download => paint('cyan', drawProgress(download))))
  return lines.map(line => `    ${line}`)
}

/** Everything that is known of one device, and what happened to it, the newest first. */
export function writeDevice(device: DeviceHistory, drawing: Drawing): string {
  const { id, label, running, asked, downloads, history } = device
  const { now, colour } = drawing
  const paint = painter(colour)
  const moment = (time: string): string => `${dateAndTime(Date.parse(time))} (${spokenAge(now - Date.parse(time))})`
  const lines = [label === null ? printable(id) : `${printable(label)}   ${printable(id)}`]
  lines.push(`  is        ${describeHardware(device)}`)
  lines.push(`  seen      first ${moment(device.firstSeen)}, last ${moment(device.lastSeen)}`)
  if (asked !== null) lines.push(`  asked     for ${nameBuild(asked)}, ${moment(asked.at)}`)
  if (running !== null)
    lines.push(`  runs      ${nameBuild(running)} since ${moment(running.at)}: ${KNOWN_BY[running.source]}`)
  lines.push(...downloads.map(download => `  gets      ${paint('cyan', drawProgress(download))}`))
  if (history.length > 0) lines.push('')
  for (const event of history) {
    lines.push(`  ${dateAndTime(Date.parse(event.at))}  ${painted(event, device, paint)}`)
    if (event.fix !== null) lines.push(`  ${' '.repeat(WIDTH_OF_TIME)}  ${paint('dim', printable(event.fix))}`)
  }
  return `${lines.join('\n')}\n`
}

const WIDTH_OF_TIME = '2026-11-20 12:01:07'.length

function describeHardware({ client, sdk, chip, vendor, mac, address, identity, id }: DeviceFacts): string {
  const parts = [client, sdk === null ? null : `SDK ${sdk}`, chip, vendor, mac === id ? null : mac]
  const where = identity === 'address' && id === address ? null : `at ${address}`
  return printable([...parts, where].filter(part => part !== null && part !== '').join(', '))
}

function painted(event: DeviceEvent, { client }: DeviceFacts, paint: Painter): string {
  const text = describeEvent(event)
  return needsAPerson({ verdict: event, client }) ? paint('red', text) : text
}

/** One line of what a device does now: another one when it does something else. */
export function writeDeviceLine(device: DeviceFacts): string {
  const { verdict, downloads } = device
  const what = verdict === null ? 'has come' : describeEvent(verdict)
  const fix = needsAPerson(device) && verdict?.fix ? `; ${printable(verdict.fix)}` : ''
  const progress = downloads.map(download => `, ${stepOf(download)}`).join('')
  return `${nameDevice(device)}  ${what}${progress}${fix}`
}

/** Names of devices that are listed where there may be thousands. */
const MOST_NAMED = 5

/** `3 devices, 1 downloading; look at kitchen (rolled back)`. */
export function countDevices(devices: readonly DeviceFacts[]): string {
  if (devices.length === 0) return 'no device has come yet'
  const downloading = devices.filter(({ downloads }) => downloads.length > 0).length
  const counts = `${counted(devices.length, 'device')}, ${downloading === 0 ? 'none' : downloading} downloading`
  const needy = devices.filter(needsAPerson)
  if (needy.length === 0) return counts
  const named = needy
    .slice(0, MOST_NAMED)
    .map(device => `${nameDevice(device)}${device.verdict === null ? '' : ` (${nameVerdict(device.verdict.is)})`}`)
  const more = needy.length > MOST_NAMED ? [counted(needy.length - MOST_NAMED, 'other')] : []
  return `${counts}; look at ${[...named, ...more].join(', ')}`
}

type Painter = (style: 'dim' | 'red' | 'yellow' | 'cyan', text: string) => string

/** Whether there is colour has been decided where the terminal is known. */
const painter = (colour: boolean): Painter =>
  colour ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text
