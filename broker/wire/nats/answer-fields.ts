// What the kind of an answer is called in the headers of a NATS message, where it has no other place.

import { errorTable, type ErrorBody, type ErrorCode } from '../../ground/errors.ts'
import { Kind } from '../../ground/kind.ts'
import { decodePayload } from '../../ground/payload.ts'
import type { PayloadType } from '../../ground/payload-type.ts'
import type { HeaderField } from './header-block.ts'
import { Name } from './header-names.ts'

/** What is told of an error in a line. characters */
const MAX_ERROR_CHARACTERS = 1024
/** The number of an error of the broker's table is this and its number there, as on WebSocket. */
const OWN_CODE_BASE = 4000
/** Of an error with a code of the application's. */
const UNKNOWN_CODE = 500

/** The headers that say what kind of answer a message is; none for a last answer that is no failure, and for what is no answer. */
export function answerFields(kind: number, type: PayloadType, payload: Uint8Array): HeaderField[] {
  if (kind === Kind.part) return [[Name.part, 'true']]
  return kind === Kind.error ? errorFields(bodyOf(type, payload)) : []
}

/** What NATS clients are told of an error: number, text, and its code. */
export function errorFields({ code: given, message, details }: Pick<ErrorBody, 'code' | 'message' | 'details'>): HeaderField[] {
  // A code of the application's own travels among the details.
  const own = given === 'request.failed' ? details?.['code'] : undefined
  const code = typeof own === 'string' ? own : given
  const known = Object.hasOwn(errorTable, code) ? OWN_CODE_BASE + errorTable[code as ErrorCode].close : UNKNOWN_CODE
  const told = details?.['serviceErrorCode']
  const number = typeof told === 'number' || typeof told === 'string' ? lineOf(String(told)) : String(known)
  return [[Name.serviceErrorCode, number], [Name.serviceError, lineOf(message)], [Name.error, lineOf(code)]]
}

function bodyOf(type: PayloadType, payload: Uint8Array): Pick<ErrorBody, 'code' | 'message' | 'details'> {
  let body: unknown
  try {
    body = decodePayload(type, payload)
  } catch {
    // The responder's own bytes: that it failed is all there is to tell.
  }
  const { code, message, details } = (typeof body === 'object' && body !== null ? body : {}) as Partial<ErrorBody>
  return {
    code: typeof code === 'string' ? code : 'request.failed',
    message: typeof message === 'string' ? message : 'the responder failed',
    ...(typeof details === 'object' && details !== null ? { details } : {}),
  }
}

function lineOf(words: string): string {
  return words.toWellFormed().replace(/[\r\n]+/g, ' ').slice(0, MAX_ERROR_CHARACTERS).toWellFormed().trim()
}
