// Loans that one receiver holds: of chunks that what waits stands in, and of those that what is in flight stands in.

import type { Loan } from './loan.ts'

const NONE: readonly Loan[] = []

export class HeldLoans {
  #waiting = NONE
  #flight = NONE

  /** What waits stands in its chunks. */
  addWaiting(loan: Loan): void {
    loan.hold()
    this.#waiting = [...this.#waiting, loan]
  }

  /** What is in flight does. */
  addFlight(loan: Loan): void {
    loan.hold()
    this.#flight = [...this.#flight, loan]
  }

  /** What waited is written, all of it or its front: then both go on to hold. */
  fly(isAll: boolean): void {
    this.#flight = this.#waiting
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
