// Reads receipts, of which those of one queue differ in the position alone. One may answer several messages, that stand one behind the other.

import { decode } from '@msgpack/msgpack'
import type { Frame } from '../broker/wire/frame.ts'
import { readUint53 } from '../broker/wire/integers.ts'
import { Kind } from '../broker/wire/layout.ts'
import type { Receipt } from './operation-options.ts'

/** The body as docs/protocol.md has it, where a duplicate alone is marked. */
interface ReceiptBody {
  readonly receivers: number
  readonly duplicate?: boolean
  readonly stored?: { readonly queue: string; readonly position: number; readonly duplicate?: boolean }
}

/** A MessagePack uint64 at the end of a body: its marker, then 8 bytes. */
const UINT64 = 0xcf
const UINT64_BYTES = 9

/** Remembers what the last receipt of a queue said beside its position: the next one says it again. */
export class ReceiptReader {
  /** Body of the last receipt that ended with its position. */
  #like = new Uint8Array(0)
  #receivers = 0
  #queue = ''
  #isDuplicate = false

  /** What a receipt says of the `nth` message behind the one that it names; undefined: the frame is none. */
  readonly read = (frame: Frame, nth: number): Receipt | undefined => (frame.kind === Kind.receipt ? this.#read(frame.payload, nth) : undefined)

  #read(payload: Uint8Array, nth: number): Receipt {
    if (!this.#isLikeLast(payload)) return this.#first(payload, nth)
    const position = readUint53(payload, payload.length - UINT64_BYTES + 1) + nth
    return { receivers: this.#receivers, stored: { queue: this.#queue, position, isDuplicate: this.#isDuplicate } }
  }

  #isLikeLast(payload: Uint8Array): boolean {
    const like = this.#like
    if (payload.length !== like.length || like.length === 0) return false
    for (let at = like.length - UINT64_BYTES; at >= 0; at--) if (payload[at] !== like[at]) return false
    return true
  }

  #first(payload: Uint8Array, nth: number): Receipt {
    const body = decode(payload) as ReceiptBody
    const receipt = receiptOf(body, nth)
    if (receipt.stored !== undefined && endsWithPosition(body, payload)) {
      this.#like = payload.slice()
      this.#receivers = receipt.receivers
      this.#queue = receipt.stored.queue
      this.#isDuplicate = receipt.stored.isDuplicate
    }
    return receipt
  }
}

function receiptOf({ duplicate, stored, ...rest }: ReceiptBody, nth: number): Receipt {
  return {
    ...rest,
    ...(duplicate === true ? { isDuplicate: true as const } : {}),
    ...(stored === undefined ? {} : { stored: { queue: stored.queue, position: stored.position + nth, isDuplicate: stored.duplicate === true } }),
  }
}

// Nothing besides, and the position last, in 8 bytes: then a body that begins alike has its own there.
function endsWithPosition(body: ReceiptBody, payload: Uint8Array): boolean {
  const keys = [...Object.keys(body), ...Object.keys(body.stored!)].join()
  return (keys === 'receivers,stored,queue,position' || keys === 'receivers,stored,queue,duplicate,position') && payload.at(-UINT64_BYTES) === UINT64
}
