// Connections that consume one queue of a store that leases when a test says so.

import { Kind } from '../../broker/ground/kind.ts'
import type { FakeQueue } from './fake-store.ts'
import type { NativeClient } from './memory-client.ts'
import type { PipelineSetup } from './pipeline.ts'
import { QueuePipeline } from './queue-pipeline.ts'

export const QUEUE = 'orders'
export const NUMBER = 5

/** Makes the client a consumer and asks for `credit` messages. */
export function consume(client: NativeClient, credit = 100, number = NUMBER): void {
  client.control(Kind.subscribe, number, { pattern: QUEUE, consume: true })
  if (credit > 0) client.control(Kind.pull, number, { messages: credit })
  const [ok] = client.frames()
  if (ok?.kind !== Kind.ok) throw new Error(`expected ok, got ${JSON.stringify(ok?.body)}`)
}

interface ConsumingRig {
  readonly rig: QueuePipeline
  readonly queue: FakeQueue
  readonly publisher: NativeClient
  /** Puts messages into the queue. */
  readonly put: (count: number) => Promise<void>
  /** What the store does when something is demanded. */
  readonly lease: (positions: readonly number[], attempt?: number) => void
}

export async function setUp(setup?: PipelineSetup): Promise<ConsumingRig> {
  const rig = new QueuePipeline(setup)
  const queue = await rig.openQueue(QUEUE)
  const publisher = rig.native({ client: 'publisher' })
  return {
    rig, queue, publisher,
    async put(count) {
      for (let i = 0; i < count; i++) publisher.publish(`${QUEUE}.new`, Uint8Array.of(i + 1))
      await rig.settle()
    },
    lease(positions, attempt = 1) {
      const first = (position: number): Uint8Array => {
        const kept = queue.kept.find(each => position >= each.position && position < each.position + each.count)!
        const size = kept.bytes.length / kept.count
        return kept.bytes.subarray((position - kept.position) * size, (position - kept.position + 1) * size)
      }
      queue.listener.leased(positions.map(position => ({ position, attempt, frame: first(position) })))
    },
  }
}
