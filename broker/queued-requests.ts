// Requests that are kept in a queue: who gets one on lease may answer it, and who asked is told when nobody will any more.
//
//   request ─▶ queue ─▶ lease ─▶ its consumer answers ─▶ requester
//                        └─ it does not: another lease may follow, so the request stays open until its deadline
//                            └─ none can follow (a dead letter): the requester is told at once

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { Offset } from './wire/layout.ts'
import { readUint32, readUint53 } from './wire/integers.ts'
import type { Leased, QueueEvent } from './ground/store.ts'
import type { QueueConsumer } from './queue-consumer.ts'
import type { Consumption } from './queues/consumption.ts'
import type { LeaseEvent } from './queues/consumers.ts'
import type { Queue } from './queues/queue.ts'
import type { OpenRequest, OpenRequests } from './session/open-requests.ts'

/** Requests of a queue that are remembered before those that are not open any more are swept out. */
const SWEEP_FROM = 1024

export class QueuedRequests {
  readonly #core: Core
  readonly #open: OpenRequests
  /** When this broker began: numbers of connections mean others before. µs of wall time */
  readonly #sinceMicros: number
  /** By position. */
  readonly #byQueue = new WeakMap<Queue, Map<number, OpenRequest>>()
  #sweepAt = SWEEP_FROM

  constructor(core: Core, open: OpenRequests) {
    this.#core = core
    this.#open = open
    this.#sinceMicros = core.clock.wallMicros()
  }

  /** A message stands there that may be a request: it may die there without ever being on lease. */
  kept(queue: Queue, origin: number, id: number, position: number): void {
    const request = this.#open.awaited(this.#core.directory.number(origin), id, queue)
    if (request !== undefined) this.#remember(queue, position, request)
  }

  /** The consumer may answer from now on, when the requester still waits. */
  leased({ queue, connection }: QueueConsumer, { frame, position }: Leased): void {
    if (readUint53(frame, Offset.time) < this.#sinceMicros) return
    const requester = this.#core.directory.number(readUint32(frame, Offset.origin))
    const request = this.#open.join(requester, readUint53(frame, Offset.id), queue, connection)
    if (request !== undefined) this.#remember(queue, position, request)
  }

  /** The consumer has a link again; while it had none it answered nothing. */
  resumed({ queue, consumer }: Consumption, connection: Connection): void {
    const requests = this.#byQueue.get(queue)
    if (requests === undefined) return
    for (const { position } of consumer.leases) {
      const request = requests.get(position)
      if (request !== undefined) this.#open.join(request.requester, request.id, queue, connection)
    }
  }

  /** What its consumer said of it: done, so that no other one gets it. */
  settled(queue: Queue, event: LeaseEvent, position: number): void {
    if (event !== 'acked' && event !== 'forwarded') return
    const request = this.#take(queue, position)
    if (request !== undefined) this.#open.leftTo(request, queue)
  }

  /** Nobody gets it any more. */
  happened(queue: Queue, events: readonly QueueEvent[]): void {
    for (const { event, position, reason } of events) {
      if (event === 'retry') continue
      const request = this.#take(queue, position)
      if (request !== undefined) this.#open.deadLettered(request, queue, reason)
    }
  }

  #remember(queue: Queue, position: number, request: OpenRequest): void {
    let requests = this.#byQueue.get(queue)
    if (requests === undefined) this.#byQueue.set(queue, (requests = new Map<number, OpenRequest>()))
    requests.set(position, request)
    if (requests.size >= this.#sweepAt) this.#sweep(requests)
  }

  #take(queue: Queue, position: number): OpenRequest | undefined {
    const requests = this.#byQueue.get(queue)
    const request = requests?.get(position)
    if (request !== undefined) requests!.delete(position)
    return request
  }

  #sweep(requests: Map<number, OpenRequest>): void {
    for (const [position, request] of requests) if (!this.#open.isOpen(request)) requests.delete(position)
    this.#sweepAt = Math.max(SWEEP_FROM, requests.size * 2)
  }
}
