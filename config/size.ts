// Sizes as people write them, `16kb 1mb 2gb`, to and from bytes. 1kb is 1024 bytes.

import { formatQuantity, parseQuantity, quantityPattern } from './quantity.ts'

const BYTES_PER_UNIT = { gb: 1024 ** 3, mb: 1024 ** 2, kb: 1024, b: 1 }

/** All small or all capital. */
export const SIZE_PATTERN = new RegExp(quantityPattern(['gb', 'mb', 'kb', 'b', 'GB', 'MB', 'KB', 'B']))

/**
 * Bytes of `16kb`, `1.5MB`, or of a bare number of bytes, as number or as digits.
 * Units: b, kb (1024 bytes), mb (1024 kb), gb, without a space.
 * @returns an integer of 0..2^53-1, or undefined when it is none (`0.1kb` is 102.4 bytes)
 */
export function parseSize(input: unknown): number | undefined {
  return parseQuantity(input, SIZE_PATTERN, BYTES_PER_UNIT)
}

/** The text that `parseSize` reads as exactly `bytes`, an integer of 0..2^53-1: 16384 is `16kb`, 1000 is `1000b`. */
export function formatSize(bytes: number): string {
  return formatQuantity(bytes, BYTES_PER_UNIT)
}
