// What `-ERR` says for each error of the broker: nats-server's own texts, by which client libraries decide what to do.

import type { ErrorBody, ErrorCode } from '../../broker/ground/errors.ts'

type Details = Readonly<Record<string, string | number | boolean | undefined>>
/** undefined: nothing is said. */
type Text = string | undefined | ((details: Details) => string)

/** For operations whose arguments are wrong, in the detail `said`: the protocol has the text, though nats-server ends without a word. */
export const PARSER_ERROR = 'Parser Error'
const VIOLATION = 'Authorization Violation'

const texts: { readonly [code in ErrorCode]?: Text } = {
  // All refusals of credentials read the same: which of them it was is the log's to say.
  'auth.required': VIOLATION,
  'auth.failed': VIOLATION,
  'auth.replayed': VIOLATION,
  'auth.expired': VIOLATION,
  'auth.peer_uid': VIOLATION,
  'auth.process_not_allowed': VIOLATION,
  'handshake.expected': VIOLATION,
  'session.id_taken': VIOLATION,
  'handshake.timeout': 'Authentication Timeout',
  'tls.required': 'Secure Connection - TLS Required',
  'auth.credential_expired': 'User Authentication Expired',
  'auth.account_expired': 'Account Authentication Expired',
  'handshake.version': 'invalid client protocol',
  'nats.no_headers': 'no responders requires headers support',
  'nats.malformed': ({ said }) => (said === PARSER_ERROR ? PARSER_ERROR : 'Unknown Protocol Operation'),
  'frame.malformed': 'Unknown Protocol Operation',
  'nats.max_payload': 'Maximum Payload Violation',
  'frame.too_large': 'Maximum Payload Violation',
  'nats.max_control_line': 'maximum control line exceeded',
  'subject.invalid': 'Invalid Publish Subject',
  'pattern.invalid': 'Invalid Subject',
  'permission.denied': denied,
  'channel.direction': denied,
  'subscription.limit': 'maximum subscriptions exceeded',
  'connection.limit': 'maximum connections exceeded',
  'gateway.socket_limit': 'maximum connections exceeded',
  'connection.slow_consumer': 'Slow Consumer',
  'connection.stale': 'Stale Connection',
  // INFO has said it; a client that reads an error here would take it for a failure.
  'connection.draining': undefined,
  'connection.killed': undefined,
  'connection.lost': undefined,
  'connection.closed': undefined,
  'session.taken_over': undefined,
  // A late answer: in NATS it goes to nobody.
  'request.not_open': undefined,
  // Who publishes to a stream without a reply subject is told nothing by nats-server; a client would take a line for a failure of its connection.
  // Who asks is told on the reply subject.
  'registry.bad_version': undefined,
  'queue.full': undefined,
  'queue.bad_option': undefined,
  'store.unavailable': undefined,
  'store.failed': undefined,
  'store.no_space': undefined,
  'store.damaged': undefined,
  'store.durability': undefined,
  'internal.error': 'Internal Error',
}

const MAX_LENGTH = 512
/** Longest subject that is shown whole. */
const MAX_SHOWN = 256

/** The line for an error; undefined where nats-server says nothing. A text of the broker's own stands for what nats-server does not know. */
export function errLine(body: ErrorBody): string | undefined {
  const text = errText(body)
  return text === undefined ? undefined : `-ERR '${text}'\r\n`
}

/** What stands between the quotes. */
export function errText({ code, message, details = {} }: ErrorBody): string | undefined {
  if (!Object.hasOwn(texts, code)) return clean(message).slice(0, MAX_LENGTH)
  const text = texts[code as ErrorCode]
  return typeof text === 'function' ? text(details) : text
}

function denied({ action, subject, channel, group }: Details): string {
  const name = quoted(subject ?? channel)
  if (action !== 'subscribe to') return `Permissions Violation for Publish to ${name}`
  return `Permissions Violation for Subscription to ${name}${group === undefined ? '' : ` using queue ${quoted(group)}`}`
}

function quoted(value: Details[string]): string {
  return `"${clean(String(value ?? '')).slice(0, MAX_SHOWN)}"`
}

// Nothing that comes from a client ends the line, or the quotes, early.
function clean(text: string): string {
  return text.replace(/[\p{Cc}'"]/gu, (character) => (character === '\'' || character === '"' ? '`' : ' '))
}
