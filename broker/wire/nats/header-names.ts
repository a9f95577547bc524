// What a native header is called in a NATS message, and back. One to one, so that a message that crosses twice is the same.
//
//   native                              NATS
//   mid ttl sentAt receipt sender       Nats-Msg-Id Callboard-TTL Callboard-Sent-At Callboard-Receipt Callboard-Sender
//   any other valid name                the same name
//   a name that cannot stand there      Callboard-Header-<base64url>
//   nats:mid, nats:ttl, …               mid, ttl, …: a NATS client's own header, which means nothing to the broker
//   nats:status                         the status line

import { isHeaderName } from './header-block.ts'

/** Headers of the broker's own on messages for NATS clients. */
export const Name = {
  id: 'Callboard-Id',
  sender: 'Callboard-Sender',
  time: 'Callboard-Time',
  ttl: 'Callboard-TTL',
  sentAt: 'Callboard-Sent-At',
  receipt: 'Callboard-Receipt',
  /** `<header> json|base64|msgpack`: the value of that header is a text of that form, not the text itself. */
  form: 'Callboard-Form',
  /** Code of an error. */
  error: 'Callboard-Error',
  /** Of a request to a name: a range of versions, and a key that goes to the same instance each time. */
  version: 'Callboard-Version',
  affinity: 'Callboard-Affinity',
  /** Any value: one of several answers to a request, and not the last one. */
  part: 'Callboard-Part',
  mid: 'Nats-Msg-Id',
  contentType: 'Content-Type',
  serviceError: 'Nats-Service-Error',
  serviceErrorCode: 'Nats-Service-Error-Code',
} as const

/** Native name of the header with the status line of a NATS message. */
export const STATUS = 'nats:status'
/** Native name of the header with a block that could not be parsed, as bytes. */
export const BLOCK = 'nats:block'

const ESCAPE = 'Callboard-Header-'
const OWN_PREFIX = 'callboard-'
const FOREIGN = 'nats:'
/** Names that mean something in a native message; all but `mid`, `ttl`, … above stay behind when it crosses. */
const NATIVE_WORDS = new Set(['mid', 'ttl', 'sentAt', 'receipt', 'sender', 'sig', 'replyTo'])
/** Names of the broker's own that stand natively as well. */
const SHARED = new Set<string>([Name.error, Name.part])
/** W3C Trace Context 3.2.1: the case of these names does not count. The broker knows them in lower case. */
const TRACE_WORDS = new Set(['traceparent', 'tracestate'])

/** Names of NATS headers that no native header may have. */
const FOREIGN_WORDS = new Set([...NATIVE_WORDS, '__proto__'])

const utf8 = new TextEncoder()
const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** True for names that a native message gives a meaning: they never cross under that name. */
export function isNativeWord(name: string): boolean {
  return NATIVE_WORDS.has(name)
}

/** What a native header, none of the native words, is called in NATS. */
export function natsName(name: string): string {
  if (name.startsWith(FOREIGN)) {
    const word = name.slice(FOREIGN.length)
    if (FOREIGN_WORDS.has(word)) return word
  }
  return isHeaderName(name) && !isTaken(name) ? name : ESCAPE + Buffer.from(utf8.encode(name)).toString('base64url')
}

/** What a NATS header is called natively; undefined for those of the broker's own, which say nothing to natives as they are. */
export function nativeName(name: string): string | undefined {
  if (FOREIGN_WORDS.has(name)) return FOREIGN + name
  if (name.startsWith(ESCAPE)) return unescaped(name)
  const lower = name.toLowerCase()
  if (TRACE_WORDS.has(lower)) return lower
  return lower.startsWith(OWN_PREFIX) && !SHARED.has(name) ? undefined : name
}

// Other clients may compare names without the case of their letters.
function isTaken(name: string): boolean {
  const lower = name.toLowerCase()
  return FOREIGN_WORDS.has(name) || (lower.startsWith(OWN_PREFIX) && !SHARED.has(name)) || name === Name.mid || lower === 'content-type' || (TRACE_WORDS.has(lower) && name !== lower)
}

// Only what natsName would have written: nobody gives a native word a value by its escape.
function unescaped(name: string): string | undefined {
  try {
    const native = text.decode(Buffer.from(name.slice(ESCAPE.length), 'base64url'))
    return !FOREIGN_WORDS.has(native) && natsName(native) === name ? native : undefined
  } catch {
    return undefined
  }
}
