// What waits in a queue, known without asking Kafka: sizes, times and who has it; of frames as many as fit into a share of memory.
// Says which message is handed out next. Pure: times come from the caller.

import type { Kept } from '../brokered/foreign-queue.ts'
import { Times } from '../brokered/times.ts'
import type { RangeSet } from './range-set.ts'

export interface Shelved {
  readonly position: number
  readonly bytes: number
  readonly storedAtMs: number
  /** undefined: it must be read again. */
  kept: Kept | undefined
  /** Not handed out before. Milliseconds since the epoch */
  dueAtMs: number
  /** `taken`: about to be handed out. `back`: given back since. */
  state: 'free' | 'taken' | 'out' | 'back'
}

/** Frames that are kept in memory, of one queue. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024

export class Shelf {
  readonly #entries = new Map<number, Shelved>()
  readonly #settled: () => RangeSet
  /** Those whose time comes later, and those below the cursor that may be handed out (again), each in order. */
  readonly #later = new Times(Infinity)
  readonly #again = new Times(Infinity)
  /** From there on nothing was looked at. */
  #cursor = 1
  #last = 0
  #keptBytes = 0
  bytes = 0
  outCount = 0
  backCount = 0

  constructor(settled: () => RangeSet) {
    this.#settled = settled
  }

  get size(): number {
    return this.#entries.size
  }

  get(position: number): Shelved | undefined {
    return this.#entries.get(position)
  }

  /** In order of position. */
  put(kept: Kept, dueAtMs: number): void {
    const { position, storedAtMs, frame } = kept
    const entry: Shelved = { position, bytes: frame.length, storedAtMs, kept: undefined, dueAtMs, state: 'free' }
    this.#entries.set(position, entry)
    this.#last = position
    this.bytes += entry.bytes
    this.keep(entry, kept)
  }

  /** Where there is room. */
  keep(entry: Shelved, kept: Kept): void {
    if (entry.kept !== undefined || this.#keptBytes + entry.bytes > MAX_KEPT_BYTES) return
    entry.kept = kept
    this.#keptBytes += entry.bytes
  }

  remove(position: number): void {
    const entry = this.#entries.get(position)
    if (entry === undefined) return
    this.move(entry, 'free')
    this.#entries.delete(position)
    this.bytes -= entry.bytes
    if (entry.kept !== undefined) this.#keptBytes -= entry.bytes
  }

  move(entry: Shelved, state: Shelved['state']): void {
    this.outCount += Number(state === 'out') - Number(entry.state === 'out')
    this.backCount += Number(state === 'back') - Number(entry.state === 'back')
    entry.state = state
  }

  /** It may be handed out again at that time. */
  return(entry: Shelved, state: 'free' | 'back', dueAtMs: number): void {
    this.move(entry, state)
    entry.dueAtMs = dueAtMs
    if (dueAtMs > 0) this.#later.add(dueAtMs, entry.position)
    else this.#again.add(entry.position, entry.position)
  }

  /** The first one that may be handed out, `taken` from now on. */
  take(nowMs: number): Shelved | undefined {
    for (const position of this.#later.due(nowMs)) this.#again.add(position, position)
    while (this.#again.nextMs < Infinity) {
      const [position] = this.#again.due(this.#again.nextMs)
      const entry = this.#entries.get(position!)
      if (entry !== undefined && isFree(entry) && entry.dueAtMs <= nowMs) return this.#taken(entry)
    }
    for (let position = this.#settled().nextFree(this.#cursor); position <= this.#last; position = this.#settled().nextFree(position + 1)) {
      this.#cursor = position + 1
      const entry = this.#entries.get(position)
      if (entry === undefined || !isFree(entry)) continue
      if (entry.dueAtMs <= nowMs) return this.#taken(entry)
      this.#later.add(entry.dueAtMs, position)
    }
    return undefined
  }

  /** When `take` may have one though nothing else happens; Infinity: never. Milliseconds since the epoch */
  get nextMs(): number {
    return this.#later.nextMs
  }

  /** Those above that position, in order, at most so many. */
  after(position: number, limit: number): Shelved[] {
    const found: Shelved[] = []
    for (let at = this.#settled().nextFree(position + 1); at <= this.#last && found.length < limit; at = this.#settled().nextFree(at + 1)) {
      const entry = this.#entries.get(at)
      if (entry !== undefined) found.push(entry)
    }
    return found
  }

  #taken(entry: Shelved): Shelved {
    this.move(entry, 'taken')
    return entry
  }
}

function isFree({ state }: Shelved): boolean {
  return state === 'free' || state === 'back'
}
