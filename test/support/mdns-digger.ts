import { createSocket } from 'node:dgram'
import { decode, encode } from 'dns-packet'

/** A process that asks for the address of a host as dig would, from a port of its own, and tells what it is answered. */
const [address = '', name = ''] = process.argv.slice(2)
const socket = createSocket('udp4')
socket.on('message', message => {
  process.stdout.write(`${JSON.stringify(decode(message))}\n`)
  socket.close()
})
socket.bind(0, address, () => {
  socket.setMulticastInterface(address)
  const query = encode({ type: 'query', id: 4711, questions: [{ name, type: 'A' }] })
  socket.send(query, 5353, '224.0.0.251')
})
