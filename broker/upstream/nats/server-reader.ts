// Cuts what a NATS server sends into its messages. Holds no more than one line, or one payload, whatever is announced.
//
//   INFO {json}␍␊      MSG subject sid [reply] size␍␊payload␍␊      HMSG subject sid [reply] head size␍␊headers payload␍␊
//   PING␍␊   PONG␍␊    +OK␍␊   -ERR 'text'␍␊

import { BrokerError } from '../../ground/errors.ts'

/** What is read of `INFO`; more stands there. */
export interface ServerInfo {
  readonly id: string
  readonly name: string
  readonly version: string
  /** Largest payload with its headers. bytes */
  readonly maxPayloadBytes: number
  readonly hasHeaders: boolean
  readonly hasJetStream: boolean
  readonly nonce: string | undefined
  readonly requiresTls: boolean
  readonly offersTls: boolean
  readonly cluster: string | undefined
  /** It is about to stop, and asks its clients to go elsewhere. */
  readonly isLeaving: boolean
}

/** Told of each message of a server. Bytes are views that hold until the call returns. */
export interface ServerEvents {
  info(info: ServerInfo): void
  /** `headers` is the whole block. */
  message(sid: number, subject: string, reply: string | undefined, headers: Uint8Array | undefined, payload: Uint8Array): void
  /** A message with more bytes than are taken; it was passed by. */
  tooLarge(sid: number, subject: string, bytes: number): void
  ping(): void
  pong(): void
  /** `-ERR`, without its quotes. */
  refused(text: string): void
}

/** The longest line: `INFO` names every server of a cluster. bytes */
const MAX_LINE_BYTES = 256 * 1024
/** The most that nats-server can be configured to carry: 64 MiB. What announces more is no NATS server. */
const MAX_ANNOUNCED_BYTES = 64 * 1024 * 1024
/** bytes, what nats-server has by default */
const DEFAULT_MAX_PAYLOAD = 1024 * 1024
const LINE_FEED = 0x0a
const NO_BYTES = new Uint8Array(0)

interface Announced {
  readonly sid: number
  readonly subject: string
  readonly reply: string | undefined
  readonly headBytes: number
  readonly bytes: number
}

export class ServerReader {
  readonly #events: ServerEvents
  readonly #maxMessageBytes: number
  /** The beginning of a line. */
  #line: Uint8Array = NO_BYTES
  #announced: Announced | undefined
  /** Pieces of the payload, its line end included. */
  #pieces: Uint8Array[] = []
  #piecesBytes = 0

  /** Messages, headers included, of more than `maxMessageBytes` are passed by. */
  constructor(events: ServerEvents, maxMessageBytes: number) {
    this.#events = events
    this.#maxMessageBytes = maxMessageBytes
  }

  /** True between two messages. */
  get isBetween(): boolean {
    return this.#announced === undefined && this.#line.length === 0
  }

