// The frame in whose place others come: they stand in memory that both ends share.

import { readUint32 } from './integers.ts'
import { encodeFrame, type Frame } from './frame.ts'
import { Kind } from './layout.ts'

const BYTES = 4

/** Whole frames, `bytes` in all, stand in segment `number`, and belong here. */
export function encodeLent(number: number, bytes: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(BYTES)
  new DataView(payload.buffer).setUint32(0, bytes)
  return encodeFrame({ kind: Kind.lent, ref: number, payload })
}

/** How many; 0 where the frame does not say. */
export function lentBytes({ payload }: Frame): number {
  return payload.length === BYTES ? readUint32(payload, 0) : 0
}
