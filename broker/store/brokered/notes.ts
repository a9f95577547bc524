// What a broker must remember of a queue beside its messages: how often things happened, and of single messages what their next
// arrival cannot say. Written down when the queue is closed and now and then before.

import type { AttemptRecord } from '../../ground/store.ts'

/** Of a message that is not here at the moment. */
export interface MessageNote {
  /** Deliveries that were no attempts: it came before it was due, or was not handed to a consumer. */
  readonly skew: number
  /** When it may arrive again. Milliseconds since the epoch */
  readonly dueAtMs: number
  /** What its attempts failed with. */
  readonly history: readonly AttemptRecord[]
  /** It has arrived here and was given back: until it arrives again the store counts it as handed out. */
  readonly isGivenBack: boolean
}

/** What this broker did, since the queue was made. */
export interface Tally {
  duplicates: number
  expired: number
  dropped: number
  purged: number
  replayed: number
  retried: number
}

/** Messages of which more is remembered; of others an attempt may be counted that was none, and their history is short. */
const MAX_MESSAGES = 20_000
/** Of what is written down, the newest: a record of a store has 1 MiB as a rule. Characters */
const MAX_WRITTEN = 256 * 1024

export class Notes {
  readonly tally: Tally = { duplicates: 0, expired: 0, dropped: 0, purged: 0, replayed: 0, retried: 0 }
  isPaused = false
  readonly #messages = new Map<number, MessageNote>()

  /** Those of a text that `write` gave; what cannot be read is as if it had never been. */
  static read(text: string | undefined): Notes {
    const notes = new Notes()
    const found = parse(text)
    if (found === undefined) return notes
    Object.assign(notes.tally, tallyOf(found))
    notes.isPaused = found.isPaused === true
    for (const [position, skew, dueAtMs, history, isGivenBack] of found.messages ?? []) notes.set(position, { skew, dueAtMs, history: history.map(([attempt, endedAtMs, error]) => ({ attempt, endedAtMs, error })), isGivenBack })
    return notes
  }

  /** Grows with all that is counted. */
  get happened(): number {
    const { duplicates, expired, dropped, purged, replayed, retried } = this.tally
    return duplicates + expired + dropped + purged + replayed + retried
  }

  get(position: number): MessageNote | undefined {
    return this.#messages.get(position)
  }

  set(position: number, note: MessageNote): void {
    this.#messages.delete(position)
    this.#messages.set(position, note)
    if (this.#messages.size > MAX_MESSAGES) this.#messages.delete(this.#messages.keys().next().value!)
  }

  /** It is gone, or here again. */
  take(position: number): MessageNote | undefined {
    const note = this.#messages.get(position)
    this.#messages.delete(position)
    return note
  }

  /** Those below are gone, whoever finished them. */
  forgetBelow(position: number): void {
    for (const noted of this.#messages.keys()) if (noted < position) this.#messages.delete(noted)
  }

  /** How many wait for a time to come, and how many the store counts as handed out though nobody has them. */
  waiting(nowMs: number): { readonly delayed: number; readonly givenBack: number } {
    let [delayed, givenBack] = [0, 0]
    for (const note of this.#messages.values()) {
      if (note.dueAtMs > nowMs) delayed++
      if (note.isGivenBack) givenBack++
    }
    return { delayed, givenBack }
  }

  write(): string {
    const written: string[] = []
    let length = 0
    for (const [position, { skew, dueAtMs, history, isGivenBack }] of [...this.#messages].toReversed()) {
      const text = JSON.stringify([position, skew, dueAtMs, history.map(({ attempt, endedAtMs, error }) => [attempt, endedAtMs, error]), isGivenBack])
      length += text.length
      if (length > MAX_WRITTEN) break
      written.push(text)
    }
    return `${JSON.stringify({ ...this.tally, isPaused: this.isPaused }).slice(0, -1)},"messages":[${written.toReversed().join()}]}`
  }
}

/** What all brokers did together. */
export function tallyOfAll(own: Tally, others: readonly string[]): Tally {
  const sum = { ...own }
  for (const text of others) {
    const other = tallyOf(parse(text) ?? {})
    for (const name of Object.keys(sum) as (keyof Tally)[]) sum[name] += other[name]
  }
  return sum
}

type Written = Partial<Tally> & { isPaused?: boolean; messages?: [number, number, number, [number, number, string][], boolean][] }

function parse(text: string | undefined): Written | undefined {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as Written
  } catch {
    return undefined
  }
}

function tallyOf({ duplicates = 0, expired = 0, dropped = 0, purged = 0, replayed = 0, retried = 0 }: Partial<Tally>): Tally {
  return { duplicates, expired, dropped, purged, replayed, retried }
}
