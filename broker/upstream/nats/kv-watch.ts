// Follows a key-value bucket: tells all its entries, then every change. Where it has missed something, because the server
// that served it died or was too slow, it begins a new round from the whole. When that cannot be begun either, it ends.
//
//   round() entry() entry() … synced() entry() entry() … | gap, silence | round() entry() … synced() …
//
// The library's watch waits 60 s before it notices that its server is gone while another one keeps the connection open.

import { AckPolicy, DeliverPolicy, type JetStreamManager } from '@nats-io/jetstream'
import { createInbox, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node'
import type { Clock } from '../../ground/clock.ts'
import type { BucketWatcher } from './bucket-entry.ts'

export interface KvWatchOptions {
  readonly connection: NatsConnection
  readonly manager: JetStreamManager
  readonly bucket: string
  readonly clock: Clock
  readonly watcher: BucketWatcher
}

/** How often the server says that there is nothing new. ms */
const HEARTBEAT_MS = 1000
/** Without a word for so long a round is over. ms */
const SILENCE_MS = 3000
/** Before the next round. ms */
const AGAIN_MS = 250
/** NATS: the message is about the delivery, not of it. */
const CONTROL_STATUS = 100
const OPERATION = 'KV-Operation'
const STALLED = 'Nats-Consumer-Stalled'

export class KvWatch {
  readonly #options: KvWatchOptions
  readonly #prefix: string
  #subscription: Subscription | undefined
  #isStopped = false
  #isSynced = false
  /** Of the last message in this round. */
  #sequence = 0
  #heardMs = 0
  #cancel: () => void = () => {}

  constructor(options: KvWatchOptions) {
    this.#options = options
    this.#prefix = `$KV.${options.bucket}.`
    void this.#begin()
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel()
    this.#subscription?.unsubscribe()
  }

  async #begin(): Promise<void> {
    const { connection, manager, bucket, clock, watcher } = this.#options
    if (this.#isStopped || connection.isClosed()) return
    this.#isSynced = false
    this.#sequence = 0
    this.#heardMs = clock.monotonicMs()
    const inbox = createInbox()
    // The callback knows its round by the subscription: of an older one nothing counts any more.
    const subscription = connection.subscribe(inbox, { callback: (error, message) => this.#received(subscription, error, message) })
    this.#subscription = subscription
    watcher.round()
    try {
      const { num_pending: pending } = await manager.consumers.add(`KV_${bucket}`, {
        deliver_subject: inbox,
        deliver_policy: DeliverPolicy.LastPerSubject,
        filter_subject: `${this.#prefix}>`,
        ack_policy: AckPolicy.None,
        flow_control: true,
        idle_heartbeat: HEARTBEAT_MS * 1e6,
        mem_storage: true,
        num_replicas: 1,
      })
      if (this.#subscription !== subscription || this.#isStopped) return
      if (pending === 0) this.#sync()
      this.#watchSilence(subscription)
    } catch (error) {
      if (this.#subscription !== subscription || this.#isStopped) return
      this.stop()
      watcher.failed(error as Error)
    }
  }

  #received(subscription: Subscription, error: Error | null, message: Msg): void {
    if (subscription !== this.#subscription || this.#isStopped) return
    if (error !== null) return this.#over(subscription)
    this.#heardMs = this.#options.clock.monotonicMs()
    const { headers } = message
    if (headers !== undefined && headers.code === CONTROL_STATUS) {
      // Flow control: it goes on when it is answered.
      const stalled = headers.get(STALLED)
      if (stalled !== '') this.#options.connection.publish(stalled)
      else message.respond()
      return
    }
    const delivery = readDelivery(message.reply)
    // A status instead of a message says that the consumer is gone.
    if (delivery === undefined || delivery.sequence !== this.#sequence + 1) return this.#over(subscription)
    this.#sequence = delivery.sequence
    const isDeleted = (headers?.get(OPERATION) ?? '') !== ''
    this.#options.watcher.entry({ key: message.subject.slice(this.#prefix.length), value: isDeleted ? undefined : message.data, revision: delivery.revision })
    if (delivery.pending === 0) this.#sync()
  }

  #sync(): void {
    if (this.#isSynced) return
    this.#isSynced = true
    this.#options.watcher.synced()
  }

  #watchSilence(subscription: Subscription): void {
    const { clock } = this.#options
    this.#cancel = clock.after(HEARTBEAT_MS, () => {
      if (clock.monotonicMs() - this.#heardMs >= SILENCE_MS) this.#over(subscription)
      else this.#watchSilence(subscription)
    })
  }

  #over(subscription: Subscription): void {
    if (subscription !== this.#subscription || this.#isStopped) return
    this.#subscription = undefined
    this.#cancel()
    // Without interest the server drops the consumer by itself.
    subscription.unsubscribe()
    this.#cancel = this.#options.clock.after(AGAIN_MS, () => void this.#begin())
  }
}

interface Delivery {
  readonly revision: number
  /** Its place in this round, 1 and up. */
  readonly sequence: number
  readonly pending: number
}

/**
 * What the reply subject of a delivery says: `$JS.ACK.<stream>.<consumer>.<attempt>.<revision>.<sequence>.<time>.<pending>`, from newer
 * servers with domain and account before the stream and a random token at the end.
 */
export function readDelivery(reply: string | undefined): Delivery | undefined {
  const tokens = reply?.split('.') ?? []
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK' || tokens.length < 9) return undefined
  const at = tokens.length === 9 ? 4 : 6
  const [revision = '', sequence = '', pending = ''] = [tokens[at + 1], tokens[at + 2], tokens[at + 4]]
  return [revision, sequence, pending].every((number) => /^\d{1,15}$/.test(number)) ? { revision: Number(revision), sequence: Number(sequence), pending: Number(pending) } : undefined
}
