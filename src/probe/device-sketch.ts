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

/** JAndrassy/ArduinoOTA's OTASketchDownload over ArduinoHttpClient, which compares names of header fields byte by byte (clients.md 7.4). */
export async function sketchDownload(device: Device, options: FlowOptions = {}): Promise<DeviceRun> {
  const wire = createWire(device, options)
  const { target } = wire
  const reply = await wire.ask({
    method: 'GET',
    text: `GET ${target.pathname} HTTP/1.1\r\nHost: ${target.host}\r\nUser-Agent: Arduino/2.2.0\r\nConnection: close\r\n\r\n`,
    timeoutMs: 30_000,
    chunked: 'raw',
    written: 0
  })
  await wire.hangUp()
  const end = (outcome: DeviceRun['outcome'], line: string, slot = Buffer.alloc(0)): DeviceRun => {
    return { outcome, slot, requests: wire.requests, log: [line] }
  }
  if (reply.kind !== 'answer') return end('failed', 'Update file not found on server. status code = -3')
  const { answer } = reply
  const lines = answer.rawHead.toString('latin1').split('\r\n')
  const status = Number(/^HTTP\/\d\.\d (\d{3})/.exec(lines[0] ?? '')?.[1])
  // The example asks for the file of its version + 1: most of the time there is none.
  if (status === 404) return end('not-modified', 'Update file not found on server. status code = 404')
  if (status !== 200) return end('failed', `status code = ${status}`)
  const length = lines.find(line => line.startsWith('Content-Length: '))?.slice('Content-Length: '.length)
  if (length === undefined)
    return end('failed', "Server didn't provide Content-length header. Can't continue with update.")
  if (Number(length) > (device.slotLength ?? Number.POSITIVE_INFINITY))
    return end('failed', "There is not enough space to store the update. Can't continue with update.")
  if (answer.body.length < Number(length)) return end('failed', 'Timeout downloading update file')
  return end('updated', 'Sketch update apply and reset.', Buffer.from(answer.body.subarray(0, Number(length))))
}

/** native_ota of ESP8266_RTOS_SDK: HTTP/1.0, and the length by strstr in what the first recv() brought (clients.md 12). */
export async function rtosNativeOta(device: Device, options: FlowOptions = {}): Promise<DeviceRun> {
  const wire = createWire(device, options)
  const { target } = wire
  const reply = await wire.ask({
    method: 'GET',
    text: `GET ${target.pathname} HTTP/1.0\r\nHost: ${target.host}\r\nUser-Agent: esp-idf/1.0 esp32\r\n\r\n`,
    timeoutMs: 5000,
    chunked: 'raw',
    written: 0
  })
  await wire.hangUp()
  const end = (outcome: DeviceRun['outcome'], line: string, slot = Buffer.alloc(0)): DeviceRun => {
    return { outcome, slot, requests: wire.requests, log: [line] }
  }
  if (reply.kind !== 'answer') return end('failed', 'ota: Connect to server failed!')
  const { answer } = reply
  const first = answer.rawHead.subarray(0, answer.reads[0]).toString('latin1')
  const length = Number(/^ *: *(\d+)/.exec(first.split('Content-Length')[1] ?? '')?.[1] ?? 0)
  // It looks at no status: what has a length is taken for an image.
  if (length === 0) return end('failed', 'ota: parse_http_head error')
  if (answer.body.length !== length || answer.body[0] !== 0xe9) return end('failed', 'ota: esp_ota_end failed!')
  return end('updated', 'ota: Prepare to restart system!', Buffer.from(answer.body))
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
