// Messages of NATS clients as native receivers get them: canonical frames. Nothing that a NATS client may send is refused
// here: a header block that cannot be read goes along as bytes.

import { BrokerError, errorTable, type ErrorBody, type ErrorCode } from '../../ground/errors.ts'
import { Kind } from '../../ground/kind.ts'
import { decodePayload, encodePayload } from '../../ground/payload.ts'
import { PayloadType } from '../../ground/payload-type.ts'
import { writeFrame } from '../frame.ts'
import { contentTypeOf, payloadTypeOf, saidType, unsaidType } from './content-type.ts'
import { parseHeaderBlock, type HeaderBlock } from './header-block.ts'
import { BLOCK, Name, nativeName, STATUS } from './header-names.ts'
import { isForm, valueOf, type Form } from './header-values.ts'
import { ttlOf } from './message-options.ts'

interface NatsMessage {
  /** 1..255 bytes; '' in answers. */
  readonly subject: Uint8Array | string
  /** Where answers go; it travels in the header `replyTo`. */
  readonly replyTo?: string | undefined
  /** publish, request or response. A response whose headers say so becomes a part or an error. */
  readonly kind: number
  /** Without payload type and `headers`, which the block says. */
  readonly flags?: number
  readonly origin: number
  readonly id: number
  readonly timeMicros: number
  readonly to?: number
  readonly ref?: number
  /** The whole block; undefined: the message has none. */
  readonly headers: Uint8Array | undefined
  readonly payload: Uint8Array
  /** True when whoever wrote the block has checked who the sender is: `Callboard-Sender` becomes the header `sender`. default false */
  readonly isSenderChecked?: boolean
}

/** What headers may take more than the block that they come from. bytes */
const GROWTH_BYTES = 64
/** What of the payload of a failure is told among its details. bytes */
const MAX_DATA_BYTES = 4096
/** Codes of applications may be any word. */
const ERROR_CODE = /^[\w.:-]{1,128}$/

const utf8 = new TextEncoder()
const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The message as one canonical frame, in bytes of its own.
 * @throws BrokerError `subject.invalid` above 255 bytes
 */
export function nativeFrame(message: NatsMessage): Uint8Array<ArrayBuffer> {
  const { subject, replyTo, headers: block } = message
  const subjectBytes = typeof subject === 'string' ? utf8.encode(subject) : subject
  if (block === undefined && replyTo === undefined) return write(message, subjectBytes, message.kind, undefined, unsaidType(message.payload), message.payload)
  const read = readBlock(block)
  if (read === undefined) return write(message, subjectBytes, message.kind, encodeMap([[BLOCK, block], ...replyEntry(replyTo)]), PayloadType.bytes, message.payload)
  const values = valuesOf(read)
  const type = payloadTypeOf(contentTypes(values), message.payload)
  const failure = message.kind === Kind.response ? failureOf(values, type, message.payload) : undefined
  const kind = failure !== undefined ? Kind.error : message.kind === Kind.response && values.has(Name.part) ? Kind.part : message.kind
  return write(message, subjectBytes, kind, encodeWithin(message, read, values), failure?.type ?? type, failure?.payload ?? message.payload)
}

type Entry = readonly [name: string, value: unknown]
/** Values of each name, in the order of the block. */
type Values = ReadonlyMap<string, readonly string[]>

function write(message: NatsMessage, subject: Uint8Array, kind: number, headers: Uint8Array | undefined, type: PayloadType, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const { flags = 0, origin, id, timeMicros, to = 0, ref = 0 } = message
  return writeFrame({ kind, flags: flags | type, origin, id, time: timeMicros, to, ref, payload }, subject, headers)
}

function readBlock(block: Uint8Array | undefined): HeaderBlock | undefined {
  if (block === undefined) return { status: undefined, description: '', fields: [] }
  try {
    return parseHeaderBlock(block)
  } catch {
    return undefined
  }
}

function valuesOf({ fields }: HeaderBlock): Values {
  const values = new Map<string, string[]>()
  for (const [name, value] of fields) {
    const before = values.get(name)
    if (before === undefined) values.set(name, [value])
    else before.push(value)
  }
  return values
}

function contentTypes(values: Values): readonly string[] {
  const exact = values.get(Name.contentType)
  if (exact !== undefined) return exact
  for (const [name, each] of values) if (name.toLowerCase() === 'content-type') return each
  return []
}

