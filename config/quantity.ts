// A number with a unit, as durations and sizes are. Knows no unit itself.

/** What each unit counts of the smallest one, the largest unit first, the smallest (1) last. */
export type UnitTable = Readonly<Record<string, number>>

/**
 * The pattern of a number, with up to three decimals, and one of the units or none.
 * Source of a regular expression without flags, so that it fits into a JSON Schema as well.
 */
export function quantityPattern(units: readonly string[]): string {
  return String.raw`^(\d{1,16}(?:\.\d{1,3})?)(${units.join('|')})?$`
}

/**
 * What `input` counts in the smallest unit; a bare number, or its digits, counts that already.
 * @returns an integer of 0..2^53-1, or undefined when it is none
 */
export function parseQuantity(input: unknown, pattern: RegExp, units: UnitTable): number | undefined {
  if (typeof input === 'number') return isCount(input) ? input : undefined
  if (typeof input !== 'string') return undefined
  const [, amount, unit] = pattern.exec(input) ?? []
  if (amount === undefined) return undefined
  const [whole = '', decimals = ''] = amount.split('.')
  // Counted in thousandths and exactly: 1.1 * 1000 is 1100.0000000000002, and 2^53 thousandths are few.
  const thousandths = BigInt(whole + decimals.padEnd(3, '0')) * BigInt(unit === undefined ? 1 : units[unit.toLowerCase()]!)
  const total = thousandths % 1000n === 0n ? Number(thousandths / 1000n) : Number.NaN
  return isCount(total) ? total : undefined
}

/** The text with the largest unit that divides `total` without rest. */
export function formatQuantity(total: number, units: UnitTable): string {
  const [unit, factor] = Object.entries(units).find(([, factor]) => factor === 1 || (total > 0 && total % factor === 0)) ?? ['', 1]
  return `${total / factor}${unit}`
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
