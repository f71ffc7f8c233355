import { OperatorError } from '../errors.js'
import type { Settings } from './options.js'

/** Where it listens beside the main port. */
export interface MorePorts {
  /** HTTPS ports that answer as the main one does. */
  readonly https: readonly number[]
  /** The port without TLS; undefined when it is off. */
  readonly plain: number | undefined
}

/**
 * The ports beside the main one.
 * @throws OperatorError for what is no port, and for a port that is given twice
 */
export function readMorePorts({ port, ports, httpPort }: Pick<Settings, 'port' | 'ports' | 'httpPort'>): MorePorts {
  const https: number[] = []
  for (const text of ports) {
    const more = readPort(text)
    if (more === port) throw twice('--ports', more, 'is the main port already (--port)')
    if (https.includes(more)) throw twice('--ports', more, 'is there twice')
    https.push(more)
  }
  if (httpPort === 0) return { https, plain: undefined }
  if (httpPort === port || https.includes(httpPort))
    throw twice('--http-port', httpPort, `is an HTTPS port already (${httpPort === port ? '--port' : '--ports'})`)
  return { https, plain: httpPort }
}

/** Not 0: nobody would learn which one it became. */
function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port >= 1 && port <= 65535) return port
  throw new OperatorError(
    'OTAD_ERR_BAD_SETTING',
    `--ports takes port numbers from 1 to 65535, not ${JSON.stringify(text)}`,
    'give them with commas between: --ports 4443,8443'
  )
}

function twice(flag: string, port: number, complaint: string): OperatorError {
  return new OperatorError('OTAD_ERR_BAD_SETTING', `${flag}: ${port} ${complaint}`, 'give each port once')
}
