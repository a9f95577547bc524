// Presence of this broker among those that joined the same NATS servers: signs of life, the places of its clients, and
// who is where else.
//
//   callboard_presence   <broker>  {instance, name, …}            time to live 10 s, written every 3 s
//   callboard_clients    <client>  {broker, instance, principal…} time to live 1 h, written when it comes, and every 20 min
//
// A place counts while its broker gives signs of life: n clients cost n writes when they come, not every 3 s. A client's
// entry is changed by compare-and-set alone, so of two brokers that have the same id one knows that it came later.

import { randomBytes } from 'node:crypto'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../../ground/clock.ts'
import type { PeerBroker, Presence, PresenceHost, PresentClient } from '../../ground/presence.ts'
import type { Log } from '../../ground/types.ts'
import type { BucketEntry } from './bucket-entry.ts'
import { KvBucket, type BucketSettings } from './kv-bucket.ts'
import { MAX_PLACES, Places } from './places.ts'
import { encodePlace, encodeSign, readPlace, readSign, type BrokerSign, type Place } from './presence-entries.ts'

/** How often a broker gives a sign of life, and without one for how long it, and all its clients, count as gone. */
export interface SignTiming {
  readonly everyMs: number
  readonly ttlMs: number
}

export const signTiming: SignTiming = { everyMs: 3000, ttlMs: 10_000 }
/** An entry of a client that is not written again is gone: nobody has to clean up behind brokers that never come back. ms */
const PLACE_TTL_MS = 3_600_000
/** ms */
const REFRESH_AFTER_MS = PLACE_TTL_MS / 3
/** Writes of places under way at a time. */
const MAX_WRITES = 64
/** A write that failed is tried again so much later. ms */
const RETRY_MS = 1000

const SIGN_BUCKET = 'callboard_presence'
const placeBucket: BucketSettings = { name: 'callboard_clients', description: 'Callboard: which broker has which client', ttlMs: PLACE_TTL_MS, storage: 'memory', maxValueBytes: 2048 }

export interface KvPresenceOptions {
  readonly self: PeerBroker
  readonly host: PresenceHost
  readonly clock: Clock
  readonly log: Log
  /** The buckets are closed, though the connection is there: they have to be opened again. */
  readonly onTrouble: () => void
  /** default `signTiming` */
  readonly timing?: SignTiming
}

/** What this broker has written of a client. */
interface Claim {
  readonly session: string
  readonly revision: number
  readonly atMs: number
}

export class KvPresence implements Presence {
  readonly #self: BrokerSign
  readonly #options: KvPresenceOptions
  readonly #timing: SignTiming
  readonly #signs: KvBucket
  readonly #clients: KvBucket
  readonly #places: Places
  /** By client, the one written longest ago first. */
  readonly #claims = new Map<string, Claim>()
  /** Clients whose entry may have to change; true: it has just come, and is the one. */
  readonly #dirty = new Map<string, boolean>()
  /** The same for those whose write has failed. */
  readonly #failed = new Map<string, boolean>()
  #writes = 0
  #isKnown = false
  #cancelSign: () => void = () => {}
  /** The sign that is on its way. */
  #signing: Promise<void> = Promise.resolve()
  #cancelRetry: (() => void) | undefined
  #problem: string | undefined = 'not joined yet'

