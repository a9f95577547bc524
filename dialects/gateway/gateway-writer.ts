// Writes frames for gateway clients: envelopes that say under `event` what they are about, and answers to calls as
// `event` and `res`.

import { Kind } from '../../broker/ground/kind.ts'
import type { ObjectMembers } from '../json/envelope.ts'
import { JsonWriter, type Names, type ReceiverNames } from '../json/json-writer.ts'

/** What one receiver makes of answers. */
export interface GatewayReceiver extends ReceiverNames {
  /** The message for an answer to the request `ref`; undefined: the envelope as it is. */
  answer(envelope: ObjectMembers, kind: number, ref: number): object | undefined
}

export type GatewayWriter = JsonWriter<GatewayReceiver>

export function createGatewayWriter(names: Names): GatewayWriter {
  return new JsonWriter(names, (envelope, { kind, ref, subject }, own) => {
    if (kind === Kind.response || kind === Kind.part || kind === Kind.error) return own.answer(envelope, kind, ref) ?? envelope
    return envelope['type'] === 'event' ? { ...envelope, event: subject } : envelope
  })
}
