// Takes what a NATS client sends apart: consecutive PUBs of one subject as runs, everything else as lines. One reader serves
// all connections, as a chunk is read in one go: what must outlast the chunk stands in the connection's input.
//
//   chunk   PUB a 1␍␊x␍␊PUB a 2␍␊yy␍␊PUB b 1␍␊z␍␊SUB c 1␍␊PUB a 9␍␊123
//   out     └───────── run of 2 ────────┘└─── run ───┘ line      └ unfinished: copied, and completed by the next chunk

import { BrokerError } from '../../broker/ground/errors.ts'
import { PARSER_ERROR } from './err-texts.ts'
import { NatsRun } from './nats-run.ts'

const SPACE = 0x20
const CR = 0x0d
const LF = 0x0a
const ZERO = 0x30
const CRLF_BYTES = 2
const MAX_TOKENS = 4
// oxlint-disable-next-line no-control-regex -- finding them is the purpose
const CONTROLS = /[\0-\x1f]/
/** Reserved at once for a message whose end has not come; more as it comes. bytes */
const FIRST_REST_BYTES = 64 * 1024
const NOTHING = new Uint8Array(0)

/** What of one connection's input waits for its end, and what it may be. */
export class NatsInput {
  maxControlLineBytes: number
  maxPayloadBytes: number
  rest: Uint8Array = NOTHING
  restBytes = 0
  /** Bytes of headers and payloads that came. */
  payloadBytes = 0
  /** Bytes that the message in `rest` will have; 0: its line is not complete. */
  totalBytes = 0

  constructor(maxControlLineBytes: number, maxPayloadBytes: number) {
    this.maxControlLineBytes = maxControlLineBytes
    this.maxPayloadBytes = maxPayloadBytes
  }
}

/** Whose input it is. */
export interface NatsClient {
  readonly input: NatsInput
  /** True after CONNECT was accepted: before it nothing else may come. */
  readonly isReady: boolean
  /** False: it is on its way out, and what it sends is passed by. */
  readonly isOpen: boolean
  published(run: NatsRun): void
  /** `verb` in upper case. @throws BrokerError that ends the connection */
  line(verb: string, rest: string): void
  fail(error: BrokerError): void
}

export class NatsReader {
  readonly #wallMicros: () => number
  readonly #onRead: (chunk: Uint8Array) => void
  #client!: NatsClient
  #input!: NatsInput
  #timeMicros = 0
  // The open run; none while #count is 0.
  #bytes: Uint8Array = NOTHING
  #count = 0
  #start = 0
  #end = 0
  #subjectStart = 0
  #subjectEnd = 0
  #replyStart = 0
  #replyEnd = 0
  #headerBytes = -1
  #sizes = 0
  /** Of the message that is not complete; 0: not known. */
  #totalBytes = 0
  /** Where the words of a line begin and end. */
  readonly #words = new Int32Array(MAX_TOKENS * 2)

  /** `onRead` gets each chunk of which nothing is needed any more. */
  constructor(wallMicros: () => number, onRead: (chunk: Uint8Array) => void) {
    this.#wallMicros = wallMicros
    this.#onRead = onRead
  }

  /** Takes a chunk apart and hands all that is whole to the client, in order of arrival. */
  read(client: NatsClient, chunk: Uint8Array): void {
    this.#client = client
    this.#input = client.input
    this.#timeMicros = this.#wallMicros()
    try {
      const begin = this.#input.restBytes === 0 ? 0 : this.#finish(chunk)
      const unfinishedAt = this.#take(chunk, begin, chunk.length)
      if (unfinishedAt < chunk.length && client.isOpen) this.#append(chunk, unfinishedAt, chunk.length)
    } catch (error) {
      this.#closeRun()
      client.fail(BrokerError.from(error))
    }
    this.#bytes = NOTHING
    this.#onRead(chunk)
  }

  // Returns where the first unfinished operation begins.
  #take(bytes: Uint8Array, from: number, end: number): number {
    this.#bytes = bytes
    let at = from
    while (at < end) {
      const first = bytes[at]!
      let next: number
      if (first === 0x50 && bytes[at + 1] === 0x55 && this.#client.isReady) next = this.#publish(bytes, at, end)
      else {
        this.#closeRun()
        next = first === 0x48 && this.#client.isReady ? this.#message(bytes, at, end) : this.#line(bytes, at, end)
        if (!this.#client.isOpen) return end
      }
      if (next < 0) break
      at = next
    }
    this.#closeRun()
    return at
  }

  // Beginning with the letters of PUB. Returns where it ends, -1: not in this chunk.
  #publish(bytes: Uint8Array, at: number, end: number): number {
    if (this.#count > 0) {
      const next = this.#continue(bytes, at, end)
      if (next >= 0) return next
      this.#closeRun()
    }
    return this.#message(bytes, at, end)
  }

