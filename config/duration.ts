// Durations as people write them, `200ms 5s 30d`, to and from milliseconds.

import { formatQuantity, parseQuantity, quantityPattern } from './quantity.ts'

const MS_PER_UNIT = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 }

/** Case matters: `M` is no minute. */
export const DURATION_PATTERN = new RegExp(quantityPattern(['d', 'h', 'm', 's', 'ms']))

/**
 * Milliseconds of `5s`, `1.5h`, or of a bare number of milliseconds, as number or as digits.
 * Units: ms, s, m (minutes), h, d, without a space.
 * @returns an integer of 0..2^53-1, or undefined when it is none (`1.5ms`, `-1s`, `5 s`, `5M`)
 */
export function parseDuration(input: unknown): number | undefined {
  return parseQuantity(input, DURATION_PATTERN, MS_PER_UNIT)
}

/** The text that `parseDuration` reads as exactly `ms`, an integer of 0..2^53-1: 90000 is `90s`, 0 is `0ms`. */
export function formatDuration(ms: number): string {
  return formatQuantity(ms, MS_PER_UNIT)
}
