// Slows publishers down before a slow receiver loses anything, and lets the receiver's policy hold when that was not enough.
//
//   receiver  below high-water ── above: its feeders are not read ── 200 ms over ──▶ drops, or is ended
//                    ▲────────── below low-water: feeders go on ──┘◀──────────────────┘
//
// Nobody waits for a receiver that took so little in the time before that no pause could bring it below low-water.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { Deadline } from './ground/deadlines.ts'
import { BrokerError } from './ground/errors.ts'
import { Kind } from './ground/kind.ts'
import { WRITE_DEADLINE_MS } from './ground/nats-settings.ts'
import type { Grant } from './session/credit-book.ts'

export class Backpressure {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  /**
   * `feeder` has just delivered to `receiver`, which is at or above high-water. `subject`: on which, where it sends by
   * credit if it asked for that; otherwise it is not read.
   */
  stall(feeder: Connection, receiver: Connection, subject?: string): void {
    // One that is ending takes no more: nothing to wait for.
    if (!receiver.isReady) return
    if (receiver.stallDeadline === undefined) {
      const { stallMs } = this.#core.settings.ipc.limits
      const { outbound } = receiver
      // One that sheds already says so only to those whose channel blocks: they wait.
      if (!outbound.isShedding && outbound.load.limits.overflow !== 'block' && outbound.isHopeless(stallMs)) {
        this.exhaust(receiver, stallMs)
        if (outbound.isShedding || !receiver.isReady) return
      }
      if (receiver.overdueWrittenBytes === undefined) this.#allow(receiver, stallMs)
      this.#core.onConnectionEvent(receiver, 'stalled')
    }
    if (receiver.overdueWrittenBytes !== undefined && !this.#isHeldBack(feeder, receiver)) return
    if (subject !== undefined && feeder.credit !== undefined) {
      feeder.credit.hold(subject, receiver)
      receiver.heldFeeders ??= new Set()
      receiver.heldFeeders.add(feeder)
      return
    }
    // Two clients that write before they read would wait for each other for ever: a feeder that is itself behind in
    // reading goes on until the receiver's hard limit.
    if (feeder.isHigh && !receiver.outbound.load.isHard) return
    receiver.stalledFeeders ??= new Set()
    if (receiver.stalledFeeders.has(feeder)) return
    receiver.stalledFeeders.add(feeder)
    feeder.pause()
  }

  /** Tells a client with credit what it may send. */
  grant(feeder: Connection, grants: readonly Grant[]): void {
    if (feeder.isPresent) for (const [subject, bytes] of grants) this.#core.send(feeder, { kind: Kind.credit, body: { subject, bytes } })
  }

  /** The receiver caught up, or is gone. */
  release(receiver: Connection): void {
    if (receiver.stallDeadline === undefined) return
    this.#core.deadlines.cancel(receiver.stallDeadline)
    receiver.stallDeadline = undefined
    receiver.overdueWrittenBytes = undefined
    this.#letGo(receiver)
    if (receiver.state !== 'gone') this.#core.onConnectionEvent(receiver, 'relieved')
  }

  /** The receiver's time is over, or its reserve: from now on its policy holds. */
  exhaust(receiver: Connection, stalledMs: number): void {
    if (stalledMs > 0 && isPatient(receiver) && this.#goesOverdue(receiver)) return
    const shedding = receiver.outbound.shed()
    // Where nothing may be dropped its feeders wait on; what breaks the limit even so has no place.
    if (shedding === 'blocked' && stalledMs > 0) return
    const { outbound } = receiver
    // A burst in flight may be above every limit; it is the link's, and no reason to end a receiver that may drop the rest.
    if (shedding === 'shedding' && !(outbound.load.isAboveCeiling && outbound.holdsUndroppable)) this.#goOn(receiver)
    else this.#end(receiver, stalledMs)
  }

  // Its feeders have waited long enough and go on; what waits for it may grow to its limit, as long as it takes something.
  #goesOverdue(receiver: Connection): boolean {
    const { writtenBytes } = receiver.outbound
    if (receiver.overdueWrittenBytes === writtenBytes) return false
    receiver.overdueWrittenBytes = writtenBytes
    this.#letGo(receiver)
    this.#allow(receiver, WRITE_DEADLINE_MS)
    return true
  }

  // So long it has from now on.
  #allow(receiver: Connection, ms: number): void {
    if (receiver.stallDeadline !== undefined) this.#core.deadlines.cancel(receiver.stallDeadline)
    receiver.stallDeadline = new Deadline(() => this.exhaust(receiver, ms))
    this.#core.deadlines.set(receiver.stallDeadline, ms)
  }

  // Whether a feeder of one that is overdue has to wait: at the limit it is ended, but for what it sends to itself.
  #isHeldBack(feeder: Connection, receiver: Connection): boolean {
    if (!receiver.outbound.load.isHard) return false
    if (feeder === receiver) return true
    this.#end(receiver, 0)
    return false
  }

  // Dropping: nobody waits for it, until it is below low-water again.
  #goOn(receiver: Connection): void {
    const { stallDeadline } = receiver
    if (stallDeadline !== undefined) this.#core.deadlines.cancel(stallDeadline)
    this.#letGo(receiver)
  }

  #letGo(receiver: Connection): void {
    const { stalledFeeders, heldFeeders } = receiver
    receiver.stalledFeeders = receiver.heldFeeders = undefined
    if (stalledFeeders !== undefined) for (const feeder of stalledFeeders) feeder.resume()
    if (heldFeeders !== undefined) for (const feeder of heldFeeders) this.grant(feeder, feeder.credit!.release(receiver))
  }

  #end(receiver: Connection, stalledMs: number): void {
    const { outbound } = receiver
    const error = new BrokerError('connection.slow_consumer', { pendingBytes: outbound.pendingBytes, limitBytes: outbound.load.limits.hardBytes, stalledMs })
    // What waits is dropped first, so that the goodbye is next in line; the receiver may still read it.
    outbound.dropWaiting('slow-consumer')
    this.#core.end(receiver, error)
    this.release(receiver)
  }
}

// NATS clients have no words for back-pressure, and read when it suits them: what counts for them is how much waits.
function isPatient({ link, outbound }: Connection): boolean {
  return link.protocol === 'nats' && outbound.load.limits.overflow === 'disconnect'
}
