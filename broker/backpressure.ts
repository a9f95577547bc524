// Slows publishers down before a slow receiver loses anything, and ends the receiver when that was not enough.
//
//   receiver  below high-water ── above: its feeders are not read ── 200 ms over ──▶ ended as slow consumer
//                    ▲────────── below low-water: feeders go on ──┘

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { Deadline } from './ground/deadlines.ts'
import { BrokerError } from './ground/errors.ts'

export class Backpressure {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  /** `feeder` has just delivered to `receiver`, which is at or above high-water. */
  stall(feeder: Connection, receiver: Connection): void {
    // One that is ending takes no more: nothing to wait for.
    if (!receiver.isReady) return
    if (receiver.stallDeadline === undefined) {
      receiver.stallDeadline = new Deadline(() => this.#giveUp(receiver))
      this.#core.deadlines.set(receiver.stallDeadline, this.#core.settings.ipc.limits.stallMs)
      this.#core.onConnectionEvent(receiver, 'stalled')
    }
    // Two clients that write before they read would wait for each other for ever: a feeder that is itself behind in
    // reading goes on until the receiver's hard limit.
    if (feeder.isHigh && !receiver.outbound.isHard) return
    receiver.stalledFeeders ??= new Set()
    if (receiver.stalledFeeders.has(feeder)) return
    receiver.stalledFeeders.add(feeder)
    feeder.pause()
  }

  /** The receiver caught up, or is gone. */
  release(receiver: Connection): void {
    if (receiver.stallDeadline === undefined) return
    this.#core.deadlines.cancel(receiver.stallDeadline)
    receiver.stallDeadline = undefined
    const feeders = receiver.stalledFeeders
    receiver.stalledFeeders = undefined
    if (feeders !== undefined) for (const feeder of feeders) feeder.resume()
    if (receiver.state !== 'gone') this.#core.onConnectionEvent(receiver, 'relieved')
  }

  /** Ends a receiver whose queue is past what the reserve allows, or past its time. */
  drop(receiver: Connection, stalledMs: number): void {
    const { outbound } = receiver
    const error = new BrokerError('connection.slow_consumer', { pendingBytes: outbound.pendingBytes, limitBytes: this.#core.settings.ipc.limits.maxPendingBytes, stalledMs })
    // What waits is dropped first, so that the goodbye is next in line; the receiver may still read it.
    outbound.dropWaiting('slow-consumer')
    this.#core.end(receiver, error)
    this.release(receiver)
  }

  #giveUp(receiver: Connection): void {
    this.drop(receiver, this.#core.settings.ipc.limits.stallMs)
  }
}
