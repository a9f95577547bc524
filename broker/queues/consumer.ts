// One consumer of a queue: how many messages it still takes, and which are on lease to it.

import type { BrokerError } from '../ground/errors.ts'
import type { FateWatch } from '../ground/fate.ts'
import type { Leased } from '../ground/store.ts'
import type { LeaseBatch } from './lease-batch.ts'

/** The connection behind a consumer. */
export interface ConsumerHost {
  /** Number of the connection. */
  readonly number: number
  /** Above its high-water mark, or without a link: it gets nothing for now, and `Consumers.relieved` is called when that is over. */
  readonly isHigh: boolean
  /** Takes messages on lease, in one slice with that watch. False: it is above its high-water mark. */
  deliver(messages: readonly Leased[], watch: FateWatch): boolean
  /** It was closed, and nothing is on lease to it any more. */
  emptied(): void
  /** The queue is gone. */
  ended(error: BrokerError): void
}

export class Consumer {
  readonly host: ConsumerHost
  /** Messages that it takes beside those that it got. */
  credit = 0
  /** Its connection is above high-water. */
  isPaused = false
  /** False: it takes no more, and may settle what it has. */
  isOpen = true
  /** It settles nothing any more. */
  isGone = false
  readonly leases = new Set<Lease>()
  /** Of its credit, what the queue demands for it. */
  offer = 0
  /** Of the messages for which it was asked last whether its connection takes anything. */
  round = 0

  constructor(host: ConsumerHost) {
    this.host = host
  }
}

/** A message on lease to a consumer. It is over when it is settled, when the ack wait is over, or when its consumer is gone. */
export class Lease {
  readonly position: number
  readonly attempt: number
  readonly consumer: Consumer
  readonly batch: LeaseBatch<Lease>
  /** What its consumer said of it is on its way to the store. */
  isSettling = false

  constructor(position: number, attempt: number, consumer: Consumer, batch: LeaseBatch<Lease>) {
    this.position = position
    this.attempt = attempt
    this.consumer = consumer
    this.batch = batch
  }
}
