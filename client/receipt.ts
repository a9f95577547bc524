// Reads receipts. Pure.

import { decode } from '@msgpack/msgpack'
import type { Receipt } from './operation-options.ts'

/** The body as docs/protocol.md has it, where a duplicate alone is marked. */
interface ReceiptBody {
  readonly receivers: number
  readonly duplicate?: boolean
  readonly stored?: { readonly queue: string; readonly position: number; readonly duplicate?: boolean }
}

/** What a receipt says, and whatever else its kind has. */
export function readReceipt(payload: Uint8Array): Receipt {
  const { duplicate, stored, ...rest } = decode(payload) as ReceiptBody
  return {
    ...rest,
    ...(duplicate === true ? { isDuplicate: true as const } : {}),
    ...(stored === undefined ? {} : { stored: { queue: stored.queue, position: stored.position, isDuplicate: stored.duplicate === true } }),
  }
}
