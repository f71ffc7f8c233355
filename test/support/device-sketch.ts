import { createWire, type Device, type DeviceRun, type FlowOptions } from './device.js'
import { isForOtherChip } from './device-arduino.js'
import type { Answer } from './raw-http.js'

/** A sketch that reads the socket itself (clients.md 7.4): AWS_S3_OTA_Update and the projects copied from it. */
export async function sketchSocket(device: Device, options: FlowOptions = {}): Promise<DeviceRun> {
  const wire = createWire(device, options)
  const { target } = wire
  const reply = await wire.ask({
    method: 'GET',
    text: `GET ${target.pathname}${target.search} HTTP/1.1\r\nHost: ${target.hostname}\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n`,
    timeoutMs: 5000,
    chunked: 'raw',
    written: 0,
    // Update looks at the first byte before it writes (Updater.cpp, _verifyHeader).
    inspect: { length: 1, accepts: start => start[0] === 0xe9 }
  })
  await wire.hangUp()
  const end = (outcome: DeviceRun['outcome'], slot: Buffer, log: string[]): DeviceRun => ({
    outcome,
    slot,
    requests: wire.requests,
    log
  })
  const none = Buffer.alloc(0)
  if (reply.kind === 'no-answer') return end('failed', none, ['Client Timeout !'])
  if (reply.kind === 'unreachable') {
    return end('failed', none, [`Connection to ${target.hostname} failed. Please check your setup`])
  }
  const { answer } = reply
  const head = readSketchHead(answer)
  if (head.contentLength <= 0 || !head.isValidContentType) {
    return end('failed', none, [...head.log, 'There was no content in the response'])
  }
  if (head.contentLength > (device.slotLength ?? Number.POSITIVE_INFINITY)) {
    return end('failed', none, [...head.log, 'Not enough space to begin OTA'])
  }
  const written = answer.body.subarray(0, head.contentLength)
  if (written[0] !== 0xe9) return end('failed', none, [...head.log, 'Error Occurred. Error #: 8'])
  const fault = judgeSketch(written, head.contentLength, device)
  if (fault !== undefined) return end('failed', written, [...head.log, fault])
  return end('updated', written, [...head.log, 'Update successfully completed. Rebooting.'])
}

function readSketchHead({ rawHead, reads }: Answer) {
  const log: string[] = []
  let contentLength = 0
  let isValidContentType = false
  // Lines are read while data is available: whatever of the head comes in a later record is not looked at.
  const available = rawHead.subarray(0, reads[0]).toString('latin1')
  for (const line of available.split('\n').map(text => text.trim())) {
    if (line === '') break
    if (line.startsWith('HTTP/1.1') && !line.includes('200')) {
      log.push('Got a non 200 status code from server. Exiting OTA Update.')
      break
    }
    if (line.startsWith('Content-Length: ')) {
      contentLength = Number.parseInt(line.slice('Content-Length: '.length), 10)
      log.push(`Got ${contentLength} bytes from server`)
    }
    if (line.startsWith('Content-Type: ')) {
      const contentType = line.slice('Content-Type: '.length)
      log.push(`Got ${contentType} payload.`)
      if (contentType === 'application/octet-stream') isValidContentType = true
    }
  }
  log.push(`contentLength : ${contentLength}, isValidContentType : ${isValidContentType ? 1 : 0}`)
  return { contentLength, isValidContentType, log }
}

function judgeSketch(written: Buffer, contentLength: number, device: Device): string | undefined {
  if (written.length < contentLength) return `Written only : ${written.length}/${contentLength}. Retry?`
  return isForOtherChip(written, device) ? 'Error Occurred. Error #: 9' : undefined
}
