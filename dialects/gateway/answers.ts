// The messages of the gateway's own forms: `res` and `event`.

import type { ErrorBody } from '../../broker/ground/errors.ts'
import { isObject } from '../json/envelope.ts'
import type { OwnId } from '../json/own-names.ts'

const utf8 = new TextEncoder()

/** A message as bytes with the line end by which the link tells messages apart. */
export function line(message: object): Uint8Array {
  return utf8.encode(`${JSON.stringify(message)}\n`)
}

export function success(id: OwnId | undefined, payload: unknown): object {
  return { type: 'res', ...(id === undefined ? {} : { id }), ok: true, payload }
}

export function failure(id: OwnId | undefined, error: unknown): object {
  return { type: 'res', ...(id === undefined ? {} : { id }), ok: false, error }
}

/** `id`: of the request that it belongs to. */
export function event(name: string, payload: unknown, id?: OwnId): object {
  return { type: 'event', event: name, ...(id === undefined ? {} : { id }), ...(payload === undefined ? {} : { payload }) }
}

/** The error of a responder, which may be anything, with all members that an error has. */
export function failureOf(payload: unknown): ErrorBody {
  const { code, message, retryable, details } = isObject(payload) ? payload : { message: payload }
  return {
    code: typeof code === 'string' ? code : 'request.failed',
    message: typeof message === 'string' ? message : 'the responder failed and did not say why',
    retryable: retryable === true,
    ...(isObject(details) ? { details: details as ErrorBody['details'] & object } : {}),
  }
}

/** What an agent answered, as an object with its session key; what is no object is its `message`. */
export function agentAnswer(payload: unknown, sessionKey: string | undefined): object {
  return { ...(isObject(payload) ? payload : { message: payload }), ...(sessionKey === undefined ? {} : { sessionKey }) }
}
