// The type of a payload as NATS clients say it, or as its first and last byte do where nothing is said: most NATS clients
// send JSON and never name it.

import { PayloadType } from '../../ground/payload-type.ts'

const BYTES = 'application/octet-stream'
const types = new Map<string, PayloadType>([
  ['application/msgpack', PayloadType.msgpack],
  ['application/json', PayloadType.json],
  ['text/plain', PayloadType.text],
  [BYTES, PayloadType.bytes],
])

/** Says that a payload of type bytes looks like JSON and is not. */
export const LOOKS_LIKE_JSON = 4
/** A payload type as a header says it, or `LOOKS_LIKE_JSON`. */
export type SaidType = PayloadType | typeof LOOKS_LIKE_JSON

/** What has to be said of the payload `bytes[start..end)`, so that it is taken for what it is. */
export function saidType(type: PayloadType, bytes: Uint8Array, start = 0, end = bytes.length): SaidType {
  return type === PayloadType.bytes && looksLikeJson(bytes, start, end) ? LOOKS_LIKE_JSON : type
}

/** What stands in `Content-Type`; undefined for bytes that nobody takes for anything else. */
export function contentTypeOf(said: SaidType): string | undefined {
  if (said === LOOKS_LIKE_JSON) return BYTES
  if (said === PayloadType.bytes) return undefined
  for (const [name, each] of types) if (each === said) return name
  return undefined
}

/**
 * The payload type that the values of `Content-Type` say: parameters and case do not count; bytes when they say none that
 * is known, or several. Where there are none: JSON for what has the brackets of an object or a list around it, else bytes.
 */
export function payloadTypeOf(values: readonly string[], payload: Uint8Array): PayloadType {
  if (values.length === 0) return unsaidType(payload)
  const [name] = values[0]!.split(';', 1)
  return values.length === 1 ? (types.get(name!.trim().toLowerCase()) ?? PayloadType.bytes) : PayloadType.bytes
}

/** The type of a payload of which nothing is said. */
export function unsaidType(payload: Uint8Array): PayloadType {
  return looksLikeJson(payload, 0, payload.length) ? PayloadType.json : PayloadType.bytes
}

// White space around it is for people, and programs send none.
function looksLikeJson(bytes: Uint8Array, start: number, end: number): boolean {
  const first = bytes[start]
  const last = bytes[end - 1]
  return end - start > 1 && ((first === 0x7b && last === 0x7d) || (first === 0x5b && last === 0x5d))
}