  constructor(options: KvPresenceOptions) {
    this.#options = options
    this.#self = { ...options.self, instance: randomBytes(8).toString('hex') }
    const { everyMs, ttlMs } = (this.#timing = options.timing ?? signTiming)
    this.#places = new Places(options.self.broker, ttlMs)
    this.#signs = new KvBucket({ name: SIGN_BUCKET, description: `Callboard: which brokers are alive (a sign every ${everyMs} ms)`, ttlMs, storage: 'memory', maxValueBytes: 2048 }, options.clock)
    this.#clients = new KvBucket(placeBucket, options.clock)
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
    const failed = (error: Error): void => {
      this.close(`presence cannot be followed: ${error.message}`)
      this.#options.onTrouble()
    }
    try {
      await this.#signs.open(connection, { round() {}, entry: (entry) => this.#sign(entry), synced() {}, failed })
      await this.#signs.put(this.#self.broker, encodeSign(this.#self))
      await this.#clients.open(connection, { round: () => this.#beginRound(), entry: (entry) => this.#place(entry), synced: () => this.#synced(), failed })
      this.#problem = undefined
      this.#cancelSign = this.#options.clock.after(this.#timing.everyMs, () => (this.#signing = this.#giveSign()))
    } catch (error) {
      this.close((error as Error).message)
      throw error
    }
  }

  /** The connection is gone. What is known stays until the brokers' time is over. */
  close(problem = 'the link is down'): void {
    this.#problem = problem
    this.#isKnown = false
    this.#cancelSign()
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    this.#dirty.clear()
    this.#failed.clear()
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
    if (this.#clients.isOpen) this.#changed(client.client, true)
  }

  left(client: string): void {
    if (this.#clients.isOpen) this.#changed(client, false)
  }

  // Signs of life

  async #giveSign(): Promise<void> {
    const { clock, host, log } = this.#options
    this.#cancelSign = clock.after(this.#timing.everyMs, () => (this.#signing = this.#giveSign()))
    if (this.#places.expire(clock.monotonicMs())) host.changed()
    this.#refresh()
    try {
      await this.#signs.put(this.#self.broker, encodeSign(this.#self), undefined, this.#timing.everyMs)
    } catch (error) {
      log.warn({ err: error }, 'no sign of life could be given to the other brokers')
    }
  }

  #sign(entry: BucketEntry): void {
    const { clock, host, log } = this.#options
    const sign = readSign(entry)
    if (entry.value === undefined) {
      if (entry.key !== this.#self.broker && this.#places.forget(entry.key)) host.changed()
    } else if (sign === undefined) log.warn({ bucket: SIGN_BUCKET, key: entry.key }, 'not a sign of life of any broker')
    else if (this.#places.heard(sign, clock.monotonicMs())) {
      this.#meet(sign)
      host.changed()
    }
  }

  #meet(sign: BrokerSign): void {
    if (sign.broker !== this.#self.broker) {
      // Its clients' places may have been told before it was known to be alive.
      for (const place of this.#places.all()) if (place.broker === sign.broker) this.#contend(place)
    } else if (sign.instance !== this.#self.instance && this.#isKnown) {
      const { host: machine, pid } = sign
      this.#problem = `another broker with the id ${sign.broker} runs at ${machine}, pid ${pid}: a copied home; give one of them a home of its own`
      this.#options.log.error({ broker: sign.broker, host: machine, pid }, this.#problem)
    }
  }

  // Places of clients

  #beginRound(): void {
    this.#isKnown = false
    this.#places.beginRound()
  }

  #synced(): void {
    const { host } = this.#options
    this.#places.endRound()
    this.#isKnown = true
    // What was written while this broker was away, by it or by others.
    for (const { client } of host.clients()) this.#changed(client, this.#dirty.get(client) ?? false)
    for (const { client, broker } of this.#places.all()) if (broker === this.#self.broker && host.client(client) === undefined) this.#changed(client, false)
    host.changed()
  }

  #place(entry: BucketEntry): void {
    const { host, log } = this.#options
    const place = readPlace(entry)
    if (entry.value === undefined) {
      this.#places.remove(entry.key, entry.revision)
      // Not by this broker: it is here.
      if (host.client(entry.key) !== undefined) this.#changed(entry.key, false)
    } else if (place === undefined) return log.warn({ bucket: placeBucket.name, key: entry.key }, 'not the place of any client')
    else {
      this.#places.put(place)
      if (place.broker !== this.#self.broker) this.#contend(place)
    }
    host.changed()
  }

  // A place at another broker, whose id or agent name somebody here has too.
  #contend(place: Place): void {
    if (!this.#places.isLive(place)) return
    const { host } = this.#options
    const claim = this.#claims.get(place.client)
    const own = host.client(place.client)
    if (own !== undefined && claim !== undefined && claim.session === own.session && claim.revision < place.revision) {
      this.#claims.delete(place.client)
      host.end(own, own.principal === place.principal ? 'session.taken_over' : 'session.id_taken')
    }
    const agent = place.agent === undefined ? undefined : host.agent(place.agent)
    if (agent !== undefined && agent.client !== place.client) this.#contendAgent(agent, place)
  }

  // An agent's name has no entry of its own: of two clients with it the one whose entry is the later has it, or is refused.
  #contendAgent(own: PresentClient, place: Place): void {
    if (isStarted(own.principal) || isStarted(place.principal)) return
    const revision = this.#claims.get(own.client)?.revision
    if (revision === undefined) return
    const isSame = own.principal === place.principal
    if (isSame && revision < place.revision) this.#options.host.end(own, 'session.taken_over')
    else if (!isSame && revision > place.revision) this.#options.host.end(own, 'session.id_taken')
  }

  #changed(client: string, isFresh: boolean): void {
    this.#dirty.set(client, isFresh)
    this.#work()
  }

