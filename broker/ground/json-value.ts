// The JSON edge: shows decoded MessagePack as JSON without loss, and reads that form back.
//
//   Uint8Array   {"$base64":"AAEC"}          bigint beyond 2^53-1   {"$int":"9007199254740993"}
//   Date         {"$time":"2026-01-31T…Z"}   NaN, Infinity          refused: JSON has no word for them
//
// A map that has one of these shapes by accident is not marked: it reads back as what the shape says.

import { BrokerError } from './errors.ts'

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** Deepest nesting that is converted. JSON.stringify itself fails a few thousand levels deeper. */
const MAX_DEPTH = 256

/**
 * `value` with nothing in it that JSON cannot say. Times keep milliseconds; `undefined` members are left out, elsewhere
 * `undefined` is null.
 * @throws BrokerError `payload.not_json`, saying where: NaN, Infinity, functions, extension types, more than 256 levels
 */
export function toJsonValue(value: unknown): JsonValue {
  return toJson(value, [])
}

/**
 * The value that `json` stands for. An object is a special form only when it has that one member and its text is valid;
 * anything else stays what it is.
 * @throws BrokerError `payload.malformed` past 256 levels
 */
export function fromJsonValue(json: JsonValue): unknown {
  return fromJson(json, 0)
}

function toJson(value: unknown, path: readonly (string | number)[]): JsonValue {
  if (path.length > MAX_DEPTH) throw refusal(path.slice(0, 3), `more than ${MAX_DEPTH} levels`)
  if (value === null || value === undefined) return null
  if (typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refusal(path, String(value))
    return value
  }
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : { $int: value.toString() }
  if (typeof value !== 'object') throw refusal(path, `a ${typeof value}`)
  if (value instanceof Uint8Array) return { $base64: toBase64(value) }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw refusal(path, 'an invalid date')
    return { $time: value.toISOString() }
  }
  if (Array.isArray(value)) return value.map((item, index) => toJson(item, [...path, index]))
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw refusal(path, `an object of type ${value.constructor.name}`)
  const members = Object.entries(value).filter(([, item]) => item !== undefined)
  return Object.fromEntries(members.map(([key, item]) => [key, toJson(item, [...path, key])]))
}

function fromJson(json: JsonValue, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new BrokerError('payload.malformed', { kind: 'JSON', problem: `more than ${MAX_DEPTH} levels` })
  if (typeof json !== 'object' || json === null) return json
  if (isArray(json)) return json.map(item => fromJson(item, depth + 1))
  const members = Object.entries(json)
  const [first] = members
  if (members.length === 1 && first !== undefined && typeof first[1] === 'string') {
    const special = fromSpecial(first[0], first[1])
    if (special !== undefined) return special
  }
  return Object.fromEntries(members.map(([key, item]) => [key, fromJson(item, depth + 1)]))
}

function fromSpecial(name: string, text: string): Uint8Array | bigint | Date | undefined {
  if (name === '$base64') return fromBase64(text)
  // Up to 20 digits: what 64 bits hold, so that no text of a stranger becomes an endless number.
  if (name === '$int' && /^-?\d{1,20}$/.test(text)) return BigInt(text)
  if (name === '$time' && /^[+-]?\d{4,6}-\d\d-\d\dT[\d:.]+Z$/.test(text)) {
    const time = new Date(text)
    return Number.isNaN(time.getTime()) ? undefined : time
  }
  return undefined
}

// In pieces, as a call takes a bounded number of arguments; multiples of three bytes join without padding.
const BASE64_PIECE_BYTES = 3 * 4096

function toBase64(bytes: Uint8Array): string {
  let base64 = ''
  for (let at = 0; at < bytes.length; at += BASE64_PIECE_BYTES) base64 += btoa(String.fromCharCode(...bytes.subarray(at, at + BASE64_PIECE_BYTES)))
  return base64
}

function fromBase64(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) return undefined
  return Uint8Array.from(atob(text), character => character.charCodeAt(0))
}

// Array.isArray does not narrow readonly arrays.
function isArray(json: JsonValue): json is readonly JsonValue[] {
  return Array.isArray(json)
}

function refusal(path: readonly (string | number)[], what: string): BrokerError {
  return new BrokerError('payload.not_json', { problem: `${what}${path.length === 0 ? '' : ` at ${path.join('.')}`}` })
}
