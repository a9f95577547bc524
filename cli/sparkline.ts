// Draws a row of numbers as a row of bars.

const BARS = '▁▂▃▄▅▆▇█'

/** A bar for each value, the largest full; 0 is the lowest bar, and anything above it is higher. Nothing below 0. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(0, ...values)
  return values.map(value => BARS[value <= 0 || most === 0 ? 0 : 1 + Math.min(6, Math.floor((value / most) * 7))]).join('')
}
