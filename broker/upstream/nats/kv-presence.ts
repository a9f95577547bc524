// Presence of this broker among those that joined the same NATS servers: signs of life, the places of its clients, and
// who is where else.
//
//   callboard_presence   <broker>  {instance, name, …}            time to live 10 s, written every 3 s
//   callboard_clients    <client>  {broker, instance, principal…} time to live 1 h, written when it comes, and every 20 min
//
// A place counts while its broker gives signs of life: n clients cost n writes when they come, not every 3 s.

import { randomBytes } from 'node:crypto'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../../ground/clock.ts'
import type { PeerBroker, Presence, PresenceHost, PresentClient } from '../../ground/presence.ts'
import type { Log } from '../../ground/types.ts'
import type { BucketEntry } from './bucket-entry.ts'
import { KvBucket, type BucketSettings } from './kv-bucket.ts'
import { isStarted, PlaceClaims } from './place-claims.ts'
import { MAX_PLACES, Places } from './places.ts'
import { encodeSign, readPlace, readSign, type BrokerSign } from './presence-entries.ts'

/** How often a broker gives a sign of life, and without one for how long it, and all its clients, count as gone. */
export interface SignTiming {
  readonly everyMs: number
  readonly ttlMs: number
}

const signTiming: SignTiming = { everyMs: 3000, ttlMs: 10_000 }
/** An entry of a client that is not written again is gone: nobody has to clean up behind brokers that never come back. ms */
const PLACE_TTL_MS = 3_600_000

const SIGN_BUCKET = 'callboard_presence'
const placeBucket: BucketSettings = { name: 'callboard_clients', description: 'Callboard: which broker has which client', ttlMs: PLACE_TTL_MS, storage: 'memory', maxValueBytes: 2048 }

export interface KvPresenceOptions {
  readonly self: PeerBroker
  readonly host: PresenceHost
  readonly clock: Clock
  readonly log: Log
  /** Of the process of this broker before this one, whose signs these go on; default: its own. */
  readonly instance?: string | undefined
  /** The buckets are closed, though the connection is there: they have to be opened again. */
  readonly onTrouble: () => void
  /** default `signTiming` */
  readonly timing?: SignTiming
}

export class KvPresence implements Presence {
  readonly #self: BrokerSign
  readonly #options: KvPresenceOptions
  readonly #timing: SignTiming
  readonly #signs: KvBucket
  readonly #clients: KvBucket
  readonly #places: Places
  readonly #claims: PlaceClaims
  #isKnown = false
  #cancelSign: () => void = () => {}
  /** The sign that is on its way. */
  #signing: Promise<void> = Promise.resolve()
  #problem: string | undefined = 'not joined yet'
  /** Said since the buckets were opened. */
  readonly #warned = new Set<string>()

