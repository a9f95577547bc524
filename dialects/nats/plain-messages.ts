// Native publishes without headers as NATS subscriptions get them: most of what there is, so it is written in one go,
// without an object for each message.

import { Flag, Kind } from '../../broker/ground/kind.ts'
import type { PayloadType } from '../../broker/ground/payload-type.ts'
import type { Slice } from '../../broker/ground/slice.ts'
import { readUint32, readUint53 } from '../../broker/wire/integers.ts'
import { LENGTH_BYTES, Marker, Offset } from '../../broker/wire/layout.ts'
import { decimalBytes, writeDecimal } from '../../broker/wire/nats/decimal.ts'
import { saidType, type SaidType } from '../../broker/wire/nats/content-type.ts'
import type { NatsPartsWriter } from '../../broker/wire/nats/nats-parts.ts'
import { copyInto } from './copy-into.ts'
import type { Memory } from './message-line.ts'

const SPACE = 0x20
const CR = 0x0d
const LF = 0x0a
const HMSG = Buffer.from('HMSG ')
/** Of the headers field nil, and of the payload's marker and length. bytes */
const BEFORE_PAYLOAD = 6
/** Spaces and line ends around the words of a line. */
const MSG_MARKS = 3 + 2 + 2
const HMSG_MARKS = MSG_MARKS + 1

/** The slice's frames for a subscription with that sid; undefined when one of them is no publish, or has headers. */
export function plainMessages(slice: Slice, sid: Uint8Array, readsHeaders: boolean, parts: NatsPartsWriter, memory: Memory): Slice | undefined {
  const { bytes } = slice
  let total = 0
  for (let start = slice.start; start < slice.end; ) {
    const end = start + LENGTH_BYTES + readUint32(bytes, start)
    const headersAt = start + Offset.subject + bytes[start + Offset.subjectLength]!
    if (bytes[start + Offset.kind] !== Kind.publish || bytes[headersAt] !== Marker.nil) return undefined
    const payloadBytes = end - headersAt - BEFORE_PAYLOAD
    const words = headersAt - start - Offset.subject + sid.length
    if (readsHeaders) {
      const blockBytes = parts.plainBlockBytes(readUint32(bytes, start + Offset.origin), readUint53(bytes, start + Offset.id), readUint53(bytes, start + Offset.time), typeOf(bytes, start, headersAt + BEFORE_PAYLOAD, end))
      total += 4 + HMSG_MARKS + words + decimalBytes(blockBytes) + decimalBytes(blockBytes + payloadBytes) + blockBytes + payloadBytes
    } else total += 3 + MSG_MARKS + words + decimalBytes(payloadBytes) + payloadBytes
    start = end
  }
  const out = memory.take(total)
  let at = 0
  for (let start = slice.start; start < slice.end; ) {
    const end = start + LENGTH_BYTES + readUint32(bytes, start)
    at = write(out, at, bytes, start, end, sid, readsHeaders, parts)
    start = end
  }
  return slice.rewritten(out)
}

function write(out: Uint8Array, from: number, bytes: Uint8Array, start: number, end: number, sid: Uint8Array, readsHeaders: boolean, parts: NatsPartsWriter): number {
  const subjectAt = start + Offset.subject
  const headersAt = subjectAt + bytes[subjectAt - 1]!
  const payloadAt = headersAt + BEFORE_PAYLOAD
  let at = from
  for (let i = readsHeaders ? 0 : 1; i < HMSG.length; i++) out[at++] = HMSG[i]!
  copyInto(out, at, bytes, subjectAt, headersAt)
  at += headersAt - subjectAt
  out[at++] = SPACE
  for (let i = 0; i < sid.length; i++) out[at++] = sid[i]!
  out[at++] = SPACE
  if (readsHeaders) {
    const [origin, id, time, type] = [readUint32(bytes, start + Offset.origin), readUint53(bytes, start + Offset.id), readUint53(bytes, start + Offset.time), typeOf(bytes, start, payloadAt, end)]
    const blockBytes = parts.plainBlockBytes(origin, id, time, type)
    at = writeDecimal(out, at, blockBytes)
    out[at++] = SPACE
    at = lineEnd(out, writeDecimal(out, at, blockBytes + end - payloadAt))
    at = parts.writePlainBlock(out, at, origin, id, time, type)
  } else at = lineEnd(out, writeDecimal(out, at, end - payloadAt))
  copyInto(out, at, bytes, payloadAt, end)
  return lineEnd(out, at + end - payloadAt)
}

function typeOf(bytes: Uint8Array, start: number, payloadAt: number, end: number): SaidType {
  return saidType((bytes[start + Offset.flags + 1]! & Flag.payloadType) as PayloadType, bytes, payloadAt, end)
}

function lineEnd(out: Uint8Array, at: number): number {
  out[at] = CR
  out[at + 1] = LF
  return at + 2
}
