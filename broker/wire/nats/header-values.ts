// Values of native headers as texts of NATS headers, and back. A text stays the text that it is; what is none has a form
// that is named beside it.

import { decodePayload, encodePayload } from '../../ground/payload.ts'
import { PayloadType } from '../../ground/payload-type.ts'
import { headersLength } from '../headers.ts'
import { isHeaderValue } from './header-block.ts'

/** How a text says a value that is no text: as JSON, as base64 of its bytes, or as base64 of its MessagePack. */
export type Form = 'json' | 'base64' | 'msgpack'

interface ValueTexts {
  /** One for each value of the header; several for a list of texts. */
  readonly texts: readonly string[]
  /** undefined: the texts are the value. */
  readonly form: Form | undefined
}

/** A value of a native header, decoded with bigints, as texts that can stand in a header block. */
export function textsOf(value: unknown): ValueTexts {
  if (typeof value === 'string' && isHeaderValue(value)) return { texts: [value], form: undefined }
  if (Array.isArray(value) && value.length > 1 && value.every(isText)) return { texts: value, form: undefined }
  if (value instanceof Uint8Array) return { texts: [Buffer.from(value).toString('base64')], form: 'base64' }
  if (isPlainJson(value)) return { texts: [JSON.stringify(value)], form: 'json' }
  return { texts: [Buffer.from(encodePayload(value).bytes).toString('base64')], form: 'msgpack' }
}

/** The native value of a header; the texts as they are when they are not of the form. */
export function valueOf({ texts, form }: ValueTexts): unknown {
  const plain = texts.length === 1 ? texts[0]! : texts
  if (form === undefined || typeof plain !== 'string') return plain
  try {
    const value = read(plain, form)
    // A stranger's value may be none that a native message can hold.
    headersLength(encodePayload({ value }).bytes)
    return value
  } catch {
    return plain
  }
}

export function isForm(word: string): word is Form {
  return word === 'json' || word === 'base64' || word === 'msgpack'
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && isHeaderValue(value)
}

// What JSON says without loss. Headers nest at most 16 deep.
function isPlainJson(value: unknown): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (Array.isArray(value)) return value.every(isPlainJson)
  return typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlainJson)
}

function read(text: string, form: Form): unknown {
  if (form === 'json') return JSON.parse(text)
  const bytes = new Uint8Array(Buffer.from(text, 'base64'))
  if (Buffer.from(bytes).toString('base64') !== text) throw new RangeError('not base64')
  return form === 'base64' ? bytes : decodePayload(PayloadType.msgpack, bytes)
}
