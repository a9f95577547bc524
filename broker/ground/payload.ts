// Turns values into payload bytes and back. Used at the ends only: the router never looks into a payload.

import { Decoder, Encoder } from '@msgpack/msgpack'
import { BrokerError } from './errors.ts'
import { toJsonValue } from './json-value.ts'
import { isWholeMsgpack } from './msgpack-shape.ts'
import { PayloadType } from './payload-type.ts'

export interface EncodedPayload {
  readonly type: PayloadType
  readonly bytes: Uint8Array
}

export interface EncodeOptions {
  /** Write JSON text instead of MessagePack, for receivers without a MessagePack library; bytes and text become JSON as well. */
  readonly json?: boolean
}

/** Deepest nesting that is written. */
const MAX_DEPTH = 100
const MAX_INT64 = 2n ** 64n - 1n
const MIN_INT64 = -(2n ** 63n)

const utf8 = new TextEncoder()
const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new Encoder({ ignoreUndefined: true, maxDepth: MAX_DEPTH })
const wideEncoder = new Encoder({ ignoreUndefined: true, maxDepth: MAX_DEPTH, useBigInt64: true })
const decoder = new Decoder()
const wideDecoder = new Decoder({ useBigInt64: true, mapKeyConverter: key => (typeof key === 'number' ? key : String(key)) })

/**
 * The payload for `value`: a Uint8Array as bytes (not copied), a string as UTF-8 text, anything else as MessagePack, or
 * as JSON when asked. Integers, also bigints, keep every digit up to 64 bits; `undefined` members are left out.
 * @throws BrokerError `payload.not_encodable`: functions, cycles, more than 100 levels, bigints above 64 bits; `payload.not_json`
 */
export function encodePayload(value: unknown, options: EncodeOptions = {}): EncodedPayload {
  if (options.json === true) return { type: PayloadType.json, bytes: utf8.encode(JSON.stringify(toJsonValue(value))) }
  if (value instanceof Uint8Array) return { type: PayloadType.bytes, bytes: value }
  if (typeof value === 'string') return { type: PayloadType.text, bytes: utf8.encode(value) }
  return { type: PayloadType.msgpack, bytes: encodeMsgpack(value) }
}

/**
 * The value of a payload: a Uint8Array (the same bytes), a string, or what the JSON or MessagePack text says. Integers
 * beyond 2^53-1 in MessagePack arrive as bigint, all others as number; MessagePack timestamps as Date.
 * @throws BrokerError `payload.malformed` when the bytes are not what `type` says
 */
export function decodePayload(type: PayloadType, bytes: Uint8Array): unknown {
  if (type === PayloadType.bytes) return bytes
  try {
    if (type === PayloadType.msgpack) return decodeMsgpack(bytes)
    const string = text.decode(bytes)
    return type === PayloadType.json ? (JSON.parse(string) as unknown) : string
  } catch (error) {
    const kind = type === PayloadType.msgpack ? 'MessagePack' : type === PayloadType.json ? 'JSON' : 'UTF-8 text'
    throw new BrokerError('payload.malformed', { kind, problem: problemOf(error) }, { cause: error })
  }
}

// The library writes bigints only in a mode that turns integers above 32 bits into floats. So that mode is the second
// try, over a copy in which those integers are bigints too.
function encodeMsgpack(value: unknown): Uint8Array {
  try {
    return encoder.encode(value)
  } catch {
    try {
      return wideEncoder.encode(widen(value, 0))
    } catch (error) {
      throw new BrokerError('payload.not_encodable', { problem: problemOf(error) }, { cause: error })
    }
  }
}

function widen(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new RangeError(`more than ${MAX_DEPTH} levels, or a cycle`)
  if (typeof value === 'bigint') {
    if (value > MAX_INT64 || value < MIN_INT64) throw new RangeError('a bigint does not fit into 64 bits')
    return narrowed(value)
  }
  if (typeof value === 'number') return Number.isSafeInteger(value) && (value > 0xffffffff || value < -0x80000000) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map(item => widen(item, depth + 1))
  if (!isPlainObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, widen(item, depth + 1)]))
}

// Reading 64-bit integers as bigint costs a walk over the result, so it is done only where their markers may occur.
function decodeMsgpack(bytes: Uint8Array): unknown {
  if (!isWholeMsgpack(bytes)) throw new RangeError('it is not one whole value')
  if (!bytes.includes(0xcf) && !bytes.includes(0xd3)) return decoder.decode(bytes)
  const root = [wideDecoder.decode(bytes)]
  narrow(root)
  return root[0]
}

// In place, and with a stack of its own: a payload may nest deeper than the call stack allows.
function narrow(root: unknown[]): void {
  const pending: object[] = [root]
  for (let container = pending.pop(); container !== undefined; container = pending.pop()) {
    for (const [key, item] of Object.entries(container) as [string, unknown][]) {
      if (typeof item === 'bigint') Reflect.set(container, key, narrowed(item))
      else if (Array.isArray(item) || isPlainObject(item)) pending.push(item)
    }
  }
}

function narrowed(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
