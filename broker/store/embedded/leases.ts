// What is on lease in one queue: in memory alone, as leases end with the process. Times are on the monotonic clock.

export interface Lease {
  readonly position: number
  readonly attempt: number
  readonly bytes: number
  readonly session: string | null
  readonly sequence: number
  readonly expires_at: number
  readonly stored_at: number
  /** When it began, or `working` was said last. */
  sinceMs: number
}

export class Leases {
  /** The one that began first comes first. */
  readonly #leases = new Map<number, Lease>()
  /** What the transaction that is under way did, in order, so that it can be undone. */
  readonly #added: Lease[] = []
  readonly #removed: Lease[] = []

  get size(): number {
    return this.#leases.size
  }

  /** Those that the transaction that is under way has added. */
  get begun(): number {
    return this.#added.length
  }

  has(position: number): boolean {
    return this.#leases.has(position)
  }

  /** The lease, when it is held. */
  find(position: number, attempt: number): Lease | undefined {
    const lease = this.#leases.get(position)
    return lease?.attempt === attempt ? lease : undefined
  }

  values(): IterableIterator<Lease> {
    return this.#leases.values()
  }

  add(lease: Lease): void {
    this.#leases.set(lease.position, lease)
    this.#added.push(lease)
  }

  remove(lease: Lease): void {
    this.#leases.delete(lease.position)
    this.#removed.push(lease)
  }

  /** Its ack wait begins anew. */
  renew(lease: Lease, nowMs: number): void {
    lease.sinceMs = nowMs
    this.#leases.delete(lease.position)
    this.#leases.set(lease.position, lease)
  }

  /** Since when the oldest is held; Infinity: none is. */
  get oldestMs(): number {
    for (const { sinceMs } of this.#leases.values()) return sinceMs
    return Infinity
  }

  /** At most `limit` that are held since then or longer. */
  heldSince(ms: number, limit: number): Lease[] {
    const overdue: Lease[] = []
    for (const lease of this.#leases.values()) {
      if (lease.sinceMs > ms || overdue.length >= limit) break
      overdue.push(lease)
    }
    return overdue
  }

  committed(): void {
    this.#added.length = this.#removed.length = 0
  }

  /** Undoes what was added and removed since the last commit. Gives how many were added. */
  rolledBack(): number {
    const added = new Set(this.#added)
    // One that was added and removed within the transaction was not there before.
    const removed = this.#removed.filter((lease) => !added.has(lease))
    const count = this.untold().length
    for (const lease of removed) this.#leases.set(lease.position, lease)
    return count
  }

  /** The database has what was done since the last commit, and nobody hears of it: undoes what was added, and gives it. */
  untold(): Lease[] {
    const added = [...new Set(this.#added)]
    for (const { position } of added) this.#leases.delete(position)
    this.committed()
    return added
  }
}
