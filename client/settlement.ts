// What this client says of one message of a queue, as the promise of the broker's word that it counts. Who does not wait for it is not troubled:
// it costs nothing then, is no unhandled rejection, and its failure can be told elsewhere.

import type { BrokerError } from '../broker/ground/errors.ts'
import type { FrameInit } from '../broker/wire/frame.ts'
import { deferred, type Deferred } from './deferred.ts'
import type { Lease } from './lease.ts'

export type SettlementVerdict = 'ack' | 'nak' | 'term' | 'working' | 'release' | 'forward'

/** What belongs to some verdicts. */
export interface SettlementDetails {
  /** `nak` */
  readonly delayMs?: number | undefined
  /** `nak`, `term` */
  readonly reason?: string | undefined
  /** `forward`: the messages that take its place. */
  readonly frames?: readonly FrameInit[]
  /** Called when it is over. */
  readonly ended?: ((error: BrokerError | undefined) => void) | undefined
}

const NOTHING: SettlementDetails = {}

export class Settlement implements Promise<void> {
  readonly lease: Lease
  readonly verdict: SettlementVerdict
  readonly details: SettlementDetails
  #isOver = false
  #error: BrokerError | undefined
  #outcome: Deferred<void> | undefined

  constructor(lease: Lease, verdict: SettlementVerdict, details: SettlementDetails = NOTHING) {
    this.lease = lease
    this.verdict = verdict
    this.details = details
  }

  get [Symbol.toStringTag](): string {
    return 'Settlement'
  }

  // Not a native promise: one for each message, with the handler that keeps its rejection quiet, would cost more than the ack.
  // oxlint-disable-next-line unicorn/no-thenable -- waiting for it is what it is for
  then<A = void, B = never>(onConfirmed?: ((value: void) => A | PromiseLike<A>) | null, onFailed?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<A | B> {
    return this.#promise().then(onConfirmed, onFailed)
  }

  catch<B = never>(onFailed?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<void | B> {
    return this.#promise().catch(onFailed)
  }

  finally(onEnded?: (() => void) | null): Promise<void> {
    return this.#promise().finally(onEnded)
  }

  /** The broker has confirmed it, or it failed. True when somebody is told. */
  end(error: BrokerError | undefined): boolean {
    this.#isOver = true
    this.#error = error
    this.details.ended?.(error)
    if (error === undefined) this.#outcome?.resolve()
    else this.#outcome?.reject(error)
    return this.#outcome !== undefined
  }

  #promise(): Promise<void> {
    if (this.#isOver) return this.#error === undefined ? Promise.resolve() : Promise.reject(this.#error)
    this.#outcome ??= deferred()
    return this.#outcome.promise
  }
}
