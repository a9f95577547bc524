// Why a connection was closed, in the words of nats-server, which dashboards group by.

import type { ErrorCode } from '../ground/errors.ts'

const OPERATOR = 'Ended by Operator'

const reasons: Partial<Record<ErrorCode, string>> = {
  'frame.bad_preamble': 'Parse Error',
  'frame.malformed': 'Parse Error',
  'frame.too_large': 'Maximum Message Payload Exceeded',
  'frame.id_order': 'Protocol Violation',
  'frame.unsupported': 'Protocol Violation',
  'envelope.malformed': 'Parse Error',
  'handshake.expected': 'Protocol Violation',
  'handshake.timeout': 'Authentication Timeout',
  'handshake.version': 'Bad Client Protocol Version',
  'auth.required': 'Authentication Failure',
  'auth.failed': 'Authentication Failure',
  'auth.replayed': 'Authentication Failure',
  'auth.expired': 'Authentication Failure',
  'auth.peer_uid': 'Authentication Failure',
  'auth.process_not_allowed': 'Authentication Failure',
  'permission.denied': 'Authentication Failure',
  'session.id_taken': 'Authentication Failure',
  'session.taken_over': 'Duplicate Client ID',
  'subscription.limit': 'Maximum Subscriptions Exceeded',
  'connection.slow_consumer': 'Slow Consumer (Pending Bytes)',
  'connection.stale': 'Stale Connection',
  'connection.limit': 'Maximum Connections Exceeded',
  'connection.draining': 'Server Shutdown',
  'connection.lost': 'Read Error',
  'connection.killed': OPERATOR,
  'websocket.protocol': 'Protocol Violation',
  'websocket.invalid_data': 'Protocol Violation',
  'websocket.too_large': 'Maximum Message Payload Exceeded',
  'gateway.bad_request': 'Protocol Violation',
  'connect.bad_params': 'Protocol Violation',
  'auth.credential_expired': 'Authentication Expired',
  'auth.account_expired': 'Authentication Expired',
  'tls.required': 'TLS Handshake Failure',
  'tls.handshake_timeout': 'TLS Handshake Failure',
  'nats.malformed': 'Protocol Violation',
  'nats.no_headers': 'No Responders Requires Headers',
  'nats.max_payload': 'Maximum Message Payload Exceeded',
  'nats.max_control_line': 'Maximum Control Line Exceeded',
}

/** Words for the code with which a connection ended; without one its client closed it. A code that nats-server has no words for stands for itself. */
export function closeReason(code: ErrorCode | undefined): string {
  return code === undefined ? 'Client Closed' : (reasons[code] ?? code)
}
