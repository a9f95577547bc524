// Median and spread of a few figures.

export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  /** How many figures it was made of. */
  readonly runs: number
}

/**
 * Median, smallest and largest of `figures`; of an even count the median is the mean of the middle two.
 * @throws Error when there are none
 */
export function summarise(figures: readonly number[]): Summary {
  if (figures.length === 0) throw new Error('a summary needs at least one figure')
  const sorted = figures.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, min: sorted[0]!, max: sorted.at(-1)!, runs: sorted.length }
}

/**
 * Summary of `figures[i] / bases[i]`: a ratio is taken within a round, where both saw the same machine, before the median is.
 * Rounds in which either is missing or not above 0 are left out; undefined when none is left.
 */
export function summariseRatios(figures: readonly (number | undefined)[], bases: readonly (number | undefined)[]): Summary | undefined {
  const ratios = figures.flatMap((figure, round) => {
    const base = bases[round]
    return figure !== undefined && base !== undefined && base > 0 ? [figure / base] : []
  })
  return ratios.length === 0 ? undefined : summarise(ratios)
}
