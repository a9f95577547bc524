// Native messages as NATS clients get them: header block, payload, reply subject. Payloads stay the bytes that they are.

import { BrokerError } from '../../ground/errors.ts'
import { Flag, Kind } from '../../ground/kind.ts'
import { decodePayload } from '../../ground/payload.ts'
import { PayloadType } from '../../ground/payload-type.ts'
import { parseSubject } from '../../ground/subject.ts'
import { payloadOffset } from '../frame.ts'
import { readUint32, readUint53 } from '../integers.ts'
import { Marker, Offset } from '../layout.ts'
import { answerFields } from './answer-fields.ts'
import { contentTypeOf, payloadTypeOf, saidType, type SaidType } from './content-type.ts'
import { decimalBytes, writeDecimal } from './decimal.ts'
import { isHeaderValue, writeHeaderBlock, type HeaderField } from './header-block.ts'
import { isNativeWord, Name, natsName, STATUS } from './header-names.ts'
import { textsOf } from './header-values.ts'

/** What a message says of the broker that it comes from. */
export interface NatsNames {
  /** Client id of a connection, or what stands for it. */
  nameOf(origin: number): string
  /** `broker.incarnation.origin.id` */
  textId(origin: number, id: number): string
}

/** One message for NATS clients. */
export interface NatsParts {
  /** The whole block, from `NATS/1.0` to the empty line; in bytes of its own. */
  readonly headers: Uint8Array
  /** A view into the frame. */
  readonly payload: Uint8Array
  /** Where answers go, when the sender's header `replyTo` names a valid subject. */
  readonly replyTo: string | undefined
}

type Headers = Readonly<Record<string, unknown>>

/** Origins whose part of the block is kept. */
const MAX_TEMPLATES = 1024
const STATUS_LINE = /^(\d{3})(?: ([^ \t].*))?$/s
const MAX_TTL_MS = 2 ** 31 - 1

const utf8 = new TextEncoder()
const TIME = utf8.encode(`\r\n${Name.time}: `)
const END = utf8.encode('\r\n\r\n')

/** Puts native messages into NATS form. Keeps what it needs of each sender, so that a message without headers costs a copy and two numbers. */
export class NatsPartsWriter {
  readonly #names: NatsNames
  readonly #templates = new Map<number, Uint8Array>()
  #lastKey = -1
  #lastTemplate: Uint8Array = END

  constructor(names: NatsNames) {
    this.#names = names
  }

  /**
   * The canonical, stamped frame `bytes[start..end)`, not compressed, of kinds 1..6.
   * @throws BrokerError `frame.malformed` when its headers cannot be read
   */
  parts(bytes: Uint8Array, start: number, end: number): NatsParts {
    const kind = bytes[start + Offset.kind]!
    const subjectAt = start + (kind === Kind.publish ? Offset.subject : Offset.longSubject)
    const headersAt = subjectAt + bytes[subjectAt - 1]!
    const origin = readUint32(bytes, start + Offset.origin)
    const id = readUint53(bytes, start + Offset.id)
    const time = readUint53(bytes, start + Offset.time)
    const type = (bytes[start + Offset.flags + 1]! & Flag.payloadType) as PayloadType
    if (bytes[headersAt] === Marker.nil && kind !== Kind.error && kind !== Kind.part) return this.#plain(bytes.subarray(headersAt + 6, end), origin, id, time, type)
    const payloadAt = start + payloadOffset(bytes, start, end)
    const payload = bytes.subarray(payloadAt, end)
    const headers = bytes[headersAt] === Marker.nil ? {} : decodeHeaders(bytes.subarray(headersAt, payloadAt - 5))
    const own = this.#ownFields(origin, id, time, headers['sender'])
    const answer = answerFields(kind, type, payload)
    const application = applicationFields(headers, type, payload).filter(([name]) => answer.every((field) => field[0] !== name))
    const fields = [...application, ...answer, ...own]
    return { headers: writeHeaderBlock({ ...statusOf(headers), fields }), payload, replyTo: replyToOf(headers) }
  }

  /** Bytes of the block of a message without headers. */
  plainBlockBytes(origin: number, id: number, time: number, type: SaidType): number {
    return this.#template(origin, type).length + decimalBytes(id) + TIME.length + decimalBytes(time) + END.length
  }

  /** Writes that block at `at`; returns where it ends. */
  writePlainBlock(into: Uint8Array, at: number, origin: number, id: number, time: number, type: SaidType): number {
    const template = this.#template(origin, type)
    into.set(template, at)
    let end = writeDecimal(into, at + template.length, id)
    for (let i = 0; i < TIME.length; i++) into[end++] = TIME[i]!
    end = writeDecimal(into, end, time)
    for (let i = 0; i < END.length; i++) into[end++] = END[i]!
    return end
  }

