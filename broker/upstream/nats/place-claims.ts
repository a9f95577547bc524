// Makes the entries of this broker's clients say what is so, and ends clients whose name somebody has elsewhere by right.
//
//   came, left, a round told ──▶ dirty ── one of 64 writes at a time ──▶ entry written, deleted, or somebody was faster: look again
//
// An entry is changed by compare-and-set alone, so of two brokers that have the same client the later writer knows that it
// is later, and the watch tells the earlier one.

import type { Clock } from '../../ground/clock.ts'
import type { PresenceHost, PresentClient } from '../../ground/presence.ts'
import type { KvBucket } from './kv-bucket.ts'
import type { Places } from './places.ts'
import { encodePlace, readPlace, type BrokerSign, type Place } from './presence-entries.ts'

export interface PlaceClaimsOptions {
  readonly self: BrokerSign
  readonly places: Places
  readonly bucket: KvBucket
  readonly host: PresenceHost
  readonly clock: Clock
  /** An entry is written again after so long. ms */
  readonly refreshAfterMs: number
  readonly onProblem: (fields: object, text: string) => void
}

/** Writes under way at a time. */
const MAX_WRITES = 64
/** A write that failed is tried again so much later. ms */
const RETRY_MS = 1000

/** What this broker has written of a client. */
interface Claim {
  readonly session: string
  readonly revision: number
  readonly atMs: number
}

export class PlaceClaims {
  readonly #options: PlaceClaimsOptions
  /** By client, the one written longest ago first. */
  readonly #claims = new Map<string, Claim>()
  /** Clients whose entry may have to change; true: it has just come, and is the one. */
  readonly #dirty = new Map<string, boolean>()
  /** The same for those whose write has failed. */
  readonly #failed = new Map<string, boolean>()
  #writes = 0
  #isRunning = false
  #cancelRetry: (() => void) | undefined

  constructor(options: PlaceClaimsOptions) {
    this.#options = options
  }

  /** All entries are known: what differs is written from now on. */
  run(): void {
    const { host, places, self } = this.#options
    this.#isRunning = true
    // What was written while this broker was away, by it or by others.
    for (const { client } of host.clients()) this.changed(client, this.#dirty.get(client) ?? false)
    for (const { client, broker } of places.all()) if (broker === self.broker && host.client(client) === undefined) this.changed(client, false)
  }

  /** The entries are not known, until `run()`; what changes meanwhile is remembered. */
  pause(): void {
    this.#isRunning = false
  }

  /** Nothing can be written, and what there is to write is found out anew. */
  stop(): void {
    this.pause()
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    this.#dirty.clear()
    this.#failed.clear()
  }

  /** A client came (`isFresh`: just now, so it is the one), left, or its entry is not what it was. */
  changed(client: string, isFresh: boolean): void {
    this.#dirty.set(client, isFresh)
    this.#work()
  }

  /** Entries that would expire are written again. */
  refresh(): void {
    for (const client of this.#claims.keys()) {
      if (!this.#isOld(client)) return
      this.changed(client, false)
    }
  }

  /** A place at another broker, whose client id or agent name somebody here may have too. */
  contend(place: Place): void {
    const { host, places } = this.#options
    if (!places.isLive(place)) return
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

  #work(): void {
    if (!this.#isRunning) return
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

  async #settle(client: string, isFresh: boolean): Promise<void> {
    const { bucket, clock, onProblem } = this.#options
    try {
      await this.#judge(client, isFresh)
    } catch (error) {
      if (!bucket.isOpen) return
      onProblem({ client, err: error }, 'the place of a client could not be written; it is tried again')
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

  // Makes the entry of one client say what is so.
  async #judge(client: string, isFresh: boolean): Promise<void> {
    const { host, places, bucket, self } = this.#options
    const own = host.client(client)
    const seen = places.client(client)
    if (own === undefined) {
      this.#claims.delete(client)
      if (seen?.broker === self.broker && !(await bucket.remove(client, seen.revision))) await this.#look(client, false)
      return
    }
    if (seen?.broker !== self.broker) {
      if (seen !== undefined && places.isLive(seen)) {
        if (seen.principal !== own.principal) return host.end(own, 'session.id_taken')
        // Both were there before they knew of each other: who came later has it.
        if (!isFresh && seen.sinceMs > own.sinceMs) return host.end(own, 'session.taken_over')
      }
    } else if (seen.instance === self.instance && seen.session === own.session && !this.#isOld(client)) return this.#claimed(own, seen.revision)
    await this.#write(own, seen?.revision ?? 0, isFresh)
  }

  async #write(own: PresentClient, expected: number, isFresh: boolean): Promise<void> {
    const { host, places, bucket, self } = this.#options
    const { client } = own
    const revision = await bucket.put(client, encodePlace(self.broker, self.instance, own), expected)
    if (revision === undefined) return this.#look(client, isFresh)
    places.put({ ...own, broker: self.broker, instance: self.instance, revision })
    this.#claims.delete(client)
    this.#claimed(own, revision)
    // It may have left, or come again, while it was written.
    if (host.client(client)?.session !== own.session) this.changed(client, isFresh)
  }

  // Somebody was faster, or it is deleted in a revision that is not known here.
  async #look(client: string, isFresh: boolean): Promise<void> {
    const { host, places, bucket } = this.#options
    const entry = await bucket.get(client)
    const place = entry && readPlace(entry)
    if (place !== undefined) places.put(place)
    else places.remove(client, entry?.revision ?? Infinity)
    const own = host.client(client)
    // A deleted entry, or one that nobody can read, is written over in the revision that it has.
    if (own !== undefined && entry !== undefined && place === undefined) await this.#write(own, entry.revision, isFresh)
    else if (own !== undefined || place !== undefined) this.changed(client, isFresh)
  }

  #claimed({ client, session, agent }: PresentClient, revision: number): void {
    const { host, places, self, clock } = this.#options
    const atMs = this.#claims.get(client)?.atMs ?? clock.monotonicMs()
    this.#claims.set(client, { session, revision, atMs })
    // Another broker's write may have been told before this one was confirmed.
    const latest = places.client(client)
    if (latest !== undefined && latest.broker !== self.broker) this.contend(latest)
    const other = agent === undefined ? undefined : places.find('agent', agent)
    const own = host.client(client)
    if (other !== undefined && own !== undefined && other.client !== client) this.#contendAgent(own, other)
  }

  #isOld(client: string): boolean {
    const claim = this.#claims.get(client)
    return claim !== undefined && this.#options.clock.monotonicMs() - claim.atMs >= this.#options.refreshAfterMs
  }
}

/** Of an agent that its broker started: each broker has its own of that name, and they do not take each other over. */
export function isStarted(principal: string): boolean {
  return principal.startsWith('agent:')
}