  #work(): void {
    if (!this.#isKnown) return
    for (const [client, isFresh] of this.#dirty) {
      if (this.#writes >= MAX_WRITES) return
      this.#dirty.delete(client)
      this.#writes++
      void this.#settle(client, isFresh).finally(() => {
        this.#writes--
        this.#work()
      })
    }
  }

  // Makes the entry of one client say what is so.
  async #settle(client: string, isFresh: boolean): Promise<void> {
    const { host, log, clock } = this.#options
    try {
      const own = host.client(client)
      const seen = this.#places.client(client)
      const isOurs = seen?.broker === this.#self.broker && seen.instance === this.#self.instance
      if (own === undefined) {
        this.#claims.delete(client)
        if (seen?.broker === this.#self.broker && !(await this.#clients.remove(client, seen.revision))) await this.#look(client)
        return
      }
      if (isOurs && seen.session === own.session && !this.#isOld(client)) return this.#claimed(own, seen.revision)
      if (seen !== undefined && seen.broker !== this.#self.broker && this.#places.isLive(seen)) {
        if (seen.principal !== own.principal) return host.end(own, 'session.id_taken')
        // Both were there before they knew of each other: who came later has it.
        if (!isFresh && seen.sinceMs > own.sinceMs) return host.end(own, 'session.taken_over')
      }
      const revision = await this.#clients.put(client, encodePlace(this.#self.broker, this.#self.instance, own), seen?.revision ?? 0)
      if (revision !== undefined) {
        this.#places.put({ ...own, broker: this.#self.broker, instance: this.#self.instance, revision })
        this.#claims.delete(client)
        this.#claimed(own, revision)
        // It may have left, or come again, while it was written.
        if (host.client(client)?.session !== own.session) this.#changed(client, isFresh)
      } else await this.#look(client, isFresh)
    } catch (error) {
      if (!this.#clients.isOpen) return
      log.warn({ client, err: error }, 'the place of a client could not be written')
      this.#failed.set(client, isFresh)
      this.#cancelRetry ??= clock.after(RETRY_MS, () => this.#retry())
    }
  }

  #retry(): void {
    this.#cancelRetry = undefined
    for (const [client, isFresh] of this.#failed) this.#dirty.set(client, this.#dirty.get(client) ?? isFresh)
    this.#failed.clear()
    this.#work()
  }

  // Somebody was faster, or it is deleted in a revision that is not known here.
  async #look(client: string, isFresh = false): Promise<void> {
    const entry = await this.#clients.get(client)
    const place = entry && readPlace(entry)
    if (place !== undefined) this.#places.put(place)
    else if (entry !== undefined) {
      this.#places.remove(client, entry.revision)
      await this.#overwrite(client, entry.revision)
      return
    } else this.#places.remove(client, Infinity)
    this.#changed(client, isFresh)
  }

  // A deleted entry, or one that nobody can read.
  async #overwrite(client: string, before: number): Promise<void> {
    const own = this.#options.host.client(client)
    if (own === undefined) return
    const revision = await this.#clients.put(client, encodePlace(this.#self.broker, this.#self.instance, own), before)
    if (revision === undefined) return this.#changed(client, true)
    this.#places.put({ ...own, broker: this.#self.broker, instance: this.#self.instance, revision })
    this.#claims.delete(client)
    this.#claimed(own, revision)
  }

  #claimed({ client, session, agent }: PresentClient, revision: number): void {
    const atMs = this.#claims.get(client)?.atMs ?? this.#options.clock.monotonicMs()
    this.#claims.set(client, { session, revision, atMs })
    // Another broker's write may have been told before this one was confirmed.
    const latest = this.#places.client(client)
    if (latest !== undefined && latest.broker !== this.#self.broker) this.#contend(latest)
    const other = agent === undefined ? undefined : this.#places.find('agent', agent)
    const own = this.#options.host.client(client)
    if (other !== undefined && own !== undefined && other.client !== client) this.#contendAgent(own, other)
  }

  #isOld(client: string): boolean {
    const claim = this.#claims.get(client)
    return claim !== undefined && this.#options.clock.monotonicMs() - claim.atMs >= REFRESH_AFTER_MS
  }

  #refresh(): void {
    const nowMs = this.#options.clock.monotonicMs()
    for (const [client, { atMs }] of this.#claims) {
      if (nowMs - atMs < REFRESH_AFTER_MS) return
      this.#changed(client, false)
    }
  }
}

/** Of an agent that its broker started: each broker has its own of that name, and they do not take each other over. */
function isStarted(principal: string): boolean {
  return principal.startsWith('agent:')
}
