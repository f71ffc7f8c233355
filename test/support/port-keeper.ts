import { createSocket } from 'node:dgram'

/** A process that keeps a UDP port for itself, and tells when it has it. */
createSocket('udp4').bind(Number(process.argv[2]), () => process.stdout.write('"kept"\n'))
