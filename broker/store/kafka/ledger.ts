// What became of the messages of a queue, told by its journal from the first event to the last. Every reader comes to the same: who owns the
// queue is decided by the order of the journal alone. Pure.
//
//   claim ─▶ out, done, back, dead, dug, note … of its owner, others are passed over ─▶ next claim
//
// A claim holds when nothing stands between it and what the claimer had read: two who claim at once cannot both have it.

import { RangeSet } from './range-set.ts'

/** What stands in the journal. `by`: the opening of the queue that wrote it. Lists are of positions unless they say more. */
export type JournalEvent = { readonly by: string } & (
  /** `at`: the offset at which it was to stand. */
  | { readonly claim: string; readonly at: number }
  | { readonly beat: true }
  | { readonly free: true }
  | { readonly out: readonly number[] }
  | { readonly done: readonly number[] }
  /** Position and when it is due again. */
  | { readonly back: readonly [number, number] }
  /** Position, offset in the topic of dead letters, bytes, when. */
  | { readonly dead: Buried }
  | { readonly dug: readonly number[] }
  /** Broker and text. */
  | { readonly note: readonly [string, string] }
  /** All that was known, in so many parts. */
  | { readonly part: number; readonly of: number; readonly known: Known }
)

/** What somebody wants to have written. */
export type Fact = JournalEvent extends infer Each ? (Each extends JournalEvent ? Omit<Each, 'by'> : never) : never

type Buried = readonly [position: number, offset: number, bytes: number, atMs: number]

/** How often a message was handed out, and when it is due again. */
export interface Mark {
  readonly deliveries: number
  readonly dueAtMs: number
}

export interface DeadMark {
  readonly offset: number
  readonly bytes: number
  readonly atMs: number
}

interface Known {
  readonly settled: readonly (readonly [number, number])[]
  /** Position, deliveries, due. */
  readonly marks: readonly (readonly [number, number, number])[]
  readonly dead: readonly Buried[]
  readonly notes: readonly (readonly [string, string])[]
  readonly buried: number
}

/** Who owns the queue. */
export interface Owner {
  readonly by: string
  readonly broker: string
}

/** Items in one part of what is known: well below the 1 MiB that a record may have. */
const PART_ITEMS = 8000

export class Ledger {
  #settled = new RangeSet()
  #marks = new Map<number, Mark>()
  #dead = new Map<number, DeadMark>()
  #notes = new Map<string, string>()
  #buried = 0
  #owner: Owner | undefined
  #parts: Known[] = []

  get settled(): RangeSet {
    return this.#settled
  }

  get dead(): ReadonlyMap<number, DeadMark> {
    return this.#dead
  }

  get notes(): ReadonlyMap<string, string> {
    return this.#notes
  }

  /** How many were, since the queue was made. */
  get buried(): number {
    return this.#buried
  }

  /** undefined: nobody does. */
  get owner(): Owner | undefined {
    return this.#owner
  }

  mark(position: number): Mark {
    return this.#marks.get(position) ?? { deliveries: 0, dueAtMs: 0 }
  }

  /** False: it is passed over, as whoever wrote it does not own the queue. */
  take(event: JournalEvent, offset: number): boolean {
    if ('claim' in event) {
      if (event.at !== offset) return false
      this.#owner = { by: event.by, broker: event.claim }
      return true
    }
    if (event.by !== this.#owner?.by) return false
    if ('out' in event) for (const position of event.out) this.#count(position)
    else if ('done' in event) for (const position of event.done) this.#settle(position)
    else if ('back' in event) this.#marks.set(event.back[0], { ...this.mark(event.back[0]), dueAtMs: event.back[1] })
    else if ('dead' in event) this.#bury(event.dead)
    else if ('dug' in event) for (const position of event.dug) this.#dead.delete(position)
    else if ('note' in event) this.#notes.set(...event.note)
    else if ('part' in event) this.#learn(event)
    else if ('free' in event) this.#owner = undefined
    return true
  }

  /** All of it as facts, after which those before are not needed. */
  parts(): Fact[] {
    const parts: Known[] = [{ settled: [], marks: [], dead: [], notes: [...this.#notes], buried: this.#buried }]
    const spread = <Key extends 'settled' | 'marks' | 'dead'>(key: Key, items: Known[Key]): void => {
      for (let from = 0; from < items.length; from += PART_ITEMS) parts.push({ settled: [], marks: [], dead: [], notes: [], buried: 0, [key]: items.slice(from, from + PART_ITEMS) })
    }
    spread('settled', this.#settled.ranges)
    spread('marks', [...this.#marks].map(([position, { deliveries, dueAtMs }]) => [position, deliveries, dueAtMs]))
    spread('dead', [...this.#dead].map(([position, { offset, bytes, atMs }]) => [position, offset, bytes, atMs]))
    return parts.map((known, part) => ({ part, of: parts.length, known }))
  }

  #count(position: number): void {
    if (!this.#settled.has(position)) this.#marks.set(position, { deliveries: this.mark(position).deliveries + 1, dueAtMs: 0 })
  }

  #settle(position: number): void {
    this.#settled.add(position)
    this.#marks.delete(position)
  }

  #bury([position, offset, bytes, atMs]: Buried): void {
    if (this.#dead.has(position)) return
    this.#dead.set(position, { offset, bytes, atMs })
    this.#buried++
  }

  // Its parts follow each other; one that a broker left unfinished is thrown away.
  #learn({ part, of, known }: { part: number; of: number; known: Known }): void {
    if (part === 0) this.#parts = []
    if (part !== this.#parts.length) return
    this.#parts.push(known)
    if (part < of - 1) return
    const parts = this.#parts
    this.#parts = []
    this.#settled = new RangeSet(parts.flatMap(({ settled }) => settled))
    this.#marks = new Map(parts.flatMap(({ marks }) => marks.map(([position, deliveries, dueAtMs]) => [position, { deliveries, dueAtMs }])))
    this.#dead = new Map(parts.flatMap(({ dead }) => dead.map(([position, offset, bytes, atMs]) => [position, { offset, bytes, atMs }])))
    this.#notes = new Map(parts.flatMap(({ notes }) => notes))
    this.#buried = parts.reduce((sum, { buried }) => sum + buried, 0)
  }
}
