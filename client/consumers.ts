// All consumers of queues of one client: hands them what comes, and takes them from one connection to the next.

import { BrokerError } from '../broker/ground/errors.ts'
import type { Frame } from '../broker/wire/frame.ts'
import { aborted } from './caller.ts'
import { Consumer, type ConsumeOptions } from './consumer.ts'
import { Fetcher, type FetchOptions } from './fetch.ts'
import type { Welcome } from './handshake.ts'
import { atLeastOne, type Holder, type HolderParts } from './holder.ts'
import type { OpenRequest } from './open-request.ts'
import type { QueuedMessage } from './queued-message.ts'

export class Consumers {
  readonly #parts: HolderParts
  readonly #holders = new Map<number, Holder>()
  readonly #consumers = new Set<Consumer>()
  /** Per queue, those of fetches that got all they asked for. */
  readonly #idle = new Map<string, Fetcher[]>()

  constructor(parts: HolderParts) {
    this.#parts = parts
  }

  /** @throws BrokerError `queue.consumer` */
  consume(queue: string, options: ConsumeOptions): Consumer {
    const consumer = new Consumer(queue, options, this.#parts)
    this.#consumers.add(consumer)
    this.#add(consumer.holder)
    consumer.holder.announce()
    return consumer
  }

  /** @throws BrokerError as Fetcher.fetch */
  async fetch(queue: string, { limit = 1, timeoutMs, signal }: FetchOptions, patienceMs: number): Promise<QueuedMessage[]> {
    atLeastOne('limit', limit)
    if (signal?.aborted === true) throw aborted(signal)
    const fetcher = this.#idle.get(queue)?.pop() ?? this.#newFetcher(queue)
    const messages = await fetcher.fetch(limit, timeoutMs ?? patienceMs, Math.max(timeoutMs ?? 0, patienceMs), signal)
    if (fetcher.isIdle && !fetcher.holder.isDetaching) this.#keep(queue, fetcher)
    return messages
  }

  /** A message on lease. One that nobody knows goes back by itself: its ack wait ends. */
  receive(frame: Frame, welcome: Welcome, request: OpenRequest | undefined): void {
    const holder = this.#holders.get(frame.to)
    if (holder === undefined) request?.end(new BrokerError('client.closed'))
    else holder.receive(frame, welcome, request)
  }

  /** The broker ends a consumer; false: there is none of that number. */
  refused(number: number, error: BrokerError): boolean {
    const holder = this.#holders.get(number)
    holder?.refused(error)
    return holder !== undefined
  }

  /** Nobody consumes under that number any more. What it had asked for with its announcement is refused after that. */
  isOver(number: unknown): boolean {
    const holder = this.#holders.get(Number(number))
    return holder === undefined || holder.isDetaching
  }

  /** A connection is there. */
  opened(): void {
    for (const holder of this.#all()) holder.opened()
  }

  /** The session is over. */
  abandoned(): void {
    for (const holder of this.#all()) holder.abandoned()
  }

  /** Stops all of them; resolves when handlers that run are done, and what was settled is confirmed. */
  async close(): Promise<void> {
    const consumers = [...this.#consumers]
    const holders = this.#all()
    await Promise.all([...consumers.map(consumer => consumer.close()), ...holders.map(holder => holder.settled())])
  }

  /** The client is closed. */
  closed(error: BrokerError | undefined): void {
    for (const holder of this.#all()) holder.end(error)
    this.#holders.clear()
    this.#consumers.clear()
    this.#idle.clear()
  }

  #newFetcher(queue: string): Fetcher {
    const fetcher = new Fetcher(queue, this.#parts)
    this.#add(fetcher.holder)
    return fetcher
  }

  #keep(queue: string, fetcher: Fetcher): void {
    const idle = this.#idle.get(queue)
    if (idle === undefined) this.#idle.set(queue, [fetcher])
    else idle.push(fetcher)
  }

  #add(holder: Holder): void {
    this.#forget()
    this.#holders.set(holder.number, holder)
  }

  #all(): Holder[] {
    this.#forget()
    return [...this.#holders.values()]
  }

  // Those that ended are looked for now and then: nobody knows when the last of what they gave out is settled.
  #forget(): void {
    for (const [number, holder] of this.#holders) if (holder.isForgotten) this.#holders.delete(number)
    for (const consumer of this.#consumers) if (consumer.holder.isForgotten) this.#consumers.delete(consumer)
  }
}
