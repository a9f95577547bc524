// Asks a pull consumer of JetStream for as many messages as are wanted. Requests end by themselves after a short time, so that what is
// not wanted any more need not be taken back: to leave the inbox would do that, but a message on its way there would be nobody's
// until the consumer's ack wait is over (seen here, about once in 300 times).
//
//   want(5) ─▶ pull of 5 ─▶ 2 arrive ─▶ want(3): as it is    want(1): up to 3 may arrive    want(7): pull of 4

import { createInbox, nanos, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node'

/** A request that nothing was found for is asked again. ms */
const EXPIRES_MS = 2000
/** Of one broker; see `max_waiting` of the consumer. */
const MAX_PULLS = 500
/** Between two tries while the consumer cannot be asked. ms */
const RETRY_MS = 250

export class Pulls {
  readonly #connection: NatsConnection
  readonly #subject: string
  readonly #onMessage: (message: Msg) => void
  #inbox: Subscription | undefined
  readonly #draining = new Set<Promise<void>>()
  #wanted = 0
  /** Messages that the server still owes to this inbox. */
  #owed = 0
  #pulls = 0
  #askedAtMs = 0
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  /** @param subject of the consumer's `MSG.NEXT` */
  constructor(connection: NatsConnection, subject: string, onMessage: (message: Msg) => void) {
    this.#connection = connection
    this.#subject = subject
    this.#onMessage = onMessage
  }

  want(count: number): void {
    if (this.#isStopped) return
    this.#wanted = count
    if (this.#owed >= count) return
    if (this.#pulls >= MAX_PULLS) this.#leave()
    this.#pull(count - this.#owed)
  }

  /** The connection was lost and is there again, or the consumer has another leader: what was asked for is forgotten there. */
  renew(): void {
    this.#leave()
    if (this.#wanted > 0 && !this.#isStopped) this.#pull(this.#wanted)
  }

  /** Nothing comes any more when it resolves. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#wanted = 0
    clearTimeout(this.#timer)
    this.#leave()
    await Promise.allSettled(this.#draining)
  }

  #pull(count: number): void {
    const inbox = (this.#inbox ??= this.#enter())
    try {
      this.#connection.publish(this.#subject, JSON.stringify({ batch: count, expires: nanos(EXPIRES_MS) }), { reply: inbox.getSubject() })
    } catch {
      return this.#retry()
    }
    this.#owed += count
    this.#pulls++
    this.#askedAtMs = performance.now()
    this.#timer ??= setTimeout(() => this.#check(), EXPIRES_MS + RETRY_MS)
  }

  #enter(): Subscription {
    const subscription: Subscription = this.#connection.subscribe(createInbox(), { callback: (_, message) => this.#came(message, subscription) })
    return subscription
  }

  // What is on its way to the old inbox still arrives.
  #leave(): void {
    const old = this.#inbox
    this.#inbox = undefined
    this.#owed = 0
    this.#pulls = 0
    if (old === undefined) return
    const drained: Promise<void> = old.drain().catch(() => {}).finally(() => this.#draining.delete(drained))
    this.#draining.add(drained)
  }

  #came(message: Msg, from: Subscription): void {
    const isCurrent = from === this.#inbox
    const status = message.headers?.code ?? 0
    if (status === 0 || message.reply?.startsWith('$JS.ACK.') === true) {
      if (isCurrent) {
        this.#owed = Math.max(0, this.#owed - 1)
        this.#wanted = Math.max(0, this.#wanted - 1)
        if (this.#owed === 0) this.#pulls = 0
      }
      return this.#onMessage(message)
    }
    // 408: the request's time is over. Others: it was refused, or the consumer moves.
    if (isCurrent) this.#ended(status === 408 ? message : undefined)
  }

  #ended(over: Msg | undefined): void {
    if (over === undefined) return this.#retry()
    const left = Number(over.headers!.get('Nats-Pending-Messages'))
    this.#owed = Number.isSafeInteger(left) && left > 0 ? Math.max(0, this.#owed - left) : 0
    this.#pulls = Math.max(0, this.#pulls - 1)
    this.want(this.#wanted)
  }

  #retry(): void {
    this.#leave()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.renew()
    }, RETRY_MS)
  }

  // A request that was lost is never answered: after its time it is asked again.
  #check(): void {
    this.#timer = undefined
    if (this.#isStopped || this.#owed === 0) return
    const silentMs = performance.now() - this.#askedAtMs
    if (silentMs < EXPIRES_MS) this.#timer = setTimeout(() => this.#check(), EXPIRES_MS + RETRY_MS - silentMs)
    else this.renew()
  }
}
