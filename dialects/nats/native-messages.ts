// Native frames as NATS subscriptions get them. A request carries the subject on which its answers are taken.

import { Kind } from '../../broker/ground/kind.ts'
import type { Slice } from '../../broker/ground/slice.ts'
import { readUint32, readUint53 } from '../../broker/wire/integers.ts'
import { Offset } from '../../broker/wire/layout.ts'
import type { NatsPartsWriter } from '../../broker/wire/nats/nats-parts.ts'
import { frameEnd } from '../../broker/wire/regroup.ts'
import { writeMessages, type Memory, type MessageParts } from './message-line.ts'
import { replySubject } from '../../broker/wire/nats/reply-subject.ts'

/** The slice's frames for a subscription with that sid. */
export function nativeMessages(slice: Slice, sid: Uint8Array, readsHeaders: boolean, parts: NatsPartsWriter, memory: Memory): Slice {
  const { bytes } = slice
  const messages: MessageParts[] = []
  for (let start = slice.start; start < slice.end; ) {
    const end = frameEnd(bytes, start)
    const isRequest = bytes[start + Offset.kind] === Kind.request
    const subjectAt = start + (isRequest ? Offset.longSubject : Offset.subject)
    const { headers, payload, replyTo } = parts.parts(bytes, start, end)
    messages.push({
      subject: bytes.subarray(subjectAt, subjectAt + bytes[subjectAt - 1]!),
      replyTo: isRequest ? replySubject(readUint32(bytes, start + Offset.origin), readUint53(bytes, start + Offset.id)) : replyTo,
      headers: readsHeaders ? headers : undefined,
      payload,
    })
    start = end
  }
  return slice.rewritten(writeMessages(messages, sid, memory))
}
