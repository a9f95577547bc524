// A connection as a consumer of a queue: gets what is on lease to it as frames, several in one slice.

import type { Connection } from './connection.ts'
import type { BrokerError } from './ground/errors.ts'
import type { FateWatch } from './ground/fate.ts'
import { Kind } from './ground/kind.ts'
import { Slice } from './ground/slice.ts'
import type { Leased } from './ground/store.ts'
import type { Consumer, ConsumerHost } from './queues/consumer.ts'
import type { Consumption } from './queues/consumption.ts'
import type { Queue } from './queues/queue.ts'
import { leasedFrames } from './wire/leased.ts'
import { Offset } from './wire/layout.ts'

/** What a consumer tells whoever made it. */
export interface QueueConsumerOwner {
  /** A request is on lease to it: it may answer. */
  requested(consumer: QueueConsumer, message: Leased): void
  /** Its queue is gone. */
  ended(consumer: QueueConsumer, error: BrokerError): void
}

export class QueueConsumer implements ConsumerHost, Consumption {
  readonly connection: Connection
  readonly queue: Queue
  readonly subscription: number
  readonly consumer: Consumer
  readonly #owner: QueueConsumerOwner

  constructor(connection: Connection, queue: Queue, subscription: number, owner: QueueConsumerOwner) {
    this.connection = connection
    this.queue = queue
    this.subscription = subscription
    this.#owner = owner
    this.consumer = queue.consumers.add(this)
  }

  get number(): number {
    return this.connection.number
  }

  /** One that is ending takes nothing more; nor does one that has no link. */
  get isHigh(): boolean {
    return this.connection.isHigh || !this.connection.isReady || this.connection.isRetiring
  }

  deliver(messages: readonly Leased[], watch: FateWatch): boolean {
    const { account } = this.queue
    const bytes = leasedFrames(messages, this.subscription)
    const slice = new Slice(bytes, 0, bytes.length, messages.length, account)
    slice.watch = watch
    // Each attempt is a delivery of its own.
    account.deliveries += messages.length
    for (const message of messages) if (message.frame[Offset.kind] === Kind.request) this.#owner.requested(this, message)
    return this.connection.outbound.deliver(slice)
  }

  emptied(): void {
    const { consumers } = this.connection
    if (consumers?.get(this.subscription) === this) consumers.delete(this.subscription)
  }

  ended(error: BrokerError): void {
    this.#owner.ended(this, error)
  }
}
