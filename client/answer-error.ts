// Reads and writes the error body of `error` and `goodbye` frames. Knows no request.

import { BrokerError, errorTable, type ErrorBody, type ErrorCode } from '../broker/ground/errors.ts'
import { Flag } from '../broker/ground/kind.ts'
import { decodePayload } from '../broker/ground/payload.ts'
import { PayloadType } from '../broker/ground/payload-type.ts'
import type { Frame } from '../broker/wire/frame.ts'

/**
 * The error that the frame tells. Responders are free in what they say: a text, or a map without a code, is the message
 * of `request.failed`. A body that cannot be read is itself the error.
 */
export function errorOf(frame: Frame): BrokerError {
  if (frame.payload.length === 0) return new BrokerError('connection.closed')
  try {
    return BrokerError.fromBody(bodyOf(frame))
  } catch (error) {
    return new BrokerError('frame.malformed', { problem: 'an error body is not valid MessagePack or JSON' }, { cause: error })
  }
}

function bodyOf({ flags, payload }: Frame): ErrorBody {
  // The broker's own frames are MessagePack, whatever the flags say.
  const type = (flags & Flag.payloadType) === PayloadType.bytes ? PayloadType.msgpack : ((flags & Flag.payloadType) as PayloadType)
  const value = decodePayload(type, payload)
  const body: Partial<ErrorBody> = typeof value === 'object' && value !== null ? value : { message: String(value) }
  const code = typeof body.code === 'string' ? body.code : 'request.failed'
  return { ...body, code, message: typeof body.message === 'string' ? body.message : code, retryable: body.retryable === true }
}

/**
 * The body that tells a requester why there is no answer. A code that is not in the table is the application's own: it
 * arrives as `request.failed` with that code in `details.code`.
 */
export function failureBody(failure: unknown, message?: string): ErrorBody {
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
