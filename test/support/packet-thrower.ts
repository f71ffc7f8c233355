import { createSocket } from 'node:dgram'

/** A process that sends packets to everybody that speaks mDNS which are damaged in every way that comes cheap, from an address, so many of them. */
const [address = '', count = '0'] = process.argv.slice(2)
const socket = createSocket({ type: 'udp4', reuseAddr: true })
/** A response with a TXT, an AAAA that is too short, and a name that points at itself. */
const SOUND = Buffer.from(
  '000084000000000300000000056f6e652d31056c6f63616c00001080010000007800050461626364c00c001c80010000007800040102030 4c0300021800100000078000800000000235bc030'.replaceAll(
    ' ',
    ''
  ),
  'hex'
)
socket.bind(0, '0.0.0.0', async () => {
  socket.setMulticastInterface(address)
  for (let sent = 0; sent < Number(count); sent++) {
    const packet = Buffer.from(SOUND.subarray(0, 1 + ((sent * 7) % SOUND.length)))
    packet[(sent * 13) % packet.length] = sent & 0xff
    await new Promise(resolve => socket.send(packet, 5353, '224.0.0.251', resolve))
  }
  process.stdout.write('"thrown"\n')
  socket.close()
})
