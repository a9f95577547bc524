// How much waits for the store, of all queues together, and who is not read until it is less.
//
//   0 ────────── low-water ────────── high-water ──▶ feeders are paused … until it is below low-water again

/** Whoever publishes to queues. */
export interface Feeder {
  pause(): void
  resume(): void
}

/** Above either, feeders are paused; below half of both, they go on. Memory is what is at stake: a disk that stalls for a second takes 64 MiB at most, and what sockets had read. */
const HIGH_BYTES = 64 * 1024 * 1024
const HIGH_MESSAGES = 100_000

export class StoreLoad {
  readonly #highBytes: number
  readonly #highMessages: number
  readonly #feeders = new Set<Feeder>()
  bytes = 0
  messages = 0

  constructor(highBytes = HIGH_BYTES, highMessages = HIGH_MESSAGES) {
    this.#highBytes = highBytes
    this.#highMessages = highMessages
  }

  get isHigh(): boolean {
    return this.bytes >= this.#highBytes || this.messages >= this.#highMessages
  }

  /** How many are paused. */
  get held(): number {
    return this.#feeders.size
  }

  add(bytes: number, messages: number): void {
    this.bytes += bytes
    this.messages += messages
  }

  done(bytes: number, messages: number): void {
    this.bytes -= bytes
    this.messages -= messages
    if (this.#feeders.size > 0 && this.bytes < this.#highBytes / 2 && this.messages < this.#highMessages / 2) this.#release()
  }

  /** Not read until the store has caught up. Whatever the feeder itself has not read: the store waits for no client, so nobody waits in a circle. */
  hold(feeder: Feeder): void {
    if (this.#feeders.has(feeder)) return
    this.#feeders.add(feeder)
    feeder.pause()
  }

  /** It is gone. */
  forget(feeder: Feeder): void {
    this.#feeders.delete(feeder)
  }

  #release(): void {
    const feeders = [...this.#feeders]
    this.#feeders.clear()
    for (const feeder of feeders) feeder.resume()
  }
}
