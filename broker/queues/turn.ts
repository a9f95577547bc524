// Whose turn it is: consumers with credit, one after another, and how much they take together.

import type { Consumer } from './consumer.ts'

export class Turn {
  readonly #waiting: Consumer[] = []
  #next = 0
  #wanted = 0
  #round = 0

  /** Messages that they take together. */
  get wanted(): number {
    return this.#wanted
  }

  /** The credit of `consumer`, or whether it takes anything now, has changed. */
  look(consumer: Consumer): void {
    const offer = consumer.isOpen && !consumer.isPaused ? consumer.credit : 0
    const before = consumer.offer
    consumer.offer = offer
    this.#wanted += offer - before
    if (before === 0 && offer > 0) this.#waiting.push(consumer)
    else if (before > 0 && offer === 0) this.#leave(consumer)
  }

  /** Messages have come: each consumer is asked once whether its connection takes anything now. Asked for each message that was a quarter of all that a message costs. */
  begin(): void {
    this.#round++
  }

  /** The next one, one message of credit poorer; undefined: nobody takes anything. */
  take(): Consumer | undefined {
    for (;;) {
      if (this.#next >= this.#waiting.length) this.#next = 0
      const consumer = this.#waiting[this.#next]
      if (consumer === undefined) return undefined
      if (consumer.round !== this.#round) {
        consumer.round = this.#round
        if (consumer.host.isHigh) {
          consumer.isPaused = true
          this.look(consumer)
          continue
        }
      }
      this.#next++
      consumer.credit--
      this.look(consumer)
      return consumer
    }
  }

  #leave(consumer: Consumer): void {
    const at = this.#waiting.indexOf(consumer)
    this.#waiting.splice(at, 1)
    if (at < this.#next) this.#next--
  }
}
