// One message as filters see it, decoded only as far as they look.

import { BrokerError } from './ground/errors.ts'
import type { FilterMessage } from './ground/filter.ts'
import { toJsonValue } from './ground/json-value.ts'
import { Flag, Kind } from './ground/kind.ts'
import { decodePayload } from './ground/payload.ts'
import type { PayloadType } from './ground/payload-type.ts'
import { decodeFrame, type Frame } from './wire/frame.ts'
import type { Slice } from './ground/slice.ts'
import { nativeSlice } from './variant.ts'
import { Offset } from './wire/layout.ts'
import { frameEnd } from './wire/regroup.ts'

/** A slice's one message for filters; whatever is decoded is decoded once. */
export function lazyMessage(slice: Slice, subject: string, sender: string | undefined): FilterMessage {
  let frame: Frame | undefined
  let value: unknown
  let isDecoded = false
  const decoded = (): Frame => {
    if (frame !== undefined) return frame
    const { bytes, start, end } = nativeSlice(slice)
    return (frame = decodeFrame(bytes, start, end))
  }
  return {
    subject,
    sender,
    get type() {
      const { bytes, start } = nativeSlice(slice)
      if (bytes[start + Offset.kind] === Kind.request) return 'request'
      return subject === '$CB.all' ? 'broadcast' : 'event'
    },
    get headers() {
      return decoded().headers
    },
    value() {
      if (!isDecoded) {
        const { flags, payload } = decoded()
        value = decodePayload((flags & Flag.payloadType) as PayloadType, payload)
        isDecoded = true
      }
      return value
    },
  }
}

/** The payload of a slice's first message as text, for people. */
export function previewOf(slice: Slice): string {
  try {
    const { bytes, start } = nativeSlice(slice)
    const { flags, payload } = decodeFrame(bytes, start, frameEnd(bytes, start))
    if ((flags & Flag.compressed) !== 0) return `(${payload.length} bytes of zstd)`
    const value = decodePayload((flags & Flag.payloadType) as PayloadType, payload)
    return typeof value === 'string' ? value : JSON.stringify(toJsonValue(value))
  } catch (error) {
    return `(${BrokerError.from(error).message})`
  }
}
