// Connections as consumers of queues: made, fed, paused and taken back; what they pull and what they settle.
//
//   subscribe {consume} ─▶ QueueConsumer ─ pull ─▶ Consumers ─ leased ─▶ its outbound ─▶ settle ─▶ ok, when that is durable

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { Forwarding } from './forwarding.ts'
import type { ControlMessage } from './ground/control.ts'
import { BrokerError } from './ground/errors.ts'
import { Kind } from './ground/kind.ts'
import type { Leased, SettleOutcome } from './ground/store.ts'
import { isReserved, parsePattern } from './ground/subject.ts'
import type { Subscribe } from './protocol/bodies.ts'
import { readPull, readSettle, type Settle } from './protocol/queue-bodies.ts'
import type { Publisher } from './publisher.ts'
import { QueueConsumer, type QueueConsumerOwner } from './queue-consumer.ts'
import { QueuedRequests } from './queued-requests.ts'
import type { Queue, QueueObserver } from './queues/queue.ts'
import type { OpenRequests } from './session/open-requests.ts'

export class Consuming implements QueueConsumerOwner {
  readonly #core: Core
  readonly #requests: QueuedRequests
  readonly #forwarding: Forwarding

  constructor(core: Core, publisher: Publisher, open: OpenRequests) {
    this.#core = core
    this.#requests = new QueuedRequests(core, open)
    this.#forwarding = new Forwarding(core, publisher)
    core.queues.observerOf = (queue) => this.#observerOf(queue)
  }

  /**
   * Makes the connection a consumer under a number that it has not given yet; what the answer tells of the queue.
   * @throws BrokerError `queue.consumer`, `queue.not_a_queue`, `channel.not_found`, `pattern.invalid`, `permission.denied`
   */
  subscribe(connection: Connection, number: number, { pattern, group, filter }: Subscribe): { readonly ackWaitMs: number } {
    if (connection.dialect!.name !== 'native') throw refused(`not by the dialect ${connection.dialect!.name}; use the native one`)
    if (group !== undefined || filter !== undefined) throw refused('without group and filter: each message goes to one of its consumers')
    const tokens = parsePattern(pattern)
    const { permissions } = connection
    if (isReserved(tokens) || !permissions!.maySubscribe(tokens)) throw new BrokerError('permission.denied', { principal: permissions!.name, action: 'subscribe to', subject: pattern })
    const queue = this.#queue(pattern)
    connection.consumers ??= new Map()
    connection.consumers.set(number, new QueueConsumer(connection, queue, number, this))
    return { ackWaitMs: queue.settings.ackWaitMs }
  }

  /** False: no consumer of the connection has that number. What is on lease to it stays its own. */
  unsubscribe({ consumers }: Connection, number: number): boolean {
    const found = consumers?.get(number)
    if (found === undefined || !found.consumer.isOpen) return false
    found.queue.consumers.remove(found.consumer)
    return true
  }

  /** @throws BrokerError `frame.malformed`, `subscription.unknown` */
  pull({ consumers }: Connection, { ref, body }: ControlMessage): void {
    const messages = readPull(body)
    const found = consumers?.get(ref)
    if (found === undefined) throw new BrokerError('subscription.unknown', { subscription: ref })
    found.queue.consumers.pull(found.consumer, messages)
  }

  /** Answered when it is durable. @throws BrokerError for what cannot be; then nothing of it is done */
  settle(connection: Connection, { id, ref, body }: ControlMessage): void {
    const settle = readSettle(body)
    const found = connection.consumers?.get(ref)
    // A consumer that has nothing on lease any more, and may be forgotten.
    if (found === undefined) return this.#answer(connection, id, { lost: positionsOf(settle) })
    const { settlements, forwards } = settle
    const prepared = forwards.length === 0 ? [] : this.#forwarding.prepare(connection, found.queue, id, forwards)
    const { consumers } = found.queue
    let left = prepared.length + 1
    let outcome: SettleOutcome = { lost: [] }
    const answered = this.#core.unanswered.add(connection, id)
    const done = (each: SettleOutcome): void => {
      outcome = merged(outcome, each)
      if (--left > 0) return
      answered()
      this.#answer(connection, id, outcome)
    }
    for (const forward of prepared) consumers.forward(found.consumer, forward, done)
    consumers.settle(found.consumer, settlements, done)
  }

  /** It is above high-water no more, or got a link, or lost it. */
  changed({ consumers }: Connection): void {
    if (consumers !== undefined) for (const { queue, consumer } of consumers.values()) queue.consumers.relieved(consumer)
  }

  /** Its session goes on: what is on lease to it may be answered again. `isIncomplete`: some of what was written to it is not there any more. */
  resumed(connection: Connection, isIncomplete: boolean): void {
    for (const consumption of connection.consumers?.values() ?? []) {
      if (isIncomplete) consumption.queue.consumers.recover(consumption.consumer)
      this.#requests.resumed(consumption, connection)
    }
    this.changed(connection)
  }

  /** It is gone: what is on lease to it is free again. */
  leave({ consumers }: Connection): void {
    if (consumers !== undefined) for (const { queue, consumer } of consumers.values()) queue.consumers.leave(consumer)
  }

  // QueueConsumerOwner

  requested(consumer: QueueConsumer, message: Leased): void {
    this.#requests.leased(consumer, message)
  }

  ended({ connection, subscription }: QueueConsumer, error: BrokerError): void {
    if (connection.isPresent) this.#core.send(connection, { kind: Kind.error, to: subscription, ref: subscription, body: error.toBody() })
  }

  #queue(name: string): Queue {
    const queue = this.#core.queues.find(name)
    if (queue !== undefined) return queue
    const channel = this.#core.channels.get(name)
    throw channel === undefined ? new BrokerError('channel.not_found', { channel: name }) : new BrokerError('queue.not_a_queue', { channel: name, mode: channel.mode })
  }

  #answer(connection: Connection, id: number, { lost, error }: SettleOutcome): void {
    if (!connection.isPresent) return
    if (error === undefined) this.#core.send(connection, { kind: Kind.ok, ref: id, ...(lost.length === 0 ? {} : { body: { lost } }) })
    else this.#core.refuse(connection, id, error)
  }

  #observerOf(queue: Queue): QueueObserver {
    const { queueHistory } = this.#core
    return {
      kept: (origin, id, position) => this.#requests.kept(queue, origin, id, position),
      leaseChanged: (event, position, attempt, connection, reason) => {
        queueHistory.add(event, queue.number, position, 1, attempt, connection, reason === '' ? undefined : reason)
        this.#requests.settled(queue, event, position)
      },
      happened: (events) => this.#requests.happened(queue, events),
    }
  }
}

function refused(problem: string): BrokerError {
  return new BrokerError('queue.consumer', { problem })
}

function positionsOf({ settlements, forwards }: Settle): number[] {
  return [...settlements, ...forwards].map(({ position }) => position)
}

// One error says that nothing is known of all.
function merged(a: SettleOutcome, b: SettleOutcome): SettleOutcome {
  const error = a.error ?? b.error
  const lost = b.lost.length === 0 ? a.lost : [...a.lost, ...b.lost]
  return error === undefined ? { lost } : { lost, error }
}
