// A piece of bytes on its way to receivers, and the account that knows what became of it.

import { dropReasons, noDrops, type FateWatch } from './fate.ts'
import type { Intake } from './intake.ts'
import type { ChannelFlow } from './settings.ts'

/**
 * Accounts for deliveries: over accepted messages, Σ max(1, receivers) = written + forwarded + stored + dropped + pending at any moment.
 * One per channel and one for what is published outside channels; the broker's is their sum.
 */
export class Account {
  /** Messages accepted. */
  accepted = 0
  /** Σ max(1, receivers) over accepted messages. */
  deliveries = 0
  /** Deliveries that the receiver's kernel took. */
  written = 0
  /** Deliveries that the other end of the link to other brokers has confirmed, or that another process of this broker makes. */
  forwarded = 0
  /** Deliveries to a queue that it keeps; what becomes of them there is the queue's own account, see QueueCounts. */
  stored = 0
  /** Deliveries that wait in an outbound, or for a store. */
  pending = 0
  /** Its channel is gone: nothing new is charged to it. */
  isRetired = false
  /** Messages refused before they were accepted; outside the identity. */
  rejected = 0
  /** Messages that came before under the same id: acknowledged, not accepted again; outside the identity. What a queue finds to be one is `stored`. */
  duplicates = 0
  readonly dropped = noDrops()
  /** Limits on what of this account waits for any one receiver; undefined: only the receiver's own hold. */
  readonly flow: ChannelFlow | undefined

  constructor(flow?: ChannelFlow) {
    this.flow = flow
  }

  get droppedTotal(): number {
    let total = 0
    for (const reason of dropReasons) total += this.dropped[reason]
    return total
  }

  /** What the identity misses: deliveries − (written + forwarded + stored + dropped + pending); 0 unless there is a bug. */
  get imbalance(): number {
    return this.deliveries - this.written - this.forwarded - this.stored - this.droppedTotal - this.pending
  }
}

/** A message's payload in zstd, and the message with it, which is made for the first receiver that reads it. */
export interface Compressed {
  readonly payload: Uint8Array
  slice: Slice | undefined
}

/** Messages in the form of another protocol, as they came. Each receiver gets them in its own; a form is made once, for the first that wants it. */
export interface ForeignForm {
  /** The same messages as canonical native frames. */
  native(slice: Slice): Slice
  /** Where the message that begins at `start` ends. */
  messageEnd(bytes: Uint8Array, start: number): number
}

/**
 * `count` whole messages in `bytes[start..end)`. Immutable and shared by all receivers, so that a fan-out allocates one,
 * and so that receivers of the same slices are recognised by identity.
 */
export class Slice {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  /** Messages in it that are accounted; 0 for frames of the broker's own, and for what is sent again. */
  readonly count: number
  /** Frames, or lines, in it. */
  readonly frames: number
  readonly account: Account
  /** Position of its run in the flight recorder; -1: it is not recorded. */
  run = -1
  /** On the monotonic clock, the moment from which it is not written any more; 0 = never. ms */
  expiresAtMs = 0
  /** Told of each receiver's fate; undefined: nobody asked. */
  watch: FateWatch | undefined = undefined
  /** For the queue among its receivers; undefined: there is none. */
  intake: Intake | undefined = undefined
  /** Made once, when a receiver's kernel did not take it in its turn, so that a small slice does not keep a large chunk. */
  copy: Slice | undefined = undefined
  /** Its bytes are not native frames but these; only within the delivery of what has just come, nothing that waits has it. */
  foreign: ForeignForm | undefined = undefined
  /** Its one message compressed, when there is a receiver that reads it; see broker/variant.ts. */
  zstd: Compressed | undefined = undefined

  constructor(bytes: Uint8Array, start: number, end: number, count: number, account: Account, frames = count === 0 ? 1 : count) {
    this.bytes = bytes
    this.start = start
    this.end = end
    this.count = count
    this.frames = frames
    this.account = account
  }

  /** The same messages in other bytes. */
  rewritten(bytes: Uint8Array, start = 0, end = bytes.length): Slice {
    return this.#likewise(new Slice(bytes, start, end, this.count, this.account, this.frames))
  }

  /** One of its messages, or some, in bytes of the same or another buffer. */
  part(bytes: Uint8Array, start: number, end: number, count: number): Slice {
    const part = this.#likewise(new Slice(bytes, start, end, count, this.account))
    part.foreign = this.foreign
    return part
  }

  /** Its first `frames` frames and the others, which begin at `at`. */
  split(at: number, frames: number): [Slice, Slice] {
    const count = Math.min(this.count, frames)
    const rest = new Slice(this.bytes, at, this.end, this.count - count, this.account, this.frames - frames)
    return [this.#likewise(new Slice(this.bytes, this.start, at, count, this.account, frames)), this.#likewise(rest)]
  }

  #likewise(slice: Slice): Slice {
    slice.run = this.run
    slice.expiresAtMs = this.expiresAtMs
    slice.watch = this.watch
    return slice
  }
}

/** Whatever takes deliveries. */
export interface Sink {
  /** Number of the connection; 0 for the broker itself. Several sinks of one connection have the same. */
  readonly number: number
  /** Answers requests by frames of their own; who does not, answers by publishing on the reply subject. */
  readonly answersFrames: boolean
  /** Takes a slice. false = it is above its high-water mark: whoever feeds it should pause. */
  deliver(slice: Slice): boolean
}

/** A sink that keeps what it gets: the queue of a channel. */
export interface QueueSink extends Sink {
  readonly name: string
}

/** A sink with an identity: a connection, or one subscription of a connection whose protocol delivers to subscriptions. */
export interface Subscriber extends Sink {
  /** false: it does not get what it published itself. */
  readonly echo: boolean
  /** What a filter sees as `@sender`. */
  readonly client: string
  /** True when permissions let it see the subject. */
  mayReceive(subject: readonly string[]): boolean
  /** Its subscription is not allowed any more: it takes it back. Those that do not know of it have it taken back for them. */
  revoked?(): void
  /** It wants only so many more messages, and is asked before each: see `wants`. default: it takes all */
  readonly isCounting?: boolean
  /** False: it has had as many as it wanted. Asked of those that count. */
  readonly wants?: boolean
  /** A group prefers other members: its outbound is at or above high-water, or it has no link. */
  readonly isHigh: boolean
  /** Of one subscription: what the client calls it, messages that it got, and after how many it ends. */
  readonly sid?: string
  readonly delivered?: number
  readonly max?: number
}