  // Returns where the message ends when it goes on the open run: the same line up to the subject, and only a size behind it.
  #continue(bytes: Uint8Array, at: number, end: number): number {
    const prefix = this.#subjectEnd + 1 - this.#start
    const sizeAt = at + prefix
    if (this.#headerBytes >= 0 || sizeAt >= end) return -1
    const back = at - this.#start
    // From the end: subjects that share a connection differ there.
    for (let i = sizeAt - 1; i >= at; i--) if (bytes[i] !== bytes[i - back]) return -1
    let size = 0
    let i = sizeAt
    for (let digit = bytes[i]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[i]! - ZERO) {
      size = size * 10 + digit
      if (++i >= end) return -1
    }
    const messageEnd = i + CRLF_BYTES + size + CRLF_BYTES
    if (i === sizeAt || messageEnd > end || size > this.#input.maxPayloadBytes || i - at > this.#input.maxControlLineBytes) return -1
    if (bytes[i] !== CR || bytes[i + 1] !== LF || bytes[messageEnd - 2] !== CR || bytes[messageEnd - 1] !== LF) return -1
    this.#count++
    this.#sizes += size
    this.#end = messageEnd
    return messageEnd
  }

  // A PUB or HPUB in its usual form: upper case, single spaces, CRLF. All others are lines first.
  #message(bytes: Uint8Array, at: number, end: number): number {
    const isPub = bytes[at] === 0x50
    const verbEnd = at + (isPub ? 3 : 4)
    if (verbEnd + 1 >= end || !isVerb(bytes, at, isPub)) return this.#line(bytes, at, end)
    const words = this.#words
    let count = 0
    let i = verbEnd + 1
    for (;;) {
      const start = i
      while (i < end && bytes[i]! > SPACE) i++
      if (i + 1 >= end || i === start) return this.#line(bytes, at, end)
      words[count * 2] = start
      words[count * 2 + 1] = i
      count++
      if (bytes[i] === CR) break
      if (bytes[i] !== SPACE || count === MAX_TOKENS) return this.#line(bytes, at, end)
      i++
    }
    const sizes = isPub ? 1 : 2
    if (bytes[i + 1] !== LF || count < 1 + sizes || count > 2 + sizes) return this.#line(bytes, at, end)
    if (i - at > this.#input.maxControlLineBytes) throw lineTooLong(this.#input)
    const size = sizeOf(bytes, words[count * 2 - 2]!, words[count * 2 - 1]!)
    const headerBytes = isPub ? -1 : sizeOf(bytes, words[count * 2 - 4]!, words[count * 2 - 3]!)
    this.#check(size, headerBytes)
    const messageEnd = i + CRLF_BYTES + size + CRLF_BYTES
    if (messageEnd > end) {
      this.#totalBytes = messageEnd - at
      return -1
    }
    checkEnd(bytes, messageEnd)
    const hasReply = count === 2 + sizes
    this.#open(bytes, at, messageEnd, words[0]!, words[1]!, hasReply ? words[2]! : 0, hasReply ? words[3]! : 0, headerBytes, size)
    // Only what has neither reply subject nor headers may be continued.
    if (hasReply || !isPub) this.#closeRun()
    return messageEnd
  }

  #check(size: number, headerBytes: number): void {
    if (size > this.#input.maxPayloadBytes) throw new BrokerError('nats.max_payload', { actualBytes: size, limitBytes: this.#input.maxPayloadBytes })
    if (headerBytes > size) throw wrongArguments(`the header of an HPUB has ${headerBytes} bytes, the whole ${size}`)
  }

  #open(bytes: Uint8Array, start: number, end: number, subjectStart: number, subjectEnd: number, replyStart: number, replyEnd: number, headerBytes: number, size: number): void {
    this.#sizes = size
    this.#bytes = bytes
    this.#count = 1
    this.#start = start
    this.#end = end
    this.#subjectStart = subjectStart
    this.#subjectEnd = subjectEnd
    this.#replyStart = replyStart
    this.#replyEnd = replyEnd
    this.#headerBytes = headerBytes
  }

