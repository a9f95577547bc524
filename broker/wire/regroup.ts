// Rewrites one canonical frame as a member of a queue group gets it. Group deliveries alone differ per receiver.

import { Flag, Kind } from '../ground/kind.ts'
import { LENGTH_BYTES, Marker, Offset } from './layout.ts'

/** `to` and `ref` with their markers, which a publish does not have. */
const ADDRESS_BYTES = 14
const ADDRESS_AT = Offset.to - 1

/** Where the frame that begins at `start` ends. */
export function frameEnd(bytes: Uint8Array, start: number): number {
  return start + LENGTH_BYTES + new DataView(bytes.buffer, bytes.byteOffset + start, LENGTH_BYTES).getUint32(0)
}

/** A copy of a publish (as kind `grouped`) or of a request, flagged `grouped`, with the member's subscription number in `ref`. */
export function asGrouped(bytes: Uint8Array, start: number, end: number, subscription: number): Uint8Array<ArrayBuffer> {
  const isPublish = bytes[start + Offset.kind] === Kind.publish
  const copy = new Uint8Array(end - start + (isPublish ? ADDRESS_BYTES : 0))
  const view = new DataView(copy.buffer)
  if (isPublish) {
    copy.set(bytes.subarray(start, start + ADDRESS_AT))
    copy.set(bytes.subarray(start + ADDRESS_AT, end), ADDRESS_AT + ADDRESS_BYTES)
    view.setUint32(0, copy.length - LENGTH_BYTES)
    copy[Offset.array] = Marker.longArray
    copy[Offset.kind] = Kind.grouped
    copy[ADDRESS_AT] = Marker.uint32
    copy[Offset.ref - 1] = Marker.uint64
  } else copy.set(bytes.subarray(start, end))
  view.setUint16(Offset.flags, view.getUint16(Offset.flags) | Flag.grouped)
  view.setUint32(Offset.ref, 0)
  view.setUint32(Offset.ref + 4, subscription)
  return copy
}
