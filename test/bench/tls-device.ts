import { buildDevice, type DeviceReport, runDevice } from '../support/c-device.js'
import type { Cores } from './tls-cores.js'
import type { Session } from './tls-rows.js'

/** What the device adds to its report when it only shakes hands: how many, and the sum of their times. */
interface HandshakesReport {
  readonly handshakes?: number
  readonly handshakesMs?: number
}

export interface DeviceHandshakes {
  readonly eachMs: number
  readonly negotiated: string
}

export interface DeviceAsk {
  readonly port: number
  readonly ca: string
  readonly session: Session
  readonly count: number
}

/** The C client with the TLS library of an old device. */
export interface Device {
  /** Shakes hands one after the other; a resumed session is that of a first, full handshake, which does not count. */
  shakeHands(ask: DeviceAsk): Promise<DeviceHandshakes>
}

/** Undefined where it cannot be built: without a C compiler or without mbedTLS 2.28. */
export async function prepareDevice(cores: Cores | undefined): Promise<Device | undefined> {
  const program = await buildDevice()
  if (program === undefined) return undefined
  const [command, first] =
    cores === undefined ? [program, []] : (['taskset', ['--cpu-list', String(cores.load), program]] as const)

  return {
    shakeHands: async ({ port, ca, session, count }) => {
      const url = `https://127.0.0.1:${port}/`
      const resumes = session === 'resumed'
      const asked = ['--handshakes', String(resumes ? count + 1 : count), ...(resumes ? ['--session-resume'] : [])]
      const { code, report } = await runDevice(command, [...first, url, '--ca', ca, ...asked])
      if (code !== 0) throw new Error(report.error ?? `the device ended with ${code}`)
      if (report.resumed !== resumes)
        throw new Error(resumes ? 'no session was resumed' : 'a session was resumed unasked')
      return { eachMs: meanMs(report, resumes), negotiated: `${report.tls} ${report.ciphersuite}` }
    }
  }
}

function meanMs(report: DeviceReport & HandshakesReport, resumes: boolean): number {
  const { handshakes, handshakesMs, handshakeMs } = report
  if (handshakes === undefined || handshakesMs === undefined)
    throw new Error('the report of the device has no handshakes')
  return resumes ? (handshakesMs - handshakeMs) / (handshakes - 1) : handshakesMs / handshakes
}
