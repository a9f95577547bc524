// Loans that one receiver holds: of chunks that what waits stands in, and of those that what is in flight stands in.
//
//   waiting slices   [ 1 2 3 | 4 5 | 6 7 8 ]      loan a was taken when 3 had been appended, b with 5, c with 8
//   a write takes 1..4: the flight holds a and b, what waits holds b and c

import type { Loan } from './loan.ts'

/** A loan, and how many slices had been appended, ever, when it was taken: none behind them stands in its chunks. */
interface Held {
  readonly loan: Loan
  readonly pushed: number
}

const NONE: Loan[] = []
const NOTHING: Held[] = []

export class HeldLoans {
  #waiting = NOTHING
  #flight = NONE

  /** What waits stands in its chunks; `pushed` slices have been appended so far. */
  addWaiting(loan: Loan, pushed: number): void {
    loan.hold()
    // Whoever waits for nothing has no array of its own.
    if (this.#waiting === NOTHING) this.#waiting = [{ loan, pushed }]
    else this.#waiting.push({ loan, pushed })
  }

  /** What is in flight does. */
  addFlight(loan: Loan): void {
    loan.hold()
    if (this.#flight === NONE) this.#flight = [loan]
    else this.#flight.push(loan)
  }

  /** What waited is written, as far as `gone` slices in all: their loans go along. */
  fly(gone: number): void {
    if (this.#waiting === NOTHING) return
    let whole = 0
    while (whole < this.#waiting.length && this.#waiting[whole]!.pushed <= gone) whole++
    this.#flight = this.#waiting.slice(0, whole).map(({ loan }) => loan)
    this.#waiting = whole === this.#waiting.length ? NOTHING : this.#waiting.slice(whole)
    // Some of what it is about is written, some still waits.
    const [shared] = this.#waiting
    if (shared !== undefined) this.addFlight(shared.loan)
  }

  /** What was in flight has landed. */
  land(): void {
    const loans = this.#flight
    this.#flight = NONE
    for (const loan of loans) loan.release()
  }

  /** Nothing waits any more, or all that does has been copied. */
  dropWaiting(): void {
    const waiting = this.#waiting
    this.#waiting = NOTHING
    for (const { loan } of waiting) loan.release()
  }
}
