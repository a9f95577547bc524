// What was said and done about one queue, over crashes of its broker: who published what and was told what, who got which attempt and
// what they said of it, and what is left. Pure: it carries nothing itself, and queue-history-checks.ts judges it.
//
//   publishing ─▶ stored(position) | refused(code) | nothing: it may be stored or not
//   delivered(position, attempt) ─▶ settling(verdict) ─▶ confirmed | lost | nothing: it may be settled or not
//   left(waiting | dead): what stands there in the end, when everything is still

export type Verdict = 'ack' | 'nak' | 'term' | 'forward'

/** A message by the id that its publisher gave it; published again under the same id it stays one message. */
export interface Published {
  readonly id: string
  /** Whose order it keeps; undefined: nobody's. */
  readonly session: string | undefined
  /** Where its publisher was told that it stands. */
  readonly positions: Set<number>
  /** Its publisher was told that it is stored, of a forward that it happened. */
  isAcked: boolean
  /** Tries that ended with a definite no. */
  refusals: number
  tries: number
}

export interface Delivered {
  readonly position: number
  readonly attempt: number
  readonly id: string
  /** The payload is byte for byte what was published. */
  readonly isIntact: boolean
  /** Place in the history. */
  readonly at: number
  verdict: Verdict | undefined
  /** Place in the history at which the consumer said it. */
  saidAt: number
  answer: 'confirmed' | 'lost' | undefined
  /** Place in the history of the answer. */
  answeredAt: number
}

export type Part = 'waiting' | 'dead'

export interface Left {
  readonly part: Part
  readonly position: number
  readonly id: string
}

export class QueueHistory {
  /** Most deliveries of a message; 0: any number. */
  readonly maxAttempts: number
  readonly published = new Map<string, Published>()
  readonly deliveries: Delivered[] = []
  readonly remains: Left[] = []
  #at = 0
  #receipts = 0

  constructor(maxAttempts: number) {
    this.maxAttempts = maxAttempts
  }

  /** Receipts that came: what a story counts its way by. */
  get receipts(): number {
    return this.#receipts
  }

  /** Positions at which a message was seen, by anybody. */
  get places(): number {
    const told = [...this.published.values()].flatMap(({ positions }) => [...positions])
    return new Set([...told, ...this.deliveries.map(({ position }) => position), ...this.remains.map(({ position }) => position)]).size
  }

  /** It is about to leave its publisher, for the first time or again. */
  publishing(id: string, session?: string): void {
    const before = this.published.get(id)
    if (before !== undefined) before.tries++
    else this.published.set(id, { id, session, positions: new Set(), isAcked: false, refusals: 0, tries: 1 })
  }

  /** The publisher was told so; undefined: it was not told where, as of a forward. */
  stored(id: string, position?: number): void {
    const published = this.published.get(id)!
    published.isAcked = true
    if (position !== undefined) published.positions.add(position)
    this.#receipts++
  }

  /** The publisher was told that it is not stored, by an error that leaves no doubt. */
  refused(id: string): void {
    this.published.get(id)!.refusals++
  }

  /** A consumer has got it. */
  delivered(position: number, attempt: number, id: string, isIntact: boolean): Delivered {
    const delivered: Delivered = { position, attempt, id, isIntact, at: ++this.#at, verdict: undefined, saidAt: 0, answer: undefined, answeredAt: 0 }
    this.deliveries.push(delivered)
    return delivered
  }

  /** The consumer is about to say this of it. */
  settling(delivered: Delivered, verdict: Verdict): void {
    delivered.verdict = verdict
    delivered.saidAt = ++this.#at
  }

  /** `confirmed`: the broker said that it is so; `lost`: that it had no effect. Neither is said when nobody knows. */
  settled(delivered: Delivered, answer: 'confirmed' | 'lost'): void {
    delivered.answer = answer
    delivered.answeredAt = ++this.#at
  }

  /** It stands there when nobody publishes and consumes any more. */
  left(part: Part, position: number, id: string): void {
    this.remains.push({ part, position, id })
  }
}

/**
 * Once it is known what is left: what was forwarded and is gone must be in the other queue, as if its publisher had a receipt, and what is left
 * must not be there. `copyOf` says under which id it is there.
 */
export function expectForwards(from: QueueHistory, to: QueueHistory, copyOf: (id: string) => string): void {
  const left = new Set(from.remains.map(({ id }) => id))
  for (const { id, verdict, answer } of from.deliveries) if (verdict === 'forward' && answer !== 'lost' && !left.has(id)) to.published.get(copyOf(id))!.isAcked = true
  for (const { id } of from.remains) {
    const copy = to.published.get(copyOf(id))
    if (copy !== undefined && !copy.isAcked) copy.refusals = copy.tries
  }
}
