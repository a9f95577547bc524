// What a JSON client calls things, beside the numbers that frames have: its own ids, and one number for both
// subscriptions of a channel.

import { BrokerError } from '../../broker/ground/errors.ts'
import { Kind } from '../../broker/ground/kind.ts'
import type { ReceiverNames } from './json-writer.ts'

export type OwnId = string | number

export function isOwnId(value: unknown): value is OwnId {
  return (typeof value === 'string' && value.length <= 256) || Number.isSafeInteger(value)
}

/** What comes last about a frame of the client's: its one answer, the end of many, or its receipt. */
export type LastWord = 'answer' | 'end' | 'receipt'

export class OwnNames implements ReceiverNames {
  #lastId = 0
  #lastNumber = 0
  /** Open requests, and the frame being handled, by number; only those that the client gave an id. */
  readonly #calls = new Map<number, { readonly own: OwnId; readonly last: LastWord }>()
  /** The client's subscription number → the broker's. */
  readonly #subscriptions = new Map<number, number[]>()
  readonly #publicNumbers = new Map<number, number>()

  /** The number of the next frame, which the client calls `own`. */
  begin(own: OwnId | undefined, last: LastWord): number {
    const id = ++this.#lastId
    if (own !== undefined) this.#calls.set(id, { own, last })
    return id
  }

  /** The frame was handled, and no answer comes later. */
  forget(id: number): void {
    this.#calls.delete(id)
  }

  /** What the client calls the frame that the broker answers with `kind`. */
  answered(kind: number, ref: number): OwnId | undefined {
    const call = this.#calls.get(ref)
    // The receipt of a request is not its answer.
    if (kind !== Kind.receipt || call?.last === 'receipt') this.#calls.delete(ref)
    return call?.own
  }

  /** What the client calls its request that a responder answers with `kind`. */
  request(kind: number, ref: number): OwnId | undefined {
    const call = this.#calls.get(ref)
    if (call !== undefined && kind !== Kind.part && call.last === 'answer') this.#calls.delete(ref)
    return call?.own
  }

  /** The number of the client's open request that it calls `own`; 0 when there is none. */
  openRequest(own: OwnId | undefined): number {
    for (const [id, call] of this.#calls) if (call.own === own) return id
    return 0
  }

  /** A new subscription that the client calls `wanted`, or gets a number for, and the broker's `count` numbers for it. */
  subscribe(wanted: number | undefined, count: number): { number: number; numbers: readonly number[] } {
    const numbers = Array.from({ length: count }, () => ++this.#lastNumber)
    let own = wanted ?? numbers[0]!
    if (this.#subscriptions.has(own)) {
      if (wanted !== undefined) throw new BrokerError('subscription.exists', { subscription: own })
      while (this.#subscriptions.has(own)) own++
    }
    this.#subscriptions.set(own, numbers)
    for (const number of numbers) this.#publicNumbers.set(number, own)
    return { number: own, numbers }
  }

  /**
   * The broker's numbers for what the client calls `own`.
   * @throws BrokerError `subscription.unknown`
   */
  subscriptions(own: number): readonly number[] {
    const numbers = this.#subscriptions.get(own)
    if (numbers === undefined) throw new BrokerError('subscription.unknown', { subscription: own })
    return numbers
  }

  unsubscribe(own: number): void {
    for (const number of this.#subscriptions.get(own) ?? []) this.#publicNumbers.delete(number)
    this.#subscriptions.delete(own)
  }

  /** What the client calls the broker's subscription `number`. */
  subscription(number: number): number {
    return this.#publicNumbers.get(number) ?? number
  }
}
