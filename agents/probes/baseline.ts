// What is usual for a figure: a moving mean and a moving deviation from it, as TCP keeps them for round trips (RFC 6298, section 2).
//
//   first      mean = x                                   deviation = x / 2
//   then       mean += (x - mean) / 8                     deviation += (|x - mean| - deviation) / 4     with the mean before
//   limit      mean + 4 × deviation, and never below the floor that is configured
//              nor above twice the greater one of that floor and the first x: what grows slowly does not become usual without end

const MEAN_SHARE = 1 / 8
const DEVIATION_SHARE = 1 / 4
const DEVIATIONS = 4
const MOST_GROWTH = 2

export class Baseline {
  #mean: number | undefined
  #deviation = 0
  #first = 0

  /** undefined: nothing was learnt yet. */
  get mean(): number | undefined {
    return this.#mean
  }

  /** What is more than this is unusual. */
  limit(floor: number): number {
    if (this.#mean === undefined) return floor
    return Math.min(Math.max(floor, this.#mean + DEVIATIONS * this.#deviation), MOST_GROWTH * Math.max(floor, this.#first))
  }

  learn(figure: number): void {
    if (this.#mean === undefined) {
      this.#mean = this.#first = figure
      this.#deviation = figure / 2
      return
    }
    this.#deviation += (Math.abs(figure - this.#mean) - this.#deviation) * DEVIATION_SHARE
    this.#mean += (figure - this.#mean) * MEAN_SHARE
  }
}
