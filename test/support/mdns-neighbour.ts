import { createInterface } from 'node:readline'
import type { Answer } from 'dns-packet'
import multicastDns from 'multicast-dns'

/**
 * A process that is another machine on the network, with the address of its first argument: it tells each packet that it hears as a line of
 * JSON, and takes lines of JSON: `ask` sends a query, `say` a response, `hold` answers for records from then on.
 */
const [address = '', bind = '0.0.0.0'] = process.argv.slice(2)
const mdns = multicastDns({ interface: address, bind })
let held: readonly Answer[] = []

const readable = (record: Answer): unknown =>
  record.type === 'TXT' ? { ...record, data: [record.data].flat().map(String) } : record

mdns.on('packet', (packet: Record<'answers' | 'additionals' | 'authorities', Answer[]>, from: object) => {
  const { answers, additionals, authorities } = packet
  const sections = { answers, additionals, authorities }
  const read = Object.fromEntries(Object.entries(sections).map(([name, records]) => [name, records.map(readable)]))
  process.stdout.write(`${JSON.stringify({ ...packet, ...read, from })}\n`)
})
mdns.on('query', ({ questions = [] }) => {
  const answers = held.filter(({ name }) => questions.some(asked => asked.name === name))
  if (answers.length > 0) mdns.respond([...answers])
})
mdns.on('ready', () => process.stdout.write('{"type":"ready"}\n'))
for await (const line of createInterface({ input: process.stdin })) {
  const { ask, say, hold } = JSON.parse(line)
  if (ask !== undefined) mdns.query(ask)
  if (say !== undefined) mdns.respond(say)
  if (hold !== undefined) held = hold
}
mdns.destroy()
