import { describe, expect, it } from 'vitest'
import { explainLog } from '../../src/explain/explain-log.js'

const STATION = 'I (3763) esp_netif_handlers: sta ip: 192.168.0.107, mask: 255.255.255.0, gw: 192.168.0.1'
const TIMEOUT = 'E (13922) esp-tls: [sock=54] select() timeout'
const RESET = 'E (39922) esp-tls: [sock=54] delayed connect error: Connection reset by peer'

/** What is said of a device that asks for a URL and gets this error. */
function titleOf(url: string, error: string, station = ''): string {
  return explainLog(`${station}\nI (9) app: Attempting to download update from ${url}\n${error}`).title
}

describe('the address in the URL', () => {
  it.each(['localhost', '127.0.0.1', '[::1]'])('%s is the device itself', host => {
    expect(titleOf(`https://${host}:8070/hello-world.bin`, RESET)).toBe('the URL leads to the device itself')
    expect(titleOf(`https://${host}:8070/hello-world.bin`, TIMEOUT)).toBe('the URL leads to the device itself')
  })

  it('of a container is reached by its host alone', () => {
    expect(titleOf('https://172.17.0.2:8070/a.bin', TIMEOUT)).toBe('the URL has the address of a container')
  })

  it('of the example was never set', () => {
    expect(titleOf('https://192.168.0.3:8070/hello_world.bin', TIMEOUT)).toBe('the URL is still that of the example')
    expect(titleOf('https://192.168.0.3:8070/hello_world.bin', RESET)).toBe('nothing listens on that port')
  })

  it('is in another network than the device, by the mask of the device', () => {
    const url = 'https://192.168.1.8:8070/a.bin'
    expect(titleOf(url, TIMEOUT, STATION)).toContain('in another network')
    expect(titleOf(url, TIMEOUT, STATION.replace('255.255.255.0', '255.255.0.0'))).not.toContain('another network')
    expect(titleOf(url, RESET, STATION)).toBe('nothing listens on that port')
  })

  it('says nothing where it may be right', () => {
    expect(titleOf('https://192.168.0.8:8070/a.bin', TIMEOUT, STATION)).toBe('no connection came about in time')
    expect(titleOf('https://fw.example.com/a.bin', TIMEOUT, STATION)).toBe('no connection came about in time')
    expect(titleOf('https://203.0.113.5/a.bin', TIMEOUT, STATION)).toBe('no connection came about in time')
  })
})
