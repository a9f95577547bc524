// Publishes without headers, one behind the other in one buffer: what a run of PUBs is for native receivers.

import { Kind, LENGTH_BYTES, Marker, Offset, PUBLISH_OVERHEAD } from '../layout.ts'
import { unsaidType } from './content-type.ts'
import { writeUint32, writeUint53 } from '../integers.ts'

/** What is the same in all frames of a run. */
interface PlainRun {
  readonly subject: Uint8Array
  readonly origin: number
  readonly timeMicros: number
}

/** Bytes of `count` such frames whose payloads have `payloadBytes` together. */
export function plainBytes(subjectBytes: number, count: number, payloadBytes: number): number {
  return count * (PUBLISH_OVERHEAD + subjectBytes) + payloadBytes
}

/** Writes the canonical frame with payload `from[start..end)` at `at`; returns where it ends. */
export function writePlain(into: Uint8Array, at: number, { subject, origin, timeMicros }: PlainRun, id: number, from: Uint8Array, start: number, end: number): number {
  const payloadBytes = end - start
  writeUint32(into, at, PUBLISH_OVERHEAD + subject.length + payloadBytes - LENGTH_BYTES)
  into[at + Offset.array] = Marker.publishArray
  into[at + 5] = Marker.uint8
  into[at + Offset.kind] = Kind.publish
  into[at + 7] = Marker.uint16
  const payload = from.subarray(start, end)
  into[at + Offset.flags] = 0
  into[at + Offset.flags + 1] = unsaidType(payload)
  into[at + 10] = Marker.uint32
  writeUint32(into, at + Offset.origin, origin)
  into[at + 15] = Marker.uint64
  writeUint53(into, at + Offset.id, id)
  into[at + 24] = Marker.uint64
  writeUint53(into, at + Offset.time, timeMicros)
  into[at + Offset.subjectLength - 1] = Marker.str8
  into[at + Offset.subjectLength] = subject.length
  into.set(subject, at + Offset.subject)
  const headersAt = at + Offset.subject + subject.length
  into[headersAt] = Marker.nil
  into[headersAt + 1] = Marker.bin32
  writeUint32(into, headersAt + 2, payloadBytes)
  into.set(payload, headersAt + 6)
  return headersAt + 6 + payloadBytes
}
