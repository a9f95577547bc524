// Reply subjects of what a client received, on which it may publish for a while though its permissions name them nowhere.

import type { ResponseRules } from './ground/settings.ts'

/** Remembered at a time; the oldest is forgotten first. */
const MAX_REPLIES = 4096

interface Leave {
  messages: number
  readonly untilMs: number
}

export class AllowedReplies {
  readonly #rules: ResponseRules
  readonly #monotonicMs: () => number
  readonly #leaves = new Map<string, Leave>()

  constructor(rules: ResponseRules, monotonicMs: () => number) {
    this.#rules = rules
    this.#monotonicMs = monotonicMs
  }

  /** A message with that reply subject is on its way to the client. Reserved subjects are nobody's to answer on. */
  remember(subject: string): void {
    if (subject.startsWith('$CB.')) return
    const { maxMessages, ttlMs } = this.#rules
    if (this.#leaves.size >= MAX_REPLIES) this.#leaves.delete(this.#leaves.keys().next().value!)
    // Taken out first: what is set again goes to the end.
    this.#leaves.delete(subject)
    this.#leaves.set(subject, { messages: maxMessages < 0 ? Infinity : maxMessages, untilMs: ttlMs < 0 ? Infinity : this.#monotonicMs() + ttlMs })
  }

  /** True when so many more messages may be published there; they count. */
  takes(subject: string, count: number): boolean {
    const leave = this.#leaves.get(subject)
    if (leave === undefined) return false
    if (leave.untilMs <= this.#monotonicMs() || leave.messages < count) {
      this.#leaves.delete(subject)
      return false
    }
    leave.messages -= count
    if (leave.messages === 0) this.#leaves.delete(subject)
    return true
  }
}
