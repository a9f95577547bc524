// The answer of a native responder as a message on the reply subject of a NATS client. It is a publish like any other; that
// it is a part, or a failure, stands in its headers.

import { Flag } from '../../ground/kind.ts'
import { encodePayload } from '../../ground/payload.ts'
import type { PayloadType } from '../../ground/payload-type.ts'
import { decodeFrame, writeFrame } from '../frame.ts'
import { Kind } from '../layout.ts'
import { answerFields } from './answer-fields.ts'

/**
 * The canonical response, part or error `bytes[start..end)` as a publish on `subject`, in bytes of its own.
 * @throws BrokerError `frame.malformed` when its headers cannot be read
 */
export function answerOn(subject: Uint8Array, bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  const { kind, flags, origin, id, time, headers, payload } = decodeFrame(bytes, start, end)
  const type = (flags & Flag.payloadType) as PayloadType
  const added = answerFields(kind, type, payload)
  const all = headers === undefined && added.length === 0 ? undefined : { ...headers, ...Object.fromEntries(added) }
  return writeFrame({ kind: Kind.publish, flags: flags & (Flag.payloadType | Flag.compressed), origin, id, time, payload }, subject, all && encodePayload(all).bytes)
}