function entriesOf({ status, description }: HeaderBlock, values: Values, forms: ReadonlyMap<string, Form>, { isSenderChecked = false, payload }: NatsMessage): Entry[] {
  const entries = new Map<string, unknown>()
  if (status !== undefined) entries.set(STATUS, description === '' ? status : `${status} ${description}`)
  for (const [name, texts] of values) {
    const native = nameOf(name, texts, isSenderChecked, payload)
    // A name that is there already comes from another one that means the same.
    if (native !== undefined && !entries.has(native)) entries.set(native, native === 'ttl' ? Number(texts[0]) : valueOf({ texts, form: forms.get(name) }))
  }
  return [...entries]
}

// What the broker knows by itself, or gives a meaning, is taken only where it is valid.
function nameOf(name: string, texts: readonly string[], isSenderChecked: boolean, payload: Uint8Array): string | undefined {
  switch (name) {
    case Name.mid: return 'mid'
    case Name.sentAt: return 'sentAt'
    case Name.receipt: return texts.length === 1 && (texts[0] === 'accepted' || texts[0] === 'delivered') ? 'receipt' : undefined
    case Name.ttl: return texts.length === 1 && ttlOf(texts[0]) !== undefined ? 'ttl' : undefined
    case Name.sender: return isSenderChecked && texts.length === 1 ? 'sender' : undefined
    case Name.contentType: return texts.length === 1 && texts[0] === contentTypeOf(saidType(payloadTypeOf(texts, payload), payload)) ? undefined : name
    default: return nativeName(name)
  }
}

function formsOf(values: Values): ReadonlyMap<string, Form> {
  const forms = new Map<string, Form>()
  for (const each of values.get(Name.form) ?? []) {
    const [name, form] = each.split(' ')
    if (form !== undefined && isForm(form)) forms.set(name!, form)
  }
  return forms
}

function replyEntry(replyTo: string | undefined): Entry[] {
  return replyTo === undefined ? [] : [['replyTo', replyTo]]
}

// Values with a form can take several times their text, and then break the limit that the block has kept.
function encodeWithin(message: NatsMessage, read: HeaderBlock, values: Values): Uint8Array | undefined {
  const { headers: block, replyTo } = message
  const encode = (forms: ReadonlyMap<string, Form>): Uint8Array | undefined => {
    const entries = [...entriesOf(read, values, forms, message), ...replyEntry(replyTo)]
    return entries.length === 0 ? undefined : encodeMap(entries)
  }
  const forms = formsOf(values)
  const bytes = encode(forms)
  return block === undefined || forms.size === 0 || bytes === undefined || bytes.length <= block.length + GROWTH_BYTES ? bytes : encode(new Map())
}

function encodeMap(entries: readonly Entry[]): Uint8Array {
  return encodePayload(Object.fromEntries(entries)).bytes
}

/** The body of an error answer, when the headers tell of one. */
function failureOf(values: Values, type: PayloadType, payload: Uint8Array): { type: PayloadType; payload: Uint8Array } | undefined {
  const message = values.get(Name.serviceError)?.[0]
  const number = values.get(Name.serviceErrorCode)?.[0]
  if (message === undefined && number === undefined) return undefined
  if (isErrorBody(type, payload)) return { type, payload }
  const told = values.get(Name.error)?.[0] ?? ''
  const known = Object.hasOwn(errorTable, told) ? (told as ErrorCode) : undefined
  const data = dataOf(payload)
  const body: ErrorBody = {
    code: known ?? 'request.failed',
    message: message ?? `the responder answered with error ${number}`,
    retryable: known !== undefined && errorTable[known].retryable,
    details: {
      // As the SDK sends a code of the application's own.
      ...(known === undefined && ERROR_CODE.test(told) ? { code: told } : {}),
      ...(number === undefined ? {} : { serviceErrorCode: /^\d{1,9}$/.test(number) ? Number(number) : number }),
      ...(data === undefined ? {} : { data }),
    },
  }
  const encoded = encodePayload(body)
  return { type: encoded.type, payload: encoded.bytes }
}

function isErrorBody(type: PayloadType, payload: Uint8Array): boolean {
  if (type !== PayloadType.msgpack && type !== PayloadType.json) return false
  try {
    const body = decodePayload(type, payload) as Partial<ErrorBody> | null
    return typeof body === 'object' && body !== null && typeof body.code === 'string' && typeof body.message === 'string'
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    return false
  }
}

function dataOf(payload: Uint8Array): string | undefined {
  if (payload.length === 0 || payload.length > MAX_DATA_BYTES) return undefined
  try {
    return text.decode(payload)
  } catch {
    return undefined
  }
}
