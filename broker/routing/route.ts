// Where messages on one subject go: a snapshot that stands until interest, permissions or channels change.

import type { ServiceTarget } from '../ground/registry.ts'
import type { Account, QueueSink, Sink, Subscriber } from '../ground/slice.ts'
import type { Group, Subscription } from './subscription.ts'

/** A subscriber that gets only what one of its filters passes. */
export interface FilteredReceiver {
  readonly subscriber: Subscriber
  readonly subscriptions: readonly Subscription[]
}

export interface Receivers {
  /** Get every message, once each. */
  readonly plain: readonly Sink[]
  readonly groups: readonly Group[]
  readonly filtered: readonly FilteredReceiver[]
  /** Get every message until they have had enough. */
  readonly counting: readonly Subscriber[]
  /** One of these gets each message; undefined: the subject is no name of instances. */
  readonly instances: ServiceTarget | undefined
  /** Somebody among them answers requests by frames. */
  readonly answersFrames: boolean
  /** The sender is left out, whatever its echo. */
  readonly exceptSender: boolean
  readonly account: Account
  /** Stands among `plain`; undefined: the messages are kept nowhere. */
  readonly queue: QueueSink | undefined
  /** Under which the flight recorder keeps `plain`; 0: not yet. */
  snapshot: number
}

export const Verdict = { unknown: 0, allowed: 1, denied: 2, direction: 3 } as const
export type Verdict = (typeof Verdict)[keyof typeof Verdict]

/** How often the interest below one first token has changed. */
export interface Changes {
  count: number
}

export class Route {
  readonly subject: string
  readonly tokens: readonly string[]
  /** UTF-8 of the subject. */
  readonly bytes: Uint8Array
  readonly hash: number
  /** Of its first token. */
  readonly changes: Changes
  receivers: Receivers
  /** True when every receiver is plain: a run is one slice for all. */
  isUniform: boolean
  /** Of publishing, by the principal's index; unknown until asked. */
  readonly verdicts: Verdict[] = []
  /** The same for connections whose protocol has inboxes and system subjects as subjects like others. */
  readonly foreignVerdicts: Verdict[]
  /** Counts of the moment it was built; see Routes. */
  builtToken: number
  builtGlobal: number

  constructor(subject: string, tokens: readonly string[], bytes: Uint8Array, hash: number, changes: Changes, receivers: Receivers, foreignVerdicts: Verdict[] = []) {
    this.foreignVerdicts = foreignVerdicts
    this.subject = subject
    this.tokens = tokens
    this.bytes = bytes
    this.hash = hash
    this.changes = changes
    this.receivers = receivers
    this.isUniform = isUniform(receivers)
    this.builtToken = this.builtGlobal = -1
  }

  replace(receivers: Receivers): void {
    this.receivers = receivers
    this.isUniform = isUniform(receivers)
    this.verdicts.length = this.foreignVerdicts.length = 0
  }

  /** The same for what the queue does not keep: what was stored at another broker, and answers. */
  get withoutQueue(): Route {
    const { queue, plain } = this.receivers
    return queue === undefined ? this : new Route(this.subject, this.tokens, this.bytes, this.hash, this.changes, { ...this.receivers, plain: plain.filter((sink) => sink !== queue), queue: undefined, snapshot: 0 }, this.foreignVerdicts)
  }

  /** True when `bytes[start..end)` is this subject. */
  isSubject(bytes: Uint8Array, start: number, end: number): boolean {
    const own = this.bytes
    if (own.length !== end - start) return false
    // From the end: subjects that share a connection differ there.
    for (let i = own.length - 1; i >= 0; i--) if (own[i] !== bytes[start + i]) return false
    return true
  }
}

function isUniform(receivers: Receivers): boolean {
  return receivers.instances === undefined && receivers.groups.length === 0 && receivers.filtered.length === 0 && receivers.counting.length === 0
}
