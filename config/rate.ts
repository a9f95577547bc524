// Rates as people write them, `100rpm 10rps`: so many per minute or second.

/** `count` events, at least 1, in every `periodMs` milliseconds. The period is kept: 60 a minute allow a burst that 1 a second does not. */
export interface Rate {
  readonly count: number
  readonly periodMs: 1000 | 60_000
}

/**
 * The rate of `100rpm` or `10rps`. A bare number says nothing about the period and is refused.
 * @returns undefined when it is no rate, or 0
 */
export function parseRate(input: unknown): Rate | undefined {
  const [, digits, unit] = typeof input === 'string' ? (/^(\d{1,12})(rps|rpm)$/.exec(input) ?? []) : []
  const count = Number(digits)
  if (unit === undefined || count === 0) return undefined
  return { count, periodMs: unit === 'rps' ? 1000 : 60_000 }
}

/** The text that `parseRate` reads as `rate`. */
export function formatRate(rate: Rate): string {
  return `${rate.count}${rate.periodMs === 1000 ? 'rps' : 'rpm'}`
}
