// Loans that one receiver holds: of chunks that what waits stands in, and of those that what is in flight stands in.

import type { Loan } from './loan.ts'

const NONE: Loan[] = []

export class HeldLoans {
  #waiting = NONE
  #flight = NONE

  /** What waits stands in its chunks. */
  addWaiting(loan: Loan): void {
    loan.hold()
    // Whoever waits for nothing has no array of its own.
    if (this.#waiting === NONE) this.#waiting = [loan]
    else this.#waiting.push(loan)
  }

  /** What is in flight does. */
  addFlight(loan: Loan): void {
    loan.hold()
    if (this.#flight === NONE) this.#flight = [loan]
    else this.#flight.push(loan)
  }

  /** What waited is written, all of it or its front: then both go on to hold. */
  fly(isAll: boolean): void {
    this.#flight = isAll || this.#waiting === NONE ? this.#waiting : [...this.#waiting]
    if (isAll) this.#waiting = NONE
    else for (const loan of this.#flight) loan.hold()
  }

  /** What was in flight has landed. */
  land(): void {
    const loans = this.#flight
    this.#flight = NONE
    for (const loan of loans) loan.release()
  }

  /** Nothing waits any more, or all that does has been copied. */
  dropWaiting(): void {
    const loans = this.#waiting
    this.#waiting = NONE
    for (const loan of loans) loan.release()
  }
}
