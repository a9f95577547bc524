// What a connection knows of a queue that it consumes.

import type { Consumer } from './consumer.ts'
import type { Queue } from './queue.ts'

export interface Consumption {
  /** The client's number for it, among those of its subscriptions. */
  readonly subscription: number
  readonly queue: Queue
  readonly consumer: Consumer
}
