// Shows a received message: the envelope for programs, a line or a value for people.

import { toJsonValue, type JsonValue } from '../broker/ground/json-value.ts'
import type { Message } from '../client/index.ts'
import { formatTime, printable } from './format.ts'
import { paint } from './table.ts'

const MICROS_PER_MS = 1000
const CONTROL = /[^\P{Cc}\t\r\n]/u

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The envelope of docs/protocol.md section 7, the subject in full; `timestamp` in milliseconds. */
export function envelopeOf(message: Message): object {
  const { mid, sender, ...headers } = message.headers ?? {}
  return {
    version: '1.0',
    id: typeof mid === 'string' ? mid : message.textId,
    type: typeOf(message),
    subject: message.subject,
    payload: toJsonValue(message.value),
    timestamp: Math.floor(message.time / MICROS_PER_MS),
    sender: senderOf(sender, message),
    ...(Object.keys(headers).length > 0 && { headers: toJsonValue(headers) }),
  }
}

/** `12:03:04.123  events.cpu  cli  {"load":0.3}` */
export function messageLine(message: Message): string {
  const value = shown(message.value)
  const payload = typeof value === 'string' ? value : JSON.stringify(value)
  return [paint('dim', formatTime(message.time / MICROS_PER_MS)), paint('cyan', printable(message.subject)), printable(senderOf(message.headers?.['sender'], message)), printable(payload)].join('  ')
}

/** A payload alone: text as it is, line by line; anything else as indented JSON. */
export function payloadText(value: unknown): string {
  const json = shown(value)
  return typeof json === 'string' ? json.split('\n').map(printable).join('\n') : JSON.stringify(json, null, 2)
}

// Whoever sends bytes need not say that they are text: NATS clients never do. People read it as such, programs get `$base64`.
function shown(value: unknown): JsonValue {
  return toJsonValue(value instanceof Uint8Array ? readableText(value) ?? value : value)
}

/** The text that bytes are; undefined where they are no UTF-8, or hold control characters other than tab and line ends. */
function readableText(bytes: Uint8Array): string | undefined {
  try {
    const string = utf8.decode(bytes)
    return CONTROL.test(string) ? undefined : string
  } catch {
    return undefined
  }
}

function typeOf(message: Message): 'event' | 'broadcast' | 'request' | 'response' | 'part' {
  if (message.kind === 'request') return 'request'
  if (message.kind === 'answer') return message.isLast ? 'response' : 'part'
  return message.subject === '$CB.all' ? 'broadcast' : 'event'
}

// The broker verifies a sender's name but adds none: without one the connection's number says who it was.
function senderOf(sender: unknown, message: Message): string {
  return typeof sender === 'string' ? sender : `conn-${message.origin}`
}
