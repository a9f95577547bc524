// The link to other brokers while one process of a broker makes way for the other: none of their messages is lost, and none comes twice.
//
//   first    hold ─ kept ─▶ leave: all that comes is passed on ──────── joined ─▶ wants nothing more ─ last of it ─▶ left
//   second                    serves, joins, keeps what comes itself ────▲            takes what is passed on ───────▶ takes what it kept
//
// While both have the link, their subscriptions are of the same queue groups: the servers give each message to one of the two.

import { BrokerError } from '../../broker/ground/errors.ts'
import type { Environment } from '../behaviour.ts'
import type { JoinedBus } from '../joined-bus.ts'
import { waitUntil } from '../wait-until.ts'
import type { Inheritance } from './inheritance.ts'
import type { Successor } from './successor.ts'

/** Time for the second to be joined: without a server it goes on alone. ms */
const JOIN_MS = 5000
/** Time for the first to have left then. ms */
const LEAVE_MS = 10_000

/** Of the first, which serves no more: resolves when all is the second's, or may be. */
export async function passOn(bus: JoinedBus, successor: Successor, environment: Environment): Promise<void> {
  let isJoined = false
  successor.onJoined(() => (isJoined = true))
  successor.onGone(() => (isJoined = true))
  await waitUntil(() => isJoined, JOIN_MS, environment)
  try {
    await bus.letGo()
  } catch (error) {
    environment.log.warn({ err: BrokerError.from(error) }, 'the link to other brokers was not left in order')
  } finally {
    // It waits for that, and its clients wait with it.
    successor.tell({ type: 'left' })
  }
}

/** Of the second, in the turn in which it says that it serves: resolves when it has the link alone. */
export async function receive(bus: JoinedBus, inheritance: Inheritance, environment: Environment): Promise<void> {
  inheritance.onArrived = (arrivals) => bus.arrived(arrivals)
  // Not before: what fell to a process that does not come to serve would be lost with it.
  bus.join()
  void bus.isJoined(JOIN_MS).then((is) => (is ? inheritance.joined() : undefined))
  let isOver = false
  void inheritance.predecessorLeft.then(() => (isOver = true))
  await waitUntil(() => isOver, JOIN_MS + LEAVE_MS, environment)
  bus.goOn()
}
