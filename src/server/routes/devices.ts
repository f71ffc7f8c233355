import type { FastifyPluginAsync } from 'fastify'
import type { DeviceFacts, DeviceHistory } from '../../devices/device-facts.js'
import { sendText } from '../text-answer.js'

export interface DevicesOptions {
  readonly devices: () => readonly DeviceFacts[]
  readonly deviceHistory: (id: string) => DeviceHistory | undefined
}

/** Whatever is no address of firmware: those have a name that ends in `.bin` in them, and a watched folder may be called devices too. */
const ID = '(?!.*\\.bin(?:\\.|$))[^/]+'

const HISTORY = new RegExp(`^devices/${ID}\\.json$`)

/** Whether a name is the address of what happened to a device. */
export function isHistoryAddress(name: string): boolean {
  return HISTORY.test(name)
}

/** `/devices.json`: every device that has come. `/devices/<id>.json`: one of them, with what happened to it. */
const routes: FastifyPluginAsync<DevicesOptions> = async (fastify, { devices, deviceHistory }) => {
  fastify.route({
    method: ['GET', 'HEAD'],
    url: '/devices.json',
    handler: (_request, reply) =>
      reply
        .type('application/json')
        .header('cache-control', 'no-store')
        .send(JSON.stringify({ devices: devices() }))
  })
  fastify.route<{ Params: { id: string } }>({
    method: ['GET', 'HEAD'],
    url: `/devices/:id(^${ID}).json`,
    handler: ({ params }, reply) => {
      const found = deviceHistory(params.id)
      if (found === undefined)
        return sendText(reply, 404, 'no such device has come; /devices.json lists those that have')
      return reply.type('application/json').header('cache-control', 'no-store').send(JSON.stringify(found))
    }
  })
}
export default routes
