// Where a frame's signature stands and what it covers. Knows no key.
//
//   … headers map: {…, "sig": <32 bytes>}  payload        the header `sig` is the last one and takes 38 bytes
//
// Covered: kind, flags, id, (ref,) then from the subject's length byte to the end without those 38 bytes. Not covered
// are origin, time and `to`, which the broker stamps.

import { headersLength } from './headers.ts'
import { Marker, Offset } from './layout.ts'

const PREFIX = Uint8Array.of(0xa3, 0x73, 0x69, 0x67, 0xc4, 0x20)
const SIGNATURE_BYTES = 32

export interface SignedParts {
  /** Pieces of the frame, in the order in which they are signed. */
  readonly covered: readonly Uint8Array[]
  readonly signature: Uint8Array
}

/** The covered bytes and the signature of one canonical frame; undefined when its last header is not `sig`. */
export function signedParts(frame: Uint8Array, isPublish: boolean): SignedParts | undefined {
  const subjectAt = isPublish ? Offset.subject : Offset.longSubject
  const headersAt = subjectAt + frame[subjectAt - 1]!
  if (frame[headersAt] === Marker.nil) return undefined
  const headersEnd = headersAt + headersLength(frame.subarray(headersAt))
  const signatureAt = headersEnd - SIGNATURE_BYTES
  const prefixAt = signatureAt - PREFIX.length
  if (prefixAt <= headersAt || !PREFIX.every((byte, i) => frame[prefixAt + i] === byte)) return undefined
  const covered = [
    frame.subarray(Offset.kind, Offset.kind + 1),
    frame.subarray(Offset.flags, Offset.flags + 2),
    frame.subarray(Offset.id, Offset.id + 8),
    ...(isPublish ? [] : [frame.subarray(Offset.ref, Offset.ref + 8)]),
    frame.subarray(subjectAt - 1, prefixAt),
    frame.subarray(headersEnd),
  ]
  return { covered, signature: frame.subarray(signatureAt, headersEnd) }
}
