// Callboard by its SDK over the Unix socket: publish with a receipt, consume by a handler.

import { connect, type Client } from '../../client/index.ts'
import { OUTSTANDING, QUEUE, type LaneTarget } from './job.ts'
import type { Lane } from './lane.ts'

export async function openCallboardLane({ home, principal, token }: Extract<LaneTarget, { kind: 'callboard' }>): Promise<Lane> {
  const open = (program: string): Promise<Client> => connect({ home, principal, token, program, agent: false })
  const [publisher, consumer] = [await open('bench-publisher'), await open('bench-consumer')]
  // The bench's principal may publish and consume and nothing else, so another one is asked about the queue.
  const owner = await connect({ home, principal: 'owner', program: 'bench-owner', agent: false })
  return {
    publish: payload => publisher.publish(QUEUE, payload, { receipt: true }),
    consume: async (take, failed) => {
      const forget = consumer.on('error', failed)
      const consuming = consumer.consume(QUEUE, { maxInFlight: OUTSTANDING, onMessage: message => take(message.payload) })
      await consuming.ready
      return {
        // The broker confirms what was settled; that is waited for when a consumer drains.
        settled: () => consuming.drain(),
        stop: () => {
          forget()
          return Promise.resolve()
        },
      }
    },
    left: async () => {
      const { counts } = await owner.call('queue.show', { name: QUEUE })
      if (counts === undefined) throw new Error('the broker does not say what its queue holds')
      return counts.ready + counts.delayed + counts.held + counts.inFlight
    },
    close: async () => void (await Promise.all([publisher, consumer, owner].map(client => client.close()))),
  }
}
