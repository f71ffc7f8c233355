import { describe, expect, it } from 'vitest'
import { findFirmwareVersion } from '../../src/smartthings/firmware-version.js'
import { aDemoImage } from '../support/device-smartthings.js'
import { anImage } from '../support/image-builder.js'

const among = (text: string): Buffer => Buffer.concat([Buffer.alloc(40, 0xe9), Buffer.from(text), Buffer.alloc(600)])

describe('the version in the device_info.json of an image', () => {
  it('is found where it is embedded', () => {
    expect(findFirmwareVersion(aDemoImage({ firmwareVersion: 'ota_demo_ver2', version: '1' }))).toBe('ota_demo_ver2')
  })

  it.each([
    ['as stdk-keygen.py writes it', '{\n  "deviceInfo": {\n    "firmwareVersion": "1.0.1",\n', '1.0.1'],
    ['without a space', '"firmwareVersion":"1.0.1"', '1.0.1'],
    ['with an escape', '"firmwareVersion" : "a\\"b\\u00e9"', 'a"bé'],
    ['twice the same', '"firmwareVersion":"2" "firmwareVersion":"2"', '2'],
    ['behind the bare name that the code looks for', 'firmwareVersion\0"firmwareVersion":"3"', '3']
  ])('is read %s', (_how, text, version) => {
    expect(findFirmwareVersion(among(text))).toBe(version)
  })

  it.each([
    ['there is no such file', anImage()],
    ['two files differ', among('"firmwareVersion":"1" "firmwareVersion":"2"')],
    ['it is no text', among('"firmwareVersion": 1')],
    ['it never ends', among(`"firmwareVersion": "${'1'.repeat(600)}"`)],
    ['it has an escape that is none', among('"firmwareVersion": "\\x"')],
    ['the image ends behind the name', Buffer.from('"firmwareVersion"')]
  ])('is not known where %s', (_why, bytes) => {
    expect(findFirmwareVersion(bytes)).toBeUndefined()
  })
})
