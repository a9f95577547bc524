// What a message brings to the queue that keeps it: its options, and whom the queue tells what became of it.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import type { Intake } from './ground/intake.ts'
import { Flag } from './ground/kind.ts'
import type { Slice } from './ground/slice.ts'
import { FatesIntake, ReceiptIntake, RunIntake, type IntakeOptions } from './message-intake.ts'
import { ReceiptWatch, type Asked } from './message-options.ts'
import { checkOutsideQueues, readQueueOptions } from './queue-options.ts'
import type { Route } from './routing/route.ts'

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