  #closeRun(): void {
    const count = this.#count
    if (count === 0) return
    this.#count = 0
    this.#input.payloadBytes += this.#sizes
    this.#client.published(new NatsRun(this.#bytes, this.#start, this.#end, count, this.#subjectStart, this.#subjectEnd, this.#replyStart, this.#replyEnd, this.#headerBytes, this.#sizes, this.#timeMicros))
  }

  // Any operation, as its line. Returns where it ends, -1: not in this chunk.
  #line(bytes: Uint8Array, at: number, end: number): number {
    const lineEnd = bytes.indexOf(LF, at)
    if (lineEnd < 0 || lineEnd >= end) {
      if (end - at > this.#input.maxControlLineBytes) throw lineTooLong(this.#input)
      this.#totalBytes = 0
      return -1
    }
    if (lineEnd - at > this.#input.maxControlLineBytes) throw lineTooLong(this.#input)
    const line = Buffer.from(bytes.buffer, bytes.byteOffset + at, lineEnd - at).toString('latin1')
    const [, word, rest] = /^([^ \t\r]*)[ \t]*(.*?)[ \t]*\r?$/s.exec(line)!
    const verb = word!.toUpperCase()
    if (verb === 'PUB' || verb === 'HPUB') return this.#unusual(verb, rest!, bytes, at, lineEnd + 1, end)
    this.#client.line(verb, textOf(rest!))
    return lineEnd + 1
  }

  // A message whose line is not written as usual: written anew.
  #unusual(verb: string, rest: string, bytes: Uint8Array, at: number, payloadAt: number, end: number): number {
    if (!this.#client.isReady) {
      this.#client.line(verb, textOf(rest))
      return payloadAt
    }
    const words = rest.split(/[ \t]+/)
    const sizes = verb === 'PUB' ? 1 : 2
    if (words.length < 1 + sizes || words.length > 2 + sizes || words[0] === '') throw wrongArguments(`${verb} takes ${verb === 'PUB' ? 'a subject, perhaps a reply subject, and a size' : 'a subject, perhaps a reply subject, and two sizes'}`)
    // Not one of them may end a line, or a word, for whoever gets the message.
    if (words.some((word) => CONTROLS.test(word))) throw wrongArguments('a word has a control character')
    const [headerBytes, size] = [words.at(-sizes)!, words.at(-1)!].map((word) => sizeOf(Buffer.from(word), 0, word.length)) as [number, number]
    this.#check(size, sizes === 1 ? -1 : headerBytes)
    const messageEnd = payloadAt + size + CRLF_BYTES
    if (messageEnd > end) {
      this.#totalBytes = messageEnd - at
      return -1
    }
    checkEnd(bytes, messageEnd)
    const usual = Buffer.concat([Buffer.from(`${verb} ${words.join(' ')}\r\n`, 'latin1'), bytes.subarray(payloadAt, messageEnd)])
    this.#message(usual, 0, usual.length)
    this.#closeRun()
    this.#bytes = bytes
    return messageEnd
  }

  // Completes what an earlier chunk began; returns how much of `chunk` that took.
  #finish(chunk: Uint8Array): number {
    const input = this.#input
    let at = 0
    for (;;) {
      if (input.totalBytes === 0) {
        const lineEnd = chunk.indexOf(LF, at)
        const to = lineEnd < 0 ? chunk.length : lineEnd + 1
        if (input.restBytes + to - at > input.maxControlLineBytes + CRLF_BYTES) throw lineTooLong(input)
        this.#append(chunk, at, to)
        at = to
        if (lineEnd < 0) return at
      } else {
        const to = Math.min(chunk.length, at + input.totalBytes - input.restBytes)
        this.#append(chunk, at, to)
        at = to
        if (input.restBytes < input.totalBytes) return at
      }
      const { rest, restBytes } = input
      input.rest = NOTHING
      input.restBytes = 0
      this.#totalBytes = 0
      if (this.#take(rest.subarray(0, restBytes), 0, restBytes) === restBytes) {
        input.totalBytes = 0
        return at
      }
      // Its line is complete now, and says how much more there is.
      input.rest = rest
      input.restBytes = restBytes
      input.totalBytes = this.#totalBytes
    }
  }

  #append(chunk: Uint8Array, start: number, end: number): void {
    const input = this.#input
    if (input.restBytes === 0) input.totalBytes = this.#totalBytes
    const need = input.restBytes + end - start
    if (need > input.rest.length) {
      // Grown with what has come, never by what is announced.
      const size = Math.max(need, Math.min(input.totalBytes, Math.max(FIRST_REST_BYTES, need * 2)))
      const grown = Buffer.allocUnsafeSlow(size)
      grown.set(input.rest.subarray(0, input.restBytes))
      input.rest = grown
    }
    input.rest.set(chunk.subarray(start, end), input.restBytes)
    input.restBytes = need
  }
}

// Bytes of a line, one character each, as the text that they are.
function textOf(line: string): string {
  return Buffer.from(line, 'latin1').toString('utf8')
}

// `PUB ` or `HPUB `.
function isVerb(bytes: Uint8Array, at: number, isPub: boolean): boolean {
  const pubAt = isPub ? at : at + 1
  return bytes[pubAt] === 0x50 && bytes[pubAt + 1] === 0x55 && bytes[pubAt + 2] === 0x42 && bytes[pubAt + 3] === SPACE
}

const MAX_SIZE_DIGITS = 9

function sizeOf(bytes: Uint8Array, start: number, end: number): number {
  let size = 0
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - ZERO
    if (digit < 0 || digit > 9) throw wrongArguments('a size is not a number')
    size = size * 10 + digit
  }
  if (end === start || end - start > MAX_SIZE_DIGITS) throw wrongArguments('a size is not a number of at most 9 digits')
  return size
}

function checkEnd(bytes: Uint8Array, messageEnd: number): void {
  if (bytes[messageEnd - 2] !== CR || bytes[messageEnd - 1] !== LF) throw malformed('a payload does not end where its size says')
}

function lineTooLong({ maxControlLineBytes }: NatsInput): BrokerError {
  return new BrokerError('nats.max_control_line', { limitBytes: maxControlLineBytes })
}

function wrongArguments(problem: string): BrokerError {
  return new BrokerError('nats.malformed', { problem, said: PARSER_ERROR })
}

function malformed(problem: string): BrokerError {
  return new BrokerError('nats.malformed', { problem })
}
