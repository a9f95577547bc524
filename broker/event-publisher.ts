// Publishes events of the broker's own to those who subscribed to their subjects. Where nobody did, nothing is made.

import type { Core } from './core.ts'
import { Kind } from './ground/kind.ts'
import { encodePayload } from './ground/payload.ts'
import { Slice } from './ground/slice.ts'
import { account } from './publisher.ts'
import { encodeFrame } from './wire/frame.ts'
import { Offset } from './wire/layout.ts'

/** `subject` begins with `$CB.`; `value` is asked for only where somebody listens. */
export function publishEvent(core: Core, subject: string, value: () => unknown): void {
  if (isWatched(core, subject)) publish(core, subject, value(), core.nextEventId())
}

function publish(core: Core, subject: string, event: unknown, id: number): void {
  const timeMicros = core.clock.wallMicros()
  // JSON: NATS clients, whose protocol has no types of payloads, can read it too.
  const { type, bytes: payload } = encodePayload(event, { json: true })
  const bytes = encodeFrame({ kind: Kind.publish, flags: type, id, time: timeMicros, subject, payload })
  const { receivers } = core.routes.find(bytes, Offset.subject, Offset.subject + bytes[Offset.subjectLength]!)
  const slice = new Slice(bytes, 0, bytes.length, 1, receivers.account)
  const { plain } = receivers
  account(slice.account, 1, plain.length)
  core.record(timeMicros, 0, id, Kind.publish, subject, slice, plain.length, core.targetOf(receivers), false)
  // Who does not keep up is treated as its own limits say: there is no publisher that could wait.
  for (const sink of plain) sink.deliver(slice)
}

// Looked up in the trie: a route for each name and event would push out those that messages take.
function isWatched(core: Core, subject: string): boolean {
  let isSeen = false
  core.interest.match(subject.split('.'), (entry) => {
    isSeen ||= 'tokens' in entry && entry.tokens[0] === '$CB'
  })
  return isSeen
}
