// Native frames as NATS messages, and the other way round.

import { Slab } from '../../broker/ground/slab.ts'
import type { Slice } from '../../broker/ground/slice.ts'
import { decodeFrame, writeFrame } from '../../broker/wire/frame.ts'
import { frameEnd } from '../../broker/wire/regroup.ts'

/** How the broker names things. */
export interface NatsNames {
  textId(origin: number, id: number): string
  nameOf(origin: number): string
}

export interface NatsMessage {
  readonly kind: number
  readonly subject: Uint8Array
  readonly headerBlock: Uint8Array | undefined
  readonly payload: Uint8Array
  readonly origin: number
  readonly id: number
  readonly timeMicros: number
  readonly replyTo: string | undefined
}

const utf8 = new TextEncoder()
const slab = new Slab()

/** The canonical native frame of a NATS message. */
export function nativeOf({ kind, subject, payload, origin, id, timeMicros }: NatsMessage): Uint8Array {
  return writeFrame({ kind, payload, origin, id, time: timeMicros }, subject, undefined)
}

/** The headers that a native message would have for a header block. */
export function nativeHeaders(_block: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  return undefined
}

/** `MSG` or `HMSG` with everything behind it. */
export function natsMessage(subject: Uint8Array, sid: Uint8Array, replyTo: string | undefined, headerBlock: Uint8Array | undefined, payload: Uint8Array): Uint8Array {
  const reply = replyTo === undefined ? '' : `${replyTo} `
  const sizes = headerBlock === undefined ? `${payload.length}` : `${headerBlock.length} ${headerBlock.length + payload.length}`
  const middle = utf8.encode(` ${reply}${sizes}\r\n`)
  const verb = utf8.encode(headerBlock === undefined ? 'MSG ' : 'HMSG ')
  const parts = [verb, subject, utf8.encode(' '), sid, middle, headerBlock ?? new Uint8Array(0), payload, utf8.encode('\r\n')]
  const out = slab.take(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** The frames of a slice as a subscription gets them. */
export function natsMessages(slice: Slice, sid: Uint8Array, _readsHeaders: boolean, _names: NatsNames): Slice {
  const parts: Uint8Array[] = []
  for (let start = slice.start; start < slice.end; ) {
    const end = frameEnd(slice.bytes, start)
    const { subject, payload } = decodeFrame(slice.bytes, start, end)
    parts.push(natsMessage(utf8.encode(subject), sid, undefined, undefined, payload))
    start = end
  }
  return slice.rewritten(parts.length === 1 ? parts[0]! : Buffer.concat(parts))
}
