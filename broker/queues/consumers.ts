// The delivery side of one queue: which consumer gets which message, what is on lease to whom, and how much is asked of the
// store. Knows neither connections nor frames.
//
//   pull ─▶ credit ─▶ demand ─▶ [store] ─▶ leased ─▶ the next consumer in turn ─▶ settle ─▶ [store] ─▶ done
//
// What the store may lease never exceeds the credit of those consumers that take something now. Its balance is signed: a
// consumer that leaves takes its demand back, and what was on its way meanwhile is released.

import type { BrokerError } from '../ground/errors.ts'
import { failPoint } from '../ground/fail-point.ts'
import type { Forward, Leased, QueueEvent, Settlement, SettleOutcome, StoredQueue, Verdict } from '../ground/store.ts'
import { Consumer, Lease, type ConsumerHost } from './consumer.ts'
import { LeaseBatch } from './lease-batch.ts'
import { Turn } from './turn.ts'

/** What happened to a lease, for the history of the queue. */
export type LeaseEvent = 'leased' | 'acked' | 'nacked' | 'termed' | 'released' | 'forwarded' | 'lost'

/** Whoever follows what becomes of messages. */
export interface LeaseObserver {
  /** `connection`: the consumer's. `reason`: empty where there is none. */
  leaseChanged(event: LeaseEvent, position: number, attempt: number, connection: number, reason: string): void
  /** What the store did by itself, once the leases are over that it ends. */
  happened(events: readonly QueueEvent[]): void
}

/** Of the store, what consumers need. */
type Leasing = Pick<StoredQueue, 'demand' | 'settle' | 'forward'>

/** Frames of so many bytes are handed over at a time: one slice is not taken apart by an outbound. */
const BATCH_BYTES = 256 * 1024
const CONSUMER_LOST = 'its consumer was lost'

const eventOf: Record<Exclude<Verdict, 'working'>, LeaseEvent> = { ack: 'acked', nak: 'nacked', term: 'termed', release: 'released' }

export class Consumers {
  readonly #observer: LeaseObserver
  readonly #turn = new Turn()
  readonly #leases = new Map<number, Lease>()
  readonly #open = new Set<Consumer>()
  /** undefined: the store is away. */
  #stored: Leasing | undefined
  /** What the store may lease beside what has come, as it stands when it knows all that it was told. */
  #balance = 0

  constructor(observer: LeaseObserver) {
    this.#observer = observer
  }

  /** Consumers that are open. */
  get count(): number {
    return this.#open.size
  }

  /** Messages on lease to them, and to those that are closed and still hold some. */
  get inFlight(): number {
    return this.#leases.size
  }

  /** The store is there: what is wanted is asked of it. */
  open(stored: Leasing): void {
    this.#stored = stored
    this.#balance = 0
    this.#demand()
  }

