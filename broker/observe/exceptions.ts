// What did not go as plain deliveries go: dropped, or taken late by the receiver's kernel. A ring of its own, so that
// plain runs cannot evict it. One entry covers a stretch of a receiver's runs.

import { dropReasons, type DropReason } from '../ground/fate.ts'

export type ExceptionKind = DropReason | 'late'

/** A stretch of runs, all of which met the same fate at this receiver. */
export interface DeliveryException {
  readonly kind: ExceptionKind
  readonly receiver: number
  /** Positions of the first and the last run. Every run between them that went to this receiver is meant. */
  readonly from: number
  readonly to: number
  /** Messages; 0 for `late`. */
  readonly count: number
  /** Of the last of it. µs since the epoch */
  readonly timeMicros: number
}

const ENTRIES = 65_536
const kinds: readonly ExceptionKind[] = [...dropReasons, 'late']
const codeOf = new Map(kinds.map((kind, code) => [kind, code]))

export class Exceptions {
  readonly #kinds = new Uint8Array(ENTRIES)
  readonly #receivers = new Uint32Array(ENTRIES)
  readonly #from = new Float64Array(ENTRIES)
  readonly #to = new Float64Array(ENTRIES)
  readonly #counts = new Float64Array(ENTRIES)
  readonly #times = new Float64Array(ENTRIES)
  /** Receiver → its last entry. */
  readonly #last = new Map<number, number>()
  #next = 0
  #forgottenTo = -1

  /** Runs up to this position may have had exceptions that are not known any more; -1: none. */
  get forgottenTo(): number {
    return this.#forgottenTo
  }

  /** `isContinued`: nothing of this receiver was written since its last exception, so that one entry covers both. */
  add(kind: ExceptionKind, receiver: number, from: number, to: number, count: number, timeMicros: number, isContinued: boolean): void {
    const code = codeOf.get(kind)!
    const last = this.#last.get(receiver)
    if (isContinued && last !== undefined && last >= this.#next - ENTRIES) {
      const at = last % ENTRIES
      if (this.#kinds[at] === code && this.#to[at]! <= from) {
        this.#to[at] = to
        this.#counts[at]! += count
        this.#times[at] = timeMicros
        return
      }
    }
    const at = this.#next % ENTRIES
    if (this.#next >= ENTRIES) this.#evict(at)
    this.#kinds[at] = code
    this.#receivers[at] = receiver
    this.#from[at] = from
    this.#to[at] = to
    this.#counts[at] = count
    this.#times[at] = timeMicros
    this.#last.set(receiver, this.#next++)
  }

  /** The exceptions that concern run `seq`, newest first. */
  *of(seq: number): Generator<DeliveryException> {
    for (const exception of this.all()) if (exception.from <= seq && seq <= exception.to) yield exception
  }

  /** All that are known, newest first. */
  *all(): Generator<DeliveryException> {
    for (let i = this.#next - 1; i >= Math.max(0, this.#next - ENTRIES); i--) {
      const at = i % ENTRIES
      yield { kind: kinds[this.#kinds[at]!]!, receiver: this.#receivers[at]!, from: this.#from[at]!, to: this.#to[at]!, count: this.#counts[at]!, timeMicros: this.#times[at]! }
    }
  }

  #evict(at: number): void {
    this.#forgottenTo = Math.max(this.#forgottenTo, this.#to[at]!)
    const receiver = this.#receivers[at]!
    if (this.#last.get(receiver) === this.#next - ENTRIES) this.#last.delete(receiver)
  }
}
