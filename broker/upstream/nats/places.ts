// Where clients are, as the buckets of presence have told so far: by client id, agent name and session. A place counts
// only while the broker that it names is alive, in the very start that wrote it. Knows no connection.

import type { BrokerSign, Place } from './presence-entries.ts'

/** Places that are remembered; beyond that who is not known may be anywhere. A place takes about 0.4 KiB. */
export const MAX_PLACES = 200_000

/** Brokers likewise; more do not share one set of servers. */
const MAX_BROKERS = 1024

interface Heard {
  readonly sign: BrokerSign
  readonly atMs: number
}

export class Places {
  readonly #own: string
  readonly #ttlMs: number
  readonly #max: number
  readonly #brokers = new Map<string, Heard>()
  readonly #clients = new Map<string, Place>()
  /** Brokers with the same configuration have agents of the same names. */
  readonly #agents = new Map<string, Place[]>()
  readonly #sessions = new Map<string, Place>()
  /** Keys told in the round that runs. */
  #round: Set<string> | undefined
  /** There was no room for all. */
  isOverfull = false

  /** `own`: the broker whose places nobody asks for here by agent or session. `ttlMs`: how long a broker counts as alive without a sign. */
  constructor(own: string, ttlMs: number, max = MAX_PLACES) {
    this.#own = own
    this.#ttlMs = ttlMs
    this.#max = max
  }

  get size(): number {
    return this.#clients.size
  }

  /** Those alive, as far as `expire()` has looked. */
  brokers(): BrokerSign[] {
    return Array.from(this.#brokers.values(), ({ sign }) => sign)
  }

  /** A sign of life; true when the broker, or this start of it, was not known. */
  heard(sign: BrokerSign, nowMs: number): boolean {
    const before = this.#brokers.get(sign.broker)
    if (before === undefined && this.#brokers.size >= MAX_BROKERS) return false
    this.#brokers.set(sign.broker, { sign, atMs: nowMs })
    return before?.sign.instance !== sign.instance
  }

  /** It has said goodbye, or its time is over. True when it counted as alive. */
  forget(broker: string): boolean {
    return this.#brokers.delete(broker)
  }

  /** Forgets the brokers of which nothing was heard for too long; true when there were some. */
  expire(nowMs: number): boolean {
    let isChanged = false
    for (const [broker, { atMs }] of this.#brokers) if (nowMs - atMs >= this.#ttlMs) isChanged = this.#brokers.delete(broker)
    return isChanged
  }

  isAlive(broker: string): boolean {
    return this.#brokers.has(broker)
  }

  isLive({ broker, instance }: Place): boolean {
    return this.#brokers.get(broker)?.sign.instance === instance
  }

  /** A place as it stands in the bucket, whether its broker lives or not. */
  client(id: string): Place | undefined {
    return this.#clients.get(id)
  }

  /** Where somebody is whose broker lives. */
  find(kind: string, id: string): Place | undefined {
    if (kind === 'agent') return this.#latestAgent(id)
    const place = kind === 'client' ? this.#clients.get(id) : kind === 'session' ? this.#sessions.get(id) : undefined
    return place !== undefined && this.isLive(place) ? place : undefined
  }

  all(): IterableIterator<Place> {
    return this.#clients.values()
  }

  /** Everything is told anew from now on. */
  beginRound(): void {
    this.#round = new Set()
    this.isOverfull = false
  }

  /** What was not told in this round is not there any more. */
  endRound(): void {
    const told = this.#round
    this.#round = undefined
    if (told !== undefined) for (const place of this.#clients.values()) if (!told.has(place.client)) this.#drop(place)
  }

  put(place: Place): void {
    const isFirst = this.#round !== undefined && !this.#round.has(place.client)
    const before = this.#clients.get(place.client)
    // What a round tells first is so, whatever was before: the bucket may be another one, which counts from 1.
    if (before !== undefined && before.revision > place.revision && !isFirst) return
    if (before === undefined && this.#clients.size >= this.#max) {
      this.isOverfull = true
      return
    }
    this.#round?.add(place.client)
    if (before !== undefined) this.#drop(before)
    this.#clients.set(place.client, place)
    if (place.broker === this.#own) return
    this.#sessions.set(place.session, place)
    if (place.agent === undefined) return
    const named = this.#agents.get(place.agent)
    if (named === undefined) this.#agents.set(place.agent, [place])
    else named.push(place)
  }

  remove(client: string, revision: number): void {
    const place = this.#clients.get(client)
    if (place !== undefined && place.revision <= revision) this.#drop(place)
  }

  #drop(place: Place): void {
    this.#clients.delete(place.client)
    if (this.#sessions.get(place.session) === place) this.#sessions.delete(place.session)
    const named = place.agent === undefined ? undefined : this.#agents.get(place.agent)
    const at = named?.indexOf(place) ?? -1
    if (named === undefined || at < 0) return
    named.splice(at, 1)
    if (named.length === 0) this.#agents.delete(place.agent!)
  }

  // Of several the one that came last.
  #latestAgent(name: string): Place | undefined {
    let latest: Place | undefined
    for (const place of this.#agents.get(name) ?? []) if (this.isLive(place) && place.revision > (latest?.revision ?? 0)) latest = place
    return latest
  }
}
