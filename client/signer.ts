// Signs messages for brokers that ask for it (docs/protocol.md section 6). Knows the frame's layout and a keyed hash.

import { encodeFrame, type FrameInit } from '../broker/wire/frame.ts'
import { Flag, Kind, Offset } from '../broker/wire/layout.ts'
import type { Hmac } from './link.ts'

const SIGNATURE_BYTES = 32
// a3 's' 'i' 'g' c4 20: the key and the marker in front of the signature itself.
const HEADER_BYTES = 6 + SIGNATURE_BYTES
const PAYLOAD_MARKER_BYTES = 5

/**
 * The frame with the flag `signed` and the signature as its last header; for kinds 1..5. A header `sig` of the caller
 * is replaced.
 */
export function encodeSigned(init: FrameInit, key: Uint8Array, hmac: Hmac): Uint8Array<ArrayBuffer> {
  const headers: Record<string, unknown> = { ...init.headers }
  // The signature must be the last member, so one that stands elsewhere gives way.
  delete headers['sig']
  headers['sig'] = new Uint8Array(SIGNATURE_BYTES)
  const bytes = encodeFrame({ ...init, flags: (init.flags ?? 0) | Flag.signed, headers })
  const payloadAt = bytes.length - (init.payload?.length ?? 0)
  const signatureAt = payloadAt - PAYLOAD_MARKER_BYTES - SIGNATURE_BYTES
  bytes.set(hmac(key, signedBytes(bytes, signatureAt + SIGNATURE_BYTES)), signatureAt)
  return bytes
}

/** What the signature covers: kind, flags, id, ref where there is one, then all from the subject's length byte on but the header itself. */
function signedBytes(frame: Uint8Array, headerEnd: number): Uint8Array {
  const isPublish = frame[Offset.kind] === Kind.publish
  const parts = [
    frame.subarray(Offset.kind, Offset.kind + 1),
    frame.subarray(Offset.flags, Offset.flags + 2),
    frame.subarray(Offset.id, Offset.id + 8),
    isPublish ? frame.subarray(0, 0) : frame.subarray(Offset.ref, Offset.ref + 8),
    frame.subarray(isPublish ? Offset.subjectLength : Offset.longSubjectLength, headerEnd - HEADER_BYTES),
    frame.subarray(headerEnd),
  ]
  const covered = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    covered.set(part, at)
    at += part.length
  }
  return covered
}
