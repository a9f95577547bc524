// The type of a payload as NATS clients say it.

import { PayloadType } from '../../ground/payload-type.ts'

const types = new Map<string, PayloadType>([
  ['application/msgpack', PayloadType.msgpack],
  ['application/json', PayloadType.json],
  ['text/plain', PayloadType.text],
])

/** What stands in `Content-Type`; undefined for bytes. */
export function contentTypeOf(type: PayloadType): string | undefined {
  for (const [name, each] of types) if (each === type) return name
  return undefined
}

/** The payload type that the values of `Content-Type` say: parameters and case do not count; bytes when they say none that is known, or several. */
export function payloadTypeOf(values: readonly string[]): PayloadType {
  const [name] = values[0]?.split(';', 1) ?? []
  return values.length === 1 ? (types.get(name!.trim().toLowerCase()) ?? PayloadType.bytes) : PayloadType.bytes
}
