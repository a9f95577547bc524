// Reads and writes the error body of `error` and `goodbye` frames. Knows no request.

import { decode, encode } from '@msgpack/msgpack'
import { BrokerError, errorTable, type ErrorBody, type ErrorCode } from '../broker/ground/errors.ts'
import type { Frame } from '../broker/wire/frame.ts'

/** The error that the frame tells; a body that cannot be read is itself the error. */
export function errorOf(frame: Frame): BrokerError {
  if (frame.payload.length === 0) return new BrokerError('connection.closed')
  try {
    return BrokerError.fromBody(decode(frame.payload) as ErrorBody)
  } catch (error) {
    return new BrokerError('frame.malformed', { problem: 'an error body is not valid MessagePack' }, { cause: error })
  }
}

/**
 * The body that tells a requester why there is no answer. A code that is not in the table is the application's own: it
 * arrives as `request.failed` with that code in `details.code`.
 */
export function encodeFailure(failure: unknown, message?: string): Uint8Array {
  return encode(failureBody(failure, message), { ignoreUndefined: true })
}

function failureBody(failure: unknown, message?: string): ErrorBody {
  if (failure instanceof BrokerError) return failure.toBody()
  if (failure instanceof Error) return { code: 'request.failed', message: failure.message, retryable: false, details: { message: failure.message } }
  const code = String(failure)
  const text = message ?? code
  if (isErrorCode(code)) return { code, message: `${code}: ${text}`, retryable: errorTable[code].retryable, details: { message: text } }
  return { code: 'request.failed', message: text, retryable: false, details: { message: text, code } }
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code)
}
