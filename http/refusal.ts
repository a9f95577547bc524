// Tells a client of HTTP that it gets nothing, and why: a status and a JSON body with the error's code and message.

import { STATUS_CODES } from './node-http.ts'
import type { Socket } from 'node:net'
import { BrokerError } from '../broker/ground/errors.ts'

/** Time that a client has to read why, before its socket is cut. ms */
export const READ_REFUSAL_MS = 1000

/** Thrown where a request is not answered: the error, and the status that says it in HTTP. */
export class HttpRefusal extends Error {
  readonly status: number
  readonly error: BrokerError
  /** Headers of the response, whole lines. */
  readonly headers: readonly string[]

  constructor(status: number, error: BrokerError, headers: readonly string[] = []) {
    super(error.message)
    this.status = status
    this.error = error
    this.headers = headers
  }

  /** The refusal for anything that was thrown; what has no status is a failure of this side. */
  static from(thrown: unknown): HttpRefusal {
    return thrown instanceof HttpRefusal ? thrown : new HttpRefusal(500, BrokerError.from(thrown))
  }
}

/** A request that asks for the wrong thing, or wrongly. */
export function badRequest(problem: string, status = 400, headers?: readonly string[]): HttpRefusal {
  return new HttpRefusal(status, new BrokerError('gateway.bad_request', { problem }), headers)
}

/** A request that is not to be answered; `key` of the config says which are. */
export function forbidden(problem: string, key: string): HttpRefusal {
  return new HttpRefusal(403, new BrokerError('gateway.forbidden', { problem, key }))
}

export function refusalBody({ code, message }: BrokerError): string {
  return `${JSON.stringify({ code, message })}\n`
}

// The whole response: an upgrade has no ServerResponse, and a socket over the limits not even a request.
function refusalResponse({ status, error, headers }: HttpRefusal): string {
  const body = refusalBody(error)
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`, 'Cache-Control: no-store', ...headers, 'Connection: close']
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

/** Sends the response and ends; the owner of the socket cuts it when the other end does not. */
export function refuseSocket(socket: Socket, refusal: HttpRefusal): void {
  socket.end(refusalResponse(refusal))
  // What it still sends is read and thrown away: were it left, the cut would take the response with it.
  socket.resume()
}
