// Numbers as decimal digits in bytes, without a text in between.

const ZERO = 0x30
/** Above it a number is written in two halves, so that each half is divided as a small integer. */
const HALF = 1e9

/** Writes 0..2^53-1 at `at`; returns where the digits end. At most 16 bytes. */
export function writeDecimal(bytes: Uint8Array, at: number, value: number): number {
  if (value < HALF) return writeDigits(bytes, at, value, digitsOf(value))
  const high = Math.floor(value / HALF)
  return writeDigits(bytes, writeDigits(bytes, at, high, digitsOf(high)), value - high * HALF, 9)
}

/** How many digits that takes. */
export function decimalBytes(value: number): number {
  return value < HALF ? digitsOf(value) : digitsOf(Math.floor(value / HALF)) + 9
}

function writeDigits(bytes: Uint8Array, at: number, value: number, digits: number): number {
  let rest = value | 0
  for (let i = at + digits - 1; i >= at; i--) {
    const next = (rest / 10) | 0
    bytes[i] = ZERO + rest - next * 10
    rest = next
  }
  return at + digits
}

function digitsOf(value: number): number {
  let digits = 1
  for (let limit = 10; value >= limit; limit *= 10) digits++
  return digits
}
