// NATS JetStream by nats.js: js.publish(), a pull consumer's consume(), ack().

import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { OUTSTANDING, QUEUE, type LaneTarget } from './job.ts'
import type { Lane } from './lane.ts'

const STREAM = 'BENCH'
const CONSUMER = 'worker'

export async function openJetStreamLane({ port }: Extract<LaneTarget, { kind: 'jetstream' }>): Promise<Lane> {
  const open = () => connect({ servers: `127.0.0.1:${port}` })
  const [publisher, consumer] = [await open(), await open()]
  const manager = await jetstreamManager(publisher)
  // A work queue on disk, as ours is: what is acked is gone.
  await manager.streams.add({ name: STREAM, subjects: [QUEUE], storage: StorageType.File, retention: RetentionPolicy.Workqueue })
  await manager.consumers.add(STREAM, { durable_name: CONSUMER, ack_policy: AckPolicy.Explicit, max_ack_pending: 2 * OUTSTANDING })
  const js = jetstream(publisher)
  return {
    publish: payload => js.publish(QUEUE, payload),
    consume: async take => {
      const worker = await jetstream(consumer).consumers.get(STREAM, CONSUMER)
      const messages = await worker.consume({
        max_messages: OUTSTANDING,
        callback: message => {
          take(message.data)
          message.ack()
        },
      })
      return { settled: () => consumer.flush(), stop: () => messages.close() }
    },
    left: async () => {
      const { num_pending, num_ack_pending } = await manager.consumers.info(STREAM, CONSUMER)
      return num_pending + num_ack_pending
    },
    close: async () => void (await Promise.all([publisher.close(), consumer.close()])),
  }
}
