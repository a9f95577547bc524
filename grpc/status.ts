// Errors as gRPC tells them: one of its codes, the message, and details that a program can read. Codes are what gRPC
// clients decide by (UNAVAILABLE is tried again, INVALID_ARGUMENT never is); the broker's own code always comes along.

import { Metadata, status as Code, type StatusObject } from '@grpc/grpc-js'
import { BrokerError, type ErrorCode } from '../broker/ground/errors.ts'
import { writeErrorInfo, writeStatus } from './definitions.ts'

/** Domain of the ErrorInfo. */
const ERROR_DOMAIN = 'callboard'
const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo'
/** Characters of a message, and of all that the details say: other implementations read header blocks of 8 KiB at most. */
const MAX_MESSAGE = 1024
const MAX_DETAIL = 256
const MAX_DETAILS = 8

/** What holds for an area; `codes` below knows the exceptions. */
const areas: Readonly<Record<string, Code>> = {
  frame: Code.INVALID_ARGUMENT,
  envelope: Code.INVALID_ARGUMENT,
  payload: Code.INVALID_ARGUMENT,
  subject: Code.INVALID_ARGUMENT,
  pattern: Code.INVALID_ARGUMENT,
  filter: Code.INVALID_ARGUMENT,
  order: Code.INVALID_ARGUMENT,
  handshake: Code.UNAUTHENTICATED,
  auth: Code.UNAUTHENTICATED,
  permission: Code.PERMISSION_DENIED,
  channel: Code.FAILED_PRECONDITION,
  subscription: Code.FAILED_PRECONDITION,
  session: Code.ABORTED,
  connection: Code.UNAVAILABLE,
  queue: Code.FAILED_PRECONDITION,
  store: Code.UNAVAILABLE,
  bus: Code.UNAVAILABLE,
  lease: Code.UNAVAILABLE,
  registry: Code.FAILED_PRECONDITION,
  agent: Code.FAILED_PRECONDITION,
  method: Code.INVALID_ARGUMENT,
  grpc: Code.FAILED_PRECONDITION,
}

const codes: Readonly<Partial<Record<ErrorCode, Code>>> = {
  'frame.too_large': Code.RESOURCE_EXHAUSTED,
  'frame.unsupported': Code.UNIMPLEMENTED,
  'auth.peer_uid': Code.PERMISSION_DENIED,
  'auth.process_not_allowed': Code.PERMISSION_DENIED,
  'auth.signature_missing': Code.FAILED_PRECONDITION,
  'channel.not_found': Code.NOT_FOUND,
  'channel.exists': Code.ALREADY_EXISTS,
  'channel.direction': Code.PERMISSION_DENIED,
  'channel.invalid': Code.INVALID_ARGUMENT,
  'subscription.limit': Code.RESOURCE_EXHAUSTED,
  'request.no_responders': Code.UNAVAILABLE,
  'request.timeout': Code.DEADLINE_EXCEEDED,
  'request.responder_gone': Code.UNAVAILABLE,
  'request.not_open': Code.FAILED_PRECONDITION,
  'request.limit': Code.RESOURCE_EXHAUSTED,
  'request.cancelled': Code.CANCELLED,
  'request.failed': Code.UNKNOWN,
  'request.id_open': Code.ALREADY_EXISTS,
  'request.dead_lettered': Code.ABORTED,
  'method.unknown': Code.UNIMPLEMENTED,
  'session.id_taken': Code.ALREADY_EXISTS,
  'connection.slow_consumer': Code.RESOURCE_EXHAUSTED,
  'connection.limit': Code.RESOURCE_EXHAUSTED,
  'flow.no_credit': Code.RESOURCE_EXHAUSTED,
  'order.limit': Code.RESOURCE_EXHAUSTED,
  'queue.full': Code.RESOURCE_EXHAUSTED,
  'queue.bad_option': Code.INVALID_ARGUMENT,
  'queue.unsupported': Code.UNIMPLEMENTED,
  'store.no_space': Code.RESOURCE_EXHAUSTED,
  'store.damaged': Code.DATA_LOSS,
  'store.durability': Code.FAILED_PRECONDITION,
  'agent.unknown': Code.NOT_FOUND,
  'grpc.unknown_registration': Code.NOT_FOUND,
  'grpc.bad_message': Code.INVALID_ARGUMENT,
  'grpc.not_listening': Code.UNAVAILABLE,
  'grpc.bad_credential': Code.UNAUTHENTICATED,
  'internal.error': Code.INTERNAL,
}

/** The code of gRPC for one of the broker's: INTERNAL where nothing says otherwise, UNAVAILABLE where trying again may help. */
export function codeOf({ code, retryable }: BrokerError): Code {
  const found = codes[code] ?? areas[code.slice(0, code.indexOf('.'))] ?? (retryable ? Code.UNAVAILABLE : Code.INTERNAL)
  // Libraries try again by themselves: only where that is worth it.
  return found === Code.UNAVAILABLE && !retryable ? Code.FAILED_PRECONDITION : found
}

/** How a call ends that failed. `more` goes out beside it. */
export function statusOf(thrown: unknown, more: Readonly<Record<string, string>> = {}): StatusObject {
  const error = BrokerError.from(thrown)
  const code = codeOf(error)
  // What the library does with lone surrogates is throw.
  const message = error.message.toWellFormed()
  const details = message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE).toWellFormed()}…` : message
  const metadata = new Metadata()
  metadata.set('callboard-code', error.code)
  metadata.set('callboard-retryable', String(error.retryable))
  metadata.set('grpc-status-details-bin', detailsOf(error, code, details))
  for (const [key, value] of Object.entries(more)) metadata.set(key, value)
  return { code, details, metadata }
}

// google.rpc.Status with one ErrorInfo, whose reason is the code as AIP-193 wants it written.
function detailsOf(error: BrokerError, code: Code, message: string): Buffer {
  const own = Object.entries(error.details).filter(([, value]) => value !== undefined).slice(0, MAX_DETAILS)
  const texts = Object.fromEntries(own.map(([key, value]) => [key, String(value).slice(0, MAX_DETAIL).toWellFormed()]))
  const info = { reason: error.code.replace('.', '_').toUpperCase(), domain: ERROR_DOMAIN, metadata: { ...texts, code: error.code, retryable: String(error.retryable), ...(texts['code'] === undefined ? {} : { applicationCode: texts['code'] }) } }
  return writeStatus({ code, message, details: [{ typeUrl: ERROR_INFO, value: writeErrorInfo(info) }] })
}
