// What the head of a zstd frame announces (RFC 8878 3.1.1). Decompresses nothing.
//
//   28 b5 2f fd ┊ descriptor ┊ window 0|1 ┊ dictionary 0|1|2|4 ┊ content size 0|1|2|4|8

import { BrokerError } from '../ground/errors.ts'
import { MAX_ID } from './layout.ts'

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd] as const
const DESCRIPTOR_AT = 4
const SINGLE_SEGMENT = 0x20
const DICTIONARY_BYTES = [0, 1, 2, 4] as const
const SIZE_BYTES = [0, 2, 4, 8] as const
/** A size of two bytes counts from here. */
const TWO_BYTES_FROM = 256

/**
 * How many bytes a zstd payload announces that it holds. Whoever compresses in one go writes it.
 * @throws BrokerError `payload.malformed` when it is no zstd frame, or one that does not say
 */
export function zstdContentBytes(payload: Uint8Array): number {
  if (payload.length <= DESCRIPTOR_AT || !MAGIC.every((byte, i) => payload[i] === byte)) throw malformed('it does not begin with a zstd frame')
  const descriptor = payload[DESCRIPTOR_AT]!
  const isSingle = (descriptor & SINGLE_SEGMENT) !== 0
  const sizeFlag = descriptor >> 6
  const sizeBytes = sizeFlag === 0 && isSingle ? 1 : SIZE_BYTES[sizeFlag]!
  const sizeAt = DESCRIPTOR_AT + 1 + (isSingle ? 0 : 1) + DICTIONARY_BYTES[descriptor & 0b11]!
  if (sizeBytes === 0) throw malformed('its frame does not say how many bytes it holds; compress it in one go')
  if (sizeAt + sizeBytes > payload.length) throw malformed('its head is cut off')
  let size = 0
  // Little-endian, unlike all else here.
  for (let i = sizeBytes - 1; i >= 0; i--) size = size * 256 + payload[sizeAt + i]!
  if (size > MAX_ID) throw malformed('it announces more than 2^53-1 bytes')
  return sizeBytes === 2 ? size + TWO_BYTES_FROM : size
}

function malformed(problem: string): BrokerError {
  return new BrokerError('payload.malformed', { kind: 'zstd', problem })
}