  /**
   * Takes what came. Bytes that are not complete are copied or kept until they are.
   * @throws BrokerError `bus.protocol`; of no use afterwards
   */
  push(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) at = this.#announced === undefined ? this.#takeLine(chunk, at) : this.#takePayload(chunk, at)
  }

  #takeLine(chunk: Uint8Array, from: number): number {
    const end = chunk.indexOf(LINE_FEED, from)
    const piece = chunk.subarray(from, end < 0 ? chunk.length : end + 1)
    if (this.#line.length + piece.length > MAX_LINE_BYTES) throw malformed(`a line of more than ${MAX_LINE_BYTES} bytes`)
    const whole = this.#line.length === 0 ? piece : Buffer.concat([this.#line, piece])
    if (end < 0) {
      this.#line = new Uint8Array(whole)
      return chunk.length
    }
    this.#line = NO_BYTES
    // nats-server ends lines with CR LF; what stands in front of it is the line.
    this.#read(Buffer.from(whole.buffer, whole.byteOffset, whole.length).toString('utf8').replace(/\r?\n$/, ''))
    return end + 1
  }

  #read(line: string): void {
    const space = line.search(/[ \t]/)
    const verb = space < 0 ? line : line.slice(0, space)
    const rest = space < 0 ? '' : line.slice(space + 1)
    if (verb === 'MSG') this.#announced = announced(rest, false)
    else if (verb === 'HMSG') this.#announced = announced(rest, true)
    else if (verb === 'PING') this.#events.ping()
    else if (verb === 'PONG') this.#events.pong()
    else if (verb === 'INFO') this.#events.info(infoOf(rest))
    else if (verb === '-ERR') this.#events.refused(rest.trim().replace(/^'|'$/g, '').slice(0, 1024))
    else if (verb !== '+OK') throw malformed(`"${line.slice(0, 40).replace(/\p{Cc}/gu, '?')}" is none of its verbs`)
  }

  #takePayload(chunk: Uint8Array, from: number): number {
    const { sid, subject, reply, headBytes, bytes } = this.#announced!
    const wanted = bytes + 2 - this.#piecesBytes
    const piece = chunk.subarray(from, Math.min(chunk.length, from + wanted))
    this.#piecesBytes += piece.length
    const isLarge = bytes > this.#maxMessageBytes
    if (this.#piecesBytes < bytes + 2) {
      if (!isLarge) this.#pieces.push(new Uint8Array(piece))
      return chunk.length
    }
    const pieces = this.#pieces
    this.#announced = undefined
    this.#pieces = []
    this.#piecesBytes = 0
    if (isLarge) this.#events.tooLarge(sid, subject, bytes)
    else {
      const whole = pieces.length === 0 ? piece : Buffer.concat([...pieces, piece], bytes + 2)
      if (whole[bytes] !== 0x0d || whole[bytes + 1] !== LINE_FEED) throw malformed('a payload does not end where it should')
      this.#events.message(sid, subject, reply, headBytes === 0 ? undefined : whole.subarray(0, headBytes), whole.subarray(headBytes, bytes))
    }
    return from + piece.length
  }
}

function announced(rest: string, hasHead: boolean): Announced {
  const words = rest.trim().split(/[ \t]+/)
  const sizes = hasHead ? 2 : 1
  const [subject, sid] = words
  if (words.length < 2 + sizes || words.length > 3 + sizes) throw malformed('a message has too few words, or too many')
  const bytes = numberOf(words.at(-1)!)
  const headBytes = hasHead ? numberOf(words.at(-2)!) : 0
  if (bytes > MAX_ANNOUNCED_BYTES || headBytes > bytes) throw malformed('a message of impossible size')
  return { subject: subject!, sid: numberOf(sid!), reply: words.length === 3 + sizes ? words[2] : undefined, headBytes, bytes }
}

function numberOf(word: string): number {
  if (!/^\d{1,10}$/.test(word)) throw malformed('a number is none')
  return Number(word)
}

function infoOf(json: string): ServerInfo {
  let read: unknown
  try {
    read = JSON.parse(json)
  } catch {
    throw malformed('its INFO is not JSON')
  }
  if (typeof read !== 'object' || read === null) throw malformed('its INFO is not a map')
  const info = read as Readonly<Record<string, unknown>>
  const text = (key: string): string | undefined => (typeof info[key] === 'string' && info[key] !== '' ? shown(info[key]) : undefined)
  const { max_payload: maxPayload } = info
  return {
    id: text('server_id') ?? '',
    name: text('server_name') ?? text('server_id') ?? '',
    version: text('version') ?? '',
    maxPayloadBytes: typeof maxPayload === 'number' && maxPayload > 0 ? maxPayload : DEFAULT_MAX_PAYLOAD,
    hasHeaders: info['headers'] === true,
    hasJetStream: info['jetstream'] === true,
    nonce: text('nonce'),
    requiresTls: info['tls_required'] === true,
    offersTls: info['tls_available'] === true,
    cluster: text('cluster'),
    isLeaving: info['ldm'] === true,
  }
}

// It stands in logs and in tables.
function shown(words: string): string {
  return words.slice(0, 256).replace(/\p{Cc}/gu, '?')
}

function malformed(problem: string): BrokerError {
  return new BrokerError('bus.protocol', { server: '', problem })
}
