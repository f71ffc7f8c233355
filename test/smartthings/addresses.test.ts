import { describe, expect, it } from 'vitest'
import { appsMeant, basePathOf, readDemoAddress, signedFileOf } from '../../src/smartthings/addresses.js'

describe('the addresses of the demo', () => {
  it.each([
    ['version_info.json', { is: 'info-of-folder', folder: '' }],
    ['versioninfo.json', { is: 'info-of-folder', folder: '' }],
    ['left/a/version_info.json', { is: 'info-of-folder', folder: 'left/a/' }],
    ['signed_ota_demo.bin', { is: 'image', name: 'ota_demo.bin' }],
    ['left/signed_ota_demo.bin', { is: 'image', name: 'left/ota_demo.bin' }],
    ['ota_demo.bin.smartthings/version_info.json', { is: 'info', name: 'ota_demo.bin' }],
    ['left/b.bin.smartthings/versioninfo.json', { is: 'info', name: 'left/b.bin' }],
    ['left/b.bin.smartthings/signed_b.bin', { is: 'image', name: 'left/b.bin' }],
    ['signed_b.bin.smartthings/signed_b.bin', { is: 'image', name: 'signed_b.bin' }]
  ] as const)('%s', (path, address) => {
    expect(readDemoAddress(path)).toEqual(address)
  })

  it.each([
    '',
    'ota_demo.bin',
    'info.json',
    'version_info.json/',
    'signed_.bin',
    'signed_a.txt',
    'a.bin.smartthings/signed_b.bin'
  ])('do not include %j', path => {
    expect(readDemoAddress(path)).toBeUndefined()
  })

  it('lead to one name by a path that can stand in a URL', () => {
    expect(basePathOf('left/über 1.bin')).toBe('/left/%C3%BCber%201.bin.smartthings/')
  })

  it('have the file name that stands in ota_util.c, also for one that was signed by hand', () => {
    expect(signedFileOf('left/ota_demo.bin')).toBe('signed_ota_demo.bin')
    expect(signedFileOf('signed_ota_demo.bin')).toBe('signed_ota_demo.bin')
  })

  it('mean one app where it lies there unsigned and signed', () => {
    expect(appsMeant(['a/x.bin', 'a/signed_x.bin', 'a/y.bin'])).toEqual(['a/signed_x.bin', 'a/y.bin'])
  })
})
