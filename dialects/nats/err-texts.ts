// What the errors of the broker are called in the NATS protocol.

import type { ErrorBody } from '../../broker/ground/errors.ts'

const closing: Readonly<Record<string, string>> = {
  'auth.required': 'Authorization Violation',
  'auth.failed': 'Authorization Violation',
  'handshake.timeout': 'Authentication Timeout',
  'handshake.expected': 'Authorization Violation',
  'tls.required': 'Secure Connection - TLS Required',
  'nats.max_payload': 'Maximum Payload Violation',
  'nats.max_control_line': 'maximum control line exceeded',
  'nats.malformed': 'Unknown Protocol Operation',
  'connection.slow_consumer': 'Slow Consumer',
  'connection.stale': 'Stale Connection',
  'connection.limit': 'maximum connections exceeded',
  'connection.draining': 'Server Shutdown',
}

/** For the end of a connection. */
export function closingText({ code }: ErrorBody): string | undefined {
  return closing[code]
}

/** For what was refused while the connection stays; undefined: nothing is said. */
export function refusalText({ code, details }: ErrorBody, isPedantic: boolean): string | undefined {
  if (code === 'permission.denied') return `Permissions Violation for ${details?.['action'] === 'subscribe to' ? 'Subscription' : 'Publish'} to "${String(details?.['subject'])}"`
  if (code === 'subscription.limit') return 'maximum subscriptions exceeded'
  if (code === 'pattern.invalid') return 'Invalid Subject'
  if (code === 'subject.invalid') return isPedantic ? 'Invalid Publish Subject' : undefined
  return undefined
}
