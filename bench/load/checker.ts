// Holds what one receiver gets against what was sent to it: each message once, in order, byte for byte.

import type { Received } from './dialect.ts'
import type { Problems } from './traffic.ts'

export interface Expectation {
  readonly receiver: string
  /** The subject of every message; undefined when the dialect gives each its own. */
  readonly subject: string | undefined
  readonly payload: Uint8Array
  /** Bytes at the payload's front that are not compared. */
  readonly skipBytes: number
  /** Number of the first message, and what each following one has more. */
  readonly firstNumber: number
  readonly step: number
}

export class Checker {
  readonly #expectation: Expectation
  readonly #problems: Problems
  #nextNumber: number

  constructor(expectation: Expectation, problems: Problems) {
    this.#expectation = expectation
    this.#problems = problems
    this.#nextNumber = expectation.firstNumber
  }

  readonly check = (message: Received): void => {
    const { receiver, subject, payload, skipBytes, step } = this.#expectation
    if (message.number !== this.#nextNumber) this.#problems.add(`${receiver}: message ${message.number} arrived where ${this.#nextNumber} was due`)
    if (subject !== undefined && message.subject !== subject) this.#problems.add(`${receiver}: got subject ${message.subject}, expected ${subject}`)
    if (Buffer.compare(message.payload.subarray(skipBytes), payload.subarray(skipBytes)) !== 0) this.#problems.add(`${receiver}: the payload of message ${message.number} changed on the way`)
    this.#nextNumber = message.number + step
  }
}
