// What a message brings to the queue that keeps it: its options, and whom the queue tells what became of it.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import type { Intake } from './ground/intake.ts'
import { Flag } from './ground/kind.ts'
import type { Slice } from './ground/slice.ts'
import type { Append, AppendWatch } from './ground/store.ts'
import { FatesIntake, ReceiptIntake, RunIntake, type IntakeOptions } from './message-intake.ts'
import { readOptions, ReceiptWatch, type Asked } from './message-options.ts'
import { checkOutsideQueues, readQueueOptions } from './queue-options.ts'
import type { Queue } from './queues/queue.ts'
import type { Route } from './routing/route.ts'
import type { Headers } from './wire/frame.ts'

/**
 * What the queue of the route is told of one message; undefined where no queue keeps it.
 * @throws BrokerError `queue.bad_option`
 */
export function intakeOf(core: Core, connection: Connection, route: Route, slice: Slice, id: number, { flags, options: { mid, ttlMs, queue: headers } }: Asked): Intake | undefined {
  if (route.receivers.queue === undefined) {
    if (headers !== undefined) checkOutsideQueues(headers)
    return undefined
  }
  const options: IntakeOptions = { mid, ttlMs, queue: readQueueOptions(headers) }
  if (slice.watch instanceof ReceiptWatch) return new FatesIntake(core, connection, id, options, slice.watch)
  return (flags & Flag.receipt) === 0 ? new RunIntake(core, connection, id, options) : new ReceiptIntake(core, connection, id, options)
}

/**
 * One message for a queue that is appended beside the usual way, as a stamped canonical frame with these headers; `watch` is told, and nobody else.
 * @throws BrokerError `frame.malformed`, `queue.bad_option`
 */
export function appendOf(core: Core, connection: Connection, queue: Queue, bytes: Uint8Array, start: number, end: number, headers: Headers | undefined, watch: AppendWatch): Append {
  const { mid, ttlMs, queue: asked } = readOptions(headers)
  const { messageId, sequence, dueAtMs, expiresAtMs, ...intake } = new RunIntake(core, connection, 0, { mid, ttlMs, queue: readQueueOptions(asked) })
  return { bytes, start, end, count: 1, messageId, session: queue.sessionOf(intake.session, connection.client), sequence, dueAtMs, expiresAtMs, durability: intake.durability ?? queue.settings.durability, watch }
}
