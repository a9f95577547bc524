// The flight recorder: the last runs that were routed, always on, in arrays that never grow.
//
// One entry per run, not per message, and no object per entry: recording is a few array stores.

/** One remembered run. */
export interface RecordedRun {
  /** Position since the start, from 0. */
  readonly seq: number
  readonly timeMicros: number
  readonly origin: number
  readonly firstId: number
  readonly kind: number
  readonly subject: string
  /** Messages in the run. */
  readonly count: number
  readonly bytes: number
  /** Receivers of each message; for groups and filters the sum over the run's messages. */
  readonly receivers: number
}

export class Recorder {
  readonly #mask: number
  readonly #times: Float64Array
  readonly #ids: Float64Array
  readonly #origins: Uint32Array
  readonly #kinds: Uint8Array
  readonly #counts: Uint32Array
  readonly #bytes: Uint32Array
  readonly #receivers: Uint32Array
  readonly #subjects: string[]
  #next = 0

  /** `entries` is a power of two. */
  constructor(entries: number) {
    this.#mask = entries - 1
    this.#times = new Float64Array(entries)
    this.#ids = new Float64Array(entries)
    this.#origins = new Uint32Array(entries)
    this.#kinds = new Uint8Array(entries)
    this.#counts = new Uint32Array(entries)
    this.#bytes = new Uint32Array(entries)
    this.#receivers = new Uint32Array(entries)
    this.#subjects = []
  }

  /** Position that the next run gets. */
  get next(): number {
    return this.#next
  }

  /** Position of the oldest run that is still known. */
  get oldest(): number {
    return Math.max(0, this.#next - this.#mask - 1)
  }

  record(timeMicros: number, origin: number, firstId: number, kind: number, subject: string, count: number, bytes: number, receivers: number): void {
    const at = this.#next++ & this.#mask
    this.#times[at] = timeMicros
    this.#ids[at] = firstId
    this.#origins[at] = origin
    this.#kinds[at] = kind
    this.#counts[at] = count
    this.#bytes[at] = bytes
    this.#receivers[at] = receivers
    this.#subjects[at] = subject
  }

  /** The run at a position; undefined when it is not known any more, or not yet. */
  at(seq: number): RecordedRun | undefined {
    if (seq < this.oldest || seq >= this.#next) return undefined
    const at = seq & this.#mask
    return {
      seq,
      timeMicros: this.#times[at]!,
      origin: this.#origins[at]!,
      firstId: this.#ids[at]!,
      kind: this.#kinds[at]!,
      subject: this.#subjects[at]!,
      count: this.#counts[at]!,
      bytes: this.#bytes[at]!,
      receivers: this.#receivers[at]!,
    }
  }
}
