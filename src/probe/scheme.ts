import { connect } from 'node:net'
import { addAbortSignal } from 'node:stream'
import { deviceHello } from './hello.js'
import type { Target } from './target.js'

const PATIENCE_MS = 2000

/** `http` or `https` where a port speaks the other of the two than the URL says; undefined where it does not, or says nothing. */
export async function otherScheme(target: Target, signal?: AbortSignal): Promise<'http' | 'https' | undefined> {
  const { host, isSecure, url } = target
  const head = `HEAD ${target.path} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: close\r\n\r\n`
  const answer = (await firstBytes(target, head, signal)).toString('latin1')
  if (isSecure) return answer.startsWith('HTTP/') ? 'http' : undefined
  // Servers of TLS that know plain HTTP when they see it refuse it so.
  if (answer.startsWith('HTTP/') && !/^HTTP\/\d\.\d 400/.test(answer)) return undefined
  const [type, version] = await firstBytes(target, deviceHello(host), signal)
  return (type === RECORD.alert || type === RECORD.handshake) && version === RECORD.version ? 'https' : undefined
}

const RECORD = { alert: 21, handshake: 22, version: 3 }

/** What a port says first to these words; nothing where it hangs up or is silent. */
async function firstBytes({ host, port }: Target, words: string | Buffer, signal?: AbortSignal): Promise<Buffer> {
  const timeout = AbortSignal.timeout(PATIENCE_MS)
  const socket = connect({ host, port })
  socket.on('error', () => {})
  addAbortSignal(signal === undefined ? timeout : AbortSignal.any([timeout, signal]), socket)
  socket.write(words)
  return new Promise(resolve => {
    socket.once('data', piece => {
      resolve(piece)
      socket.destroy()
    })
    socket.once('end', () => socket.destroy())
    socket.once('close', () => resolve(Buffer.alloc(0)))
  })
}
