// How long something took in several rounds, as a line for people and as numbers to hold against a limit. Pure.

const FACTOR = 4

export class RecoveryTimes {
  readonly #what: string
  readonly #tookMs: number[] = []

  constructor(what: string) {
    this.#what = what
  }

  /** Adds what passed since a moment of the monotonic clock. ms */
  since(fromMs: number): void {
    this.#tookMs.push(performance.now() - fromMs)
  }

  get medianMs(): number {
    const sorted = this.#tookMs.toSorted((a, b) => a - b)
    return sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN
  }

  get maxMs(): number {
    return Math.max(...this.#tookMs)
  }

  /**
   * Whether one more round is due: until there were so many, and up to four times as many while the median is not below the limit. A machine
   * that is busy for a while is slow for a while.
   */
  isDue(rounds: number, limitMs: number): boolean {
    const { length } = this.#tookMs
    return length < rounds || (length < FACTOR * rounds && this.medianMs >= limitMs)
  }

  toString(): string {
    return `${this.#what}: median ${Math.round(this.medianMs)} ms, max ${Math.round(this.maxMs)} ms of ${this.#tookMs.length}`
  }
}

/** How many rounds of trouble a story has: `few`, or as `npm run torture` says. */
export function roundsOf(few: number): number {
  return Number(process.env['CALLBOARD_TORTURE_ROUNDS'] ?? few)
}