  #ownFields(origin: number, id: number, time: number, sender: unknown): HeaderField[] {
    const fields: HeaderField[] = []
    // The header is true, the broker has checked it; but a program's name may be any text.
    const name = typeof sender === 'string' && isHeaderValue(sender) ? sender : this.#names.nameOf(origin)
    if (isHeaderValue(name)) fields.push([Name.sender, name])
    return [...fields, [Name.id, this.#names.textId(origin, id)], [Name.time, String(time)]]
  }

  #plain(payload: Uint8Array, origin: number, id: number, time: number, type: PayloadType): NatsParts {
    return { headers: this.#plainBlock(origin, id, time, saidType(type, payload)), payload, replyTo: undefined }
  }

  // The same for all messages of a sender but for two numbers at its end.
  #plainBlock(origin: number, id: number, time: number, type: SaidType): Uint8Array {
    const block = new Uint8Array(this.plainBlockBytes(origin, id, time, type))
    this.writePlainBlock(block, 0, origin, id, time, type)
    return block
  }

  #template(origin: number, type: SaidType): Uint8Array {
    const key = origin * 8 + type
    if (key === this.#lastKey) return this.#lastTemplate
    let template = this.#templates.get(key)
    if (template === undefined) {
      if (this.#templates.size >= MAX_TEMPLATES) this.#templates.clear()
      const fields = [...typeField(type), ...this.#ownFields(origin, 0, 0, undefined)].filter(([name]) => name !== Name.time)
      // Up to the id, which is 0 here.
      template = writeHeaderBlock({ status: undefined, description: '', fields }).subarray(0, -END.length - 1)
      this.#templates.set(key, template)
    }
    this.#lastKey = key
    this.#lastTemplate = template
    return template
  }
}

/** Name and value of all headers that are not the broker's, in the order in which they stand. */
function applicationFields(headers: Headers, type: PayloadType, payload: Uint8Array): HeaderField[] {
  const fields: HeaderField[] = []
  const forms: HeaderField[] = []
  const add = (name: string, value: unknown): void => {
    const { texts, form } = textsOf(value)
    for (const each of texts) fields.push([name, each])
    if (form !== undefined) forms.push([Name.form, `${name} ${form}`])
  }
  const ownType = ownContentType(headers, type, payload)
  if (ownType === undefined) fields.push(...typeField(saidType(type, payload)))
  for (const [name, value] of Object.entries(headers)) {
    if (name === 'mid') add(Name.mid, value)
    else if (name === 'sentAt') add(Name.sentAt, value)
    else if (name === 'receipt') add(Name.receipt, value)
    else if (name === 'ttl') {
      if (Number.isInteger(value) && (value as number) > 0 && (value as number) <= MAX_TTL_MS) fields.push([Name.ttl, String(value)])
    } else if (!isNativeWord(name) && !(name === STATUS && isStatus(value))) add(name === ownType ? name : natsName(name), value)
  }
  return [...fields, ...forms]
}

// A sender's own `Content-Type`, with parameters or in other letters: it may stand when it says what the flags say, and
// when it comes back as itself.
function ownContentType(headers: Headers, type: PayloadType, payload: Uint8Array): string | undefined {
  const names = Object.keys(headers).filter((name) => name.toLowerCase() === 'content-type')
  const [name] = names
  if (names.length !== 1 || name === undefined) return undefined
  const { texts, form } = textsOf(headers[name])
  const isGenerated = name === Name.contentType && texts.length === 1 && texts[0] === contentTypeOf(saidType(type, payload))
  return form === undefined && !isGenerated && texts.length > 0 && payloadTypeOf(texts, payload) === type ? name : undefined
}

function typeField(type: SaidType): HeaderField[] {
  const contentType = contentTypeOf(type)
  return contentType === undefined ? [] : [[Name.contentType, contentType]]
}

function isStatus(value: unknown): value is string {
  return typeof value === 'string' && STATUS_LINE.test(value) && isHeaderValue(value)
}

function statusOf(headers: Headers): { status: string | undefined; description: string } {
  const line = headers[STATUS]
  const match = isStatus(line) ? STATUS_LINE.exec(line) : null
  return { status: match?.[1], description: match?.[2] ?? '' }
}

// It becomes a word of a line of the protocol: anything but a subject would end that word.
function replyToOf({ replyTo }: Headers): string | undefined {
  if (typeof replyTo !== 'string') return undefined
  try {
    parseSubject(replyTo)
    return replyTo
  } catch {
    return undefined
  }
}

function decodeHeaders(bytes: Uint8Array): Headers {
  try {
    return decodePayload(PayloadType.msgpack, bytes) as Headers
  } catch (error) {
    throw new BrokerError('frame.malformed', { problem: 'headers are not valid MessagePack' }, { cause: error })
  }
}