  /** The store is away: no lease holds any more. Consumers and what they asked for stay. */
  close(): void {
    this.#stored = undefined
    for (const lease of this.#leases.values()) this.#end(lease)
  }

  /** The queue is gone, and its consumers with it: they are told why. */
  end(error: BrokerError): void {
    this.close()
    for (const consumer of this.#open) {
      this.leave(consumer)
      consumer.host.ended(error)
    }
  }

  add(host: ConsumerHost): Consumer {
    const consumer = new Consumer(host)
    this.#open.add(consumer)
    return consumer
  }

  /** The consumer takes `messages` more. */
  pull(consumer: Consumer, messages: number): void {
    if (!consumer.isOpen) return
    consumer.credit += messages
    this.#look(consumer)
  }

  /** Its connection is below its high-water mark again, has a link again, or lost it. */
  relieved(consumer: Consumer): void {
    consumer.isPaused = consumer.host.isHigh
    this.#look(consumer)
  }

  /** The consumer's session goes on and has lost messages: those that may be among them come again, and others in their place. */
  recover(consumer: Consumer): void {
    this.#dropped(consumer, [...consumer.leases].filter(({ batch }) => batch.isForgotten))
  }

  /** The consumer takes no more; what is on lease to it stays its own until it is settled, or its ack wait is over. */
  remove(consumer: Consumer): void {
    if (!consumer.isOpen) return
    consumer.isOpen = false
    consumer.credit = 0
    this.#open.delete(consumer)
    this.#look(consumer)
    if (consumer.leases.size === 0) consumer.host.emptied()
  }

  /** The consumer is gone: what is on lease to it is free again. Of what may have arrived the attempt counts. */
  leave(consumer: Consumer): void {
    consumer.isGone = true
    this.remove(consumer)
    this.#giveBack(consumer.leases)
  }

  /** At most as many messages as were demanded; see QueueListener. */
  leased(messages: readonly Leased[]): void {
    failPoint('queue.before-deliver')
    // What was on its way when the store closed is on lease to nobody.
    if (this.#stored === undefined) return
    this.#turn.begin()
    const gathered = new Map<Consumer, Gathering>()
    const unwanted: Leased[] = []
    for (const message of messages) {
      this.#balance--
      const consumer = this.#turn.take()
      if (consumer === undefined) {
        unwanted.push(message)
        continue
      }
      let gathering = gathered.get(consumer)
      if (gathering === undefined) gathered.set(consumer, (gathering = { messages: [], bytes: 0 }))
      gathering.messages.push(message)
      gathering.bytes += message.frame.length
      if (gathering.bytes < BATCH_BYTES) continue
      gathered.delete(consumer)
      this.#deliver(consumer, gathering.messages)
    }
    for (const [consumer, gathering] of gathered) this.#deliver(consumer, gathering.messages)
    this.#release(unwanted)
    this.#demand()
  }

  /** What the store did by itself: a lease may be over by that. */
  happened(events: readonly QueueEvent[]): void {
    for (const { position, attempt } of events) {
      const lease = this.#leases.get(position)
      // One that is being settled ends with the answer.
      if (lease?.attempt === attempt && !lease.isSettling) this.#end(lease)
    }
    this.#observer.happened(events)
  }

  /** What the consumer says of messages. `lost`: those that are not on lease to it, too. */
  settle(consumer: Consumer, settlements: readonly Settlement[], done: (outcome: SettleOutcome) => void): void {
    failPoint('queue.before-settle')
    const lost: number[] = []
    const held: Settlement[] = []
    const leases: Lease[] = []
    for (const settlement of settlements) {
      const lease = this.#held(consumer, settlement)
      if (lease === undefined) {
        lost.push(settlement.position)
        continue
      }
      lease.isSettling = settlement.verdict !== 'working'
      held.push(settlement)
      leases.push(lease)
    }
    // Without a store nothing is on lease.
    if (held.length === 0) return done({ lost })
    this.#stored!.settle(held, (outcome) => {
      this.#settled(leases, held, outcome)
      done(lost.length === 0 ? outcome : { ...outcome, lost: [...lost, ...outcome.lost] })
    })
  }

