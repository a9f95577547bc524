// Consumers of one queue without connections and frames: a store that takes its time, and readers that read when they are told to.

import { BrokerError } from '../../broker/ground/errors.ts'
import type { FateWatch } from '../../broker/ground/fate.ts'
import type { Forward, Leased, SettleOutcome, Settlement } from '../../broker/ground/store.ts'
import type { Consumer, ConsumerHost } from '../../broker/queues/consumer.ts'
import { Consumers, type LeaseEvent } from '../../broker/queues/consumers.ts'

/** A store of `size` messages on a thread of its own: what it is told, and what it says, takes its time. */
export class SlowStore {
  readonly ready: number[]
  readonly attempts = new Map<number, number>()
  /** Position to the attempt that is on lease. */
  readonly leases = new Map<number, number>()
  readonly done = new Set<number>()
  balance = 0
  /** All that was demanded, and all that was leased and told. */
  demanded = 0
  readonly demands: number[] = []
  told = 0
  readonly calls: (() => void)[] = []
  readonly answers: (() => void)[] = []
  fails = false
  listener!: Consumers

  constructor(size: number) {
    this.ready = Array.from({ length: size }, (_, i) => i + 1)
  }

  readonly demand = (more: number): void => {
    this.demanded += more
    this.demands.push(more)
    this.calls.push(() => (this.balance += more))
  }

  readonly settle = (settlements: readonly Settlement[], done?: (outcome: SettleOutcome) => void): void => {
    this.calls.push(() => {
      if (this.fails) return void this.answers.push(() => done?.({ lost: [], error: new BrokerError('store.failed', { backend: 'memory', problem: 'a test' }) }))
      const lost = settlements.filter(settlement => !this.#settle(settlement)).map(({ position }) => position)
      this.answers.push(() => done?.({ lost }))
    })
  }

  readonly forward = ({ position, attempt }: Forward, done: (outcome: SettleOutcome) => void): void => this.settle([{ position, attempt, verdict: 'ack' }], done)

  #settle({ position, attempt, verdict }: Settlement): boolean {
    if (this.leases.get(position) !== attempt) return false
    if (verdict === 'working') return true
    this.leases.delete(position)
    if (verdict === 'ack' || verdict === 'term') this.done.add(position)
    else this.ready.push(position)
    if (verdict === 'release') this.attempts.set(position, attempt - 1)
    return true
  }

  /** Does one of the things that it was told, then leases what it may. */
  work(): void {
    this.calls.shift()?.()
    const messages: Leased[] = []
    while (this.balance > 0 && this.ready.length > 0) {
      const position = this.ready.shift()!
      const attempt = (this.attempts.get(position) ?? 0) + 1
      this.attempts.set(position, attempt)
      this.leases.set(position, attempt)
      this.balance--
      messages.push({ position, attempt, frame: new Uint8Array(100_000) })
    }
    if (messages.length > 0) this.answers.push(() => {
        this.told += messages.length
        this.listener.leased(messages)
      })
  }

  /** The ack wait of the oldest lease is over. */
  overdue(): void {
    const [lease] = this.leases
    if (lease === undefined) return
    const [position, attempt] = lease
    this.leases.delete(position)
    this.ready.push(position)
    this.answers.push(() => this.listener.happened([{ position, attempt, event: 'retry', reason: 'ack wait over' }]))
  }

  /** Says what is next. */
  answer(): void {
    this.answers.shift()?.()
  }

  rest(): void {
    while (this.calls.length > 0 || this.answers.length > 0 || (this.balance > 0 && this.ready.length > 0)) {
      this.work()
      this.answer()
    }
  }
}

interface Waiting {
  readonly messages: readonly Leased[]
  readonly watch: FateWatch
}

/** A connection that reads what it is told to. */
export class Reader implements ConsumerHost {
  readonly number: number
  isHigh = false
  /** It drops what comes at once, as an outbound that sheds. */
  isShedding = false
  consumer!: Consumer
  readonly waiting: Waiting[] = []
  readonly got = new Map<number, number>()
  isEmptied = false
  problem: BrokerError | undefined

  constructor(number: number, consumers: Consumers) {
    this.number = number
    this.consumer = consumers.add(this)
  }

  deliver(messages: readonly Leased[], watch: FateWatch): boolean {
    if (this.isShedding) {
      watch.settled(this.number, 'dropped(overflow)', messages.length)
      return true
    }
    this.waiting.push({ messages, watch })
    this.isHigh = this.waiting.length >= 3
    return !this.isHigh
  }

  emptied(): void {
    this.isEmptied = true
  }

  ended(error: BrokerError): void {
    this.problem = error
  }

  take(consumers: Consumers): void {
    const next = this.waiting.shift()
    if (next === undefined) return
    next.watch.settled(this.number, 'written', next.messages.length)
    for (const { position, attempt } of next.messages) this.got.set(position, attempt)
    this.#relax(consumers)
  }

  drop(consumers: Consumers): void {
    const next = this.waiting.shift()
    next?.watch.settled(this.number, 'dropped(overflow)', next.messages.length)
    this.#relax(consumers)
  }

  #relax(consumers: Consumers): void {
    if (!this.isHigh || this.waiting.length >= 2) return
    this.isHigh = false
    consumers.relieved(this.consumer)
  }

  /** The first `count` of what it got. */
  some(count: number, verdict: Settlement['verdict']): Settlement[] {
    return [...this.got].slice(0, count).map(([position, attempt]) => ({ position, attempt, verdict }))
  }
}

export interface ConsumerWorld {
  readonly store: SlowStore
  readonly consumers: Consumers
  readonly events: [LeaseEvent, number, number][]
}

export function consumerWorld(size: number): ConsumerWorld {
  const store = new SlowStore(size)
  const events: ConsumerWorld['events'] = []
  const consumers = new Consumers({ leaseChanged: (event, position, _attempt, connection) => void events.push([event, position, connection]), happened() {} })
  store.listener = consumers
  consumers.open(store)
  return { store, consumers, events }
}
