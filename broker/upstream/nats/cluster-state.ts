// What joined brokers share beside messages: who is where, channels, leases. Opens their buckets whenever the link has a
// connection for them, and again while a bucket cannot be had. Without JetStream none of it is there, which is said.

import type { NatsConnection } from '@nats-io/transport-node'
import type { SharedChannelHost } from '../../ground/channel-share.ts'
import type { Clock } from '../../ground/clock.ts'
import type { ClusterStatus } from '../../ground/cluster.ts'
import { BrokerError } from '../../ground/errors.ts'
import type { PeerBroker, PresenceHost } from '../../ground/presence.ts'
import type { Log } from '../../ground/types.ts'
import { KvBucket } from './kv-bucket.ts'
import { KvChannels } from './kv-channels.ts'
import { KvLeases, leaseBucket } from './kv-leases.ts'
import { KvPresence } from './kv-presence.ts'

/** Time to say goodbye. ms */
const LEAVE_MS = 1000
/** Between two tries to open the buckets. ms */
const RETRY_MS = 2000

export interface ClusterStateOptions {
  readonly self: PeerBroker
  readonly clients: PresenceHost
  /** Asked for when there is a connection for the first time. */
  readonly channels: () => SharedChannelHost
  readonly clock: Clock
  readonly log: Log
  /** Of the process of this broker before this one. */
  readonly instance?: string | undefined
}

export class ClusterState {
  readonly presence: KvPresence
  readonly channels: KvChannels
  readonly leases: KvLeases
  readonly #options: ClusterStateOptions
  readonly #leaseBucket: KvBucket
  readonly #parts: readonly { readonly isOpen: boolean; open(connection: NatsConnection): Promise<void>; close(): void }[]
  #connection: NatsConnection | undefined
  #opened: Promise<void> = Promise.resolve()
  #cancelRetry: () => void = () => {}
  /** Another process of this broker is about to speak for it, or does. */
  #isHeld = false
  #problem: string | undefined = 'the link has not joined a server yet'

  constructor(options: ClusterStateOptions) {
    const { self, clients, channels, clock, log, instance } = options
    this.#options = options
    const onTrouble = (): void => this.#openSoon()
    this.presence = new KvPresence({ self, host: clients, clock, log, instance, onTrouble })
    this.channels = new KvChannels({ broker: self.broker, host: channels, clock, log, onTrouble })
    this.#leaseBucket = new KvBucket(leaseBucket, clock)
    this.leases = new KvLeases({ bucket: this.#leaseBucket, broker: self.broker, clock, log })
    // Leases first: whoever holds one has to renew it.
    this.#parts = [this.#leaseBucket, this.presence, this.channels]
  }

  /** There is a connection for the buckets. */
  joined(connection: NatsConnection): void {
    this.#connection = connection
    this.#open(connection)
  }

  /** It is gone. */
  lost(): void {
    this.#connection = undefined
    this.#cancelRetry()
    // Holds until the buckets are open again: at another server that takes seconds, where the lost one led a bucket.
    this.#problem = 'the link was lost, and what brokers share is not open again yet'
    for (const part of this.#parts) part.close()
  }

  /** Says nothing more, not even goodbye: another process of this broker does. By what that goes on with its signs of life. */
  hold(): string {
    this.#isHeld = true
    this.#cancelRetry()
    // Not the leases: they are given back when the other process serves.
    for (const part of [this.presence, this.channels]) part.close()
    return this.presence.instance
  }

  /** No other process does. */
  goOn(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    if (this.#connection !== undefined) this.#open(this.#connection)
  }

  /** Gives back what it holds, and says goodbye, while there is a connection. */
  async leave(): Promise<void> {
    let cancel = (): void => {}
    // Servers that do not answer are not waited for: what is theirs to forget has a time to live.
    const late = new Promise<void>((resolve) => (cancel = this.#options.clock.after(LEAVE_MS, resolve)))
    await Promise.race([Promise.all([this.leases.close(), this.presence.leave()]), late])
    cancel()
  }

  /** Under which subject a message to `$CB.to.<kind>.<id>` is published; undefined: nobody beyond this broker has that name. */
  subjectOf([, , kind = '', ...id]: readonly string[]): string | undefined {
    return this.presence.subjectOf(kind, id.join('.'))
  }

  status(): ClusterStatus {
    const problem = this.#problem ?? this.presence.problem
    return {
      brokers: this.presence.peers(),
      clients: this.presence.remoteClients,
      channels: this.channels.count,
      conflicts: this.channels.conflicts(),
      replicas: Math.min(this.presence.replicas, this.channels.replicas),
      ...(problem === undefined ? {} : { problem }),
    }
  }

  // One after the other: two at a time would close what the other has opened.
  #open(connection: NatsConnection): void {
    this.#opened = this.#opened.then(() => this.#openParts(connection))
  }

  async #openParts(connection: NatsConnection): Promise<void> {
    if (this.#connection !== connection || this.#isHeld) return
    const problems: string[] = []
    for (const part of this.#parts) {
      if (part.isOpen) continue
      try {
        await part.open(connection)
      } catch (error) {
        problems.push(BrokerError.from(error).message)
      }
      if (this.#connection !== connection || this.#isHeld) return part.close()
    }
    const [problem] = problems
    const { log } = this.#options
    if (problem !== undefined && problem !== this.#problem) log.warn({}, `${problem}; until then brokers do not know of each other's clients and channels, and messages to a client go to all brokers`)
    this.#problem = problem
    // One may have been lost again while the others were opened.
    if (this.#parts.some((part) => !part.isOpen)) this.#openSoon()
  }

  #openSoon(): void {
    const connection = this.#connection
    this.#cancelRetry()
    if (connection !== undefined && !this.#isHeld) this.#cancelRetry = this.#options.clock.after(RETRY_MS, () => this.#open(connection))
  }
}