  /** Acks a message and appends others in one step; only where the store can. */
  forward(consumer: Consumer, forward: Forward, done: (outcome: SettleOutcome) => void): void {
    failPoint('queue.before-settle')
    const lease = this.#held(consumer, forward)
    if (lease === undefined) return done({ lost: [forward.position] })
    lease.isSettling = true
    this.#stored!.forward!(forward, (outcome) => {
      if (outcome.error !== undefined) this.#unsettled(lease)
      else this.#over(lease, outcome.lost.length > 0 ? 'lost' : 'forwarded', '')
      done(outcome)
    })
  }

  #settled(leases: readonly Lease[], settlements: readonly Settlement[], { lost, error }: SettleOutcome): void {
    const isLost = lost.length === 0 ? undefined : new Set(lost)
    for (let i = 0; i < leases.length; i++) {
      const lease = leases[i]!
      const { verdict, reason } = settlements[i]!
      if (error !== undefined) this.#unsettled(lease)
      else if (isLost?.has(lease.position) === true) this.#over(lease, 'lost', '')
      else if (verdict !== 'working') this.#over(lease, eventOf[verdict], reason ?? '')
    }
  }

  // The lease, when `consumer` holds it and has not said yet what became of it.
  #held(consumer: Consumer, { position, attempt }: { readonly position: number; readonly attempt: number }): Lease | undefined {
    const lease = this.#leases.get(position)
    return lease?.consumer === consumer && lease.attempt === attempt && !lease.isSettling ? lease : undefined
  }

  // The store did not take it: its consumer may say it again, if it is still there.
  #unsettled(lease: Lease): void {
    lease.isSettling = false
    if (lease.consumer.isGone) this.#giveBack([lease])
  }

  // What was said of it, or of a consumer that is gone, holds; so does what the store says it lost.
  #over(lease: Lease, event: LeaseEvent, reason: string): void {
    if (this.#isCurrent(lease)) this.#observer.leaseChanged(event, lease.position, lease.attempt, lease.consumer.host.number, reason)
    this.#end(lease)
  }

  // Nobody takes them any more.
  #release(messages: readonly Leased[]): void {
    if (messages.length > 0) this.#stored?.settle(messages.map(({ position, attempt }) => ({ position, attempt, verdict: 'release' })))
  }

  #deliver(consumer: Consumer, messages: readonly Leased[]): void {
    // Gone since it was its turn, by what was delivered to another one.
    if (!consumer.isOpen) return this.#release(messages)
    const batch = new LeaseBatch<Lease>((leases) => this.#dropped(consumer, leases))
    for (const { position, attempt } of messages) {
      const before = this.#leases.get(position)
      // The store leases it anew: the older lease is over, whatever is said of it.
      if (before !== undefined) this.#end(before)
      const lease = new Lease(position, attempt, consumer, batch)
      this.#leases.set(position, lease)
      consumer.leases.add(lease)
      batch.add(lease)
      this.#observer.leaseChanged('leased', position, attempt, consumer.host.number, '')
    }
    if (consumer.host.deliver(messages, batch)) return
    consumer.isPaused = true
    this.#turn.look(consumer)
  }

  // Its connection dropped them, and stays: their credit is free again.
  #dropped(consumer: Consumer, leases: readonly Lease[]): void {
    const back = this.#giveBack(leases)
    if (consumer.isOpen) this.pull(consumer, back)
  }

  // Free for others again; returns how many. Of what may have arrived the attempt counts, else a message that kills its consumers would come for ever.
  #giveBack(leases: Iterable<Lease>): number {
    const settlements: Settlement[] = []
    for (const lease of leases) {
      if (lease.isSettling || !this.#isCurrent(lease)) continue
      const { position, attempt } = lease
      const mayHaveArrived = lease.batch.mayHaveArrived
      settlements.push(mayHaveArrived ? { position, attempt, verdict: 'nak', delayMs: 0, reason: CONSUMER_LOST } : { position, attempt, verdict: 'release' })
      this.#over(lease, mayHaveArrived ? 'nacked' : 'released', CONSUMER_LOST)
    }
    if (settlements.length > 0) this.#stored?.settle(settlements)
    return settlements.length
  }

  #isCurrent(lease: Lease): boolean {
    return this.#leases.get(lease.position) === lease
  }

  #end(lease: Lease): void {
    if (this.#isCurrent(lease)) this.#leases.delete(lease.position)
    const { consumer } = lease
    if (consumer.leases.delete(lease) && consumer.leases.size === 0 && !consumer.isOpen) consumer.host.emptied()
  }

  #look(consumer: Consumer): void {
    this.#turn.look(consumer)
    this.#demand()
  }

  #demand(): void {
    const more = this.#turn.wanted - this.#balance
    if (more === 0 || this.#stored === undefined) return
    this.#balance += more
    this.#stored.demand(more)
  }
}

interface Gathering {
  readonly messages: Leased[]
  bytes: number
}