  constructor(options: KvPresenceOptions) {
    this.#options = options
    this.#self = { ...options.self, instance: options.instance ?? randomBytes(8).toString('hex') }
    const { everyMs, ttlMs } = (this.#timing = options.timing ?? signTiming)
    this.#places = new Places(options.self.broker, ttlMs)
    this.#signs = new KvBucket({ name: SIGN_BUCKET, description: `Callboard: which brokers are alive (a sign every ${everyMs} ms)`, ttlMs, storage: 'memory', maxValueBytes: 2048 }, options.clock)
    this.#clients = new KvBucket(placeBucket, options.clock)
    const { host, clock } = options
    this.#claims = new PlaceClaims({ self: this.#self, places: this.#places, bucket: this.#clients, host, clock, refreshAfterMs: PLACE_TTL_MS / 3, onProblem: (fields, text) => this.#warnOnce(fields, text) })
  }

  /** By which its signs of life are told from those of a copied home. */
  get instance(): string {
    return this.#self.instance
  }

  get isOpen(): boolean {
    return this.#clients.isOpen
  }

  /** Why nobody knows who is where, or what is wrong with it; undefined: nothing is. */
  get problem(): string | undefined {
    return this.#problem ?? (this.isKnown ? undefined : this.#places.isOverfull ? `there are more clients than the ${MAX_PLACES} that are remembered` : 'it is not known yet which broker has which client')
  }

  /** All that the others have told is read: who is not known is nowhere. */
  get isKnown(): boolean {
    // Its own sign of life must come back to it: where the buckets stand still, the others only seem to be dead.
    return this.#isKnown && !this.#places.isOverfull && this.#places.isAlive(this.#self.broker)
  }

  /** On how many servers it is kept; 0: not at all. */
  get replicas(): number {
    return this.#clients.replicas
  }

  /** The others that are alive. */
  peers(): PeerBroker[] {
    return this.#places.brokers().filter(({ broker }) => broker !== this.#self.broker)
  }

  /** Clients that others have. */
  get remoteClients(): number {
    let count = 0
    for (const place of this.#places.all()) if (place.broker !== this.#self.broker && this.#places.isLive(place)) count++
    return count
  }

  /**
   * Makes itself known through this connection, and gets to know the others.
   * @throws BrokerError `bus.no_bucket`
   */
  async open(connection: NatsConnection): Promise<void> {
    this.close('joining')
    this.#warned.clear()
    const failed = (error: Error): void => {
      this.close(`presence cannot be followed: ${error.message}`)
      this.#options.onTrouble()
    }
    try {
      await this.#signs.open(connection, { round() {}, entry: (entry) => this.#sign(entry), synced() {}, failed })
      await this.#signs.put(this.#self.broker, encodeSign(this.#self))
      await this.#clients.open(connection, { round: () => this.#beginRound(), entry: (entry) => this.#place(entry), synced: () => this.#synced(), failed })
      this.#problem = undefined
      this.#signLater()
    } catch (error) {
      this.close((error as Error).message)
      throw error
    }
  }

  /** The connection is gone. What is known stays until the brokers' time is over. */
  close(problem = 'the link was lost'): void {
    this.#problem = problem
    this.#isKnown = false
    this.#cancelSign()
    this.#claims.stop()
    this.#signs.close()
    this.#clients.close()
  }

  /** Says goodbye: the others know at once that nobody is here any more. */
  async leave(): Promise<void> {
    const { isOpen } = this.#signs
    this.#cancelSign()
    // One that comes after the goodbye would be a life after death.
    await this.#signing
    if (isOpen) await this.#signs.remove(this.#self.broker).catch(() => {})
    this.close('the broker ends')
  }

  subjectOf(kind: string, id: string): string | undefined {
    const place = this.#places.find(kind, id)
    if (place !== undefined) return place.broker === this.#self.broker ? undefined : `$CB.bus.${place.broker}.to.${kind}.${id}`
    return this.isKnown ? undefined : `$CB.to.${kind}.${id}`
  }

  holder(kind: 'client' | 'agent', id: string): string | undefined {
    const place = this.#places.find(kind, id)
    if (place === undefined || place.broker === this.#self.broker) return undefined
    return kind === 'agent' && isStarted(place.principal) ? undefined : place.principal
  }

  came(client: PresentClient): void {
    if (this.#clients.isOpen) this.#claims.changed(client.client, true)
  }

  left(client: string): void {
    if (this.#clients.isOpen) this.#claims.changed(client, false)
  }

  // Signs of life

  #signLater(): void {
    this.#cancelSign = this.#options.clock.after(this.#timing.everyMs, () => {
      this.#signing = this.#giveSign()
    })
  }

  async #giveSign(): Promise<void> {
    const { clock, host } = this.#options
    this.#signLater()
    if (this.#places.expire(clock.monotonicMs())) host.changed()
    this.#claims.refresh()
    try {
      await this.#signs.put(this.#self.broker, encodeSign(this.#self), undefined, this.#timing.everyMs)
    } catch (error) {
      this.#warnOnce({ err: error }, 'no sign of life could be given to the other brokers; it is tried again')
    }
  }

  #sign(entry: BucketEntry): void {
    const { clock, host } = this.#options
    const sign = readSign(entry)
    if (entry.value === undefined) {
      if (entry.key !== this.#self.broker && this.#places.forget(entry.key)) host.changed()
    } else if (sign === undefined) this.#warnOnce({ bucket: SIGN_BUCKET, key: entry.key }, 'not a sign of life of any broker')
    else if (this.#places.heard(sign, clock.monotonicMs())) {
      this.#meet(sign)
      host.changed()
    }
  }

  #meet(sign: BrokerSign): void {
    if (sign.broker !== this.#self.broker) {
      // Its clients' places may have been told before it was known to be alive.
      for (const place of this.#places.all()) if (place.broker === sign.broker) this.#claims.contend(place)
    } else if (sign.instance !== this.#self.instance && this.#isKnown) {
      const { host: machine, pid } = sign
      this.#problem = `another broker with the id ${sign.broker} runs at ${machine}, pid ${pid}: a copied home; give one of them a home of its own`
      this.#options.log.error({ broker: sign.broker, host: machine, pid }, this.#problem)
    }
  }

  // Places of clients

  #beginRound(): void {
    this.#isKnown = false
    this.#claims.pause()
    this.#places.beginRound()
  }

  #synced(): void {
    this.#places.endRound()
    this.#isKnown = true
    this.#claims.run()
    this.#options.host.changed()
  }

  #place(entry: BucketEntry): void {
    const { host } = this.#options
    const place = readPlace(entry)
    if (entry.value === undefined) {
      this.#places.remove(entry.key, entry.revision)
      // Not by this broker: it is here.
      if (host.client(entry.key) !== undefined) this.#claims.changed(entry.key, false)
    } else if (place === undefined) return this.#warnOnce({ bucket: placeBucket.name, key: entry.key }, 'not the place of any client')
    else {
      this.#places.put(place)
      if (place.broker !== this.#self.broker) this.#claims.contend(place)
    }
    host.changed()
  }

  // There may be ten thousand of them, or somebody who writes to the buckets what he likes.
  #warnOnce(fields: object, text: string): void {
    if (this.#warned.has(text)) return
    this.#warned.add(text)
    this.#options.log.warn(fields, text)
  }
}
