// Whether a request opens a WebSocket as RFC 6455 section 4.2.1 wants it.

import type { IncomingMessage } from 'node:http'
import { badRequest } from './refusal.ts'

const VERSION = '13'
/** RFC 6455 4.2.2: a client that speaks another version is told which one is spoken here. */
const SPOKEN = ['Upgrade: websocket', `Sec-WebSocket-Version: ${VERSION}`]

/**
 * The key that is answered.
 * @throws HttpRefusal `gateway.bad_request` with what is wrong
 */
export function checkUpgrade({ method, headers, httpVersion }: IncomingMessage): string {
  if (httpVersion !== '1.1') throw badRequest(`a WebSocket is opened by HTTP/1.1, not ${httpVersion}`)
  // Whoever stands in between may take these bytes for a body, and what follows for another request; here they would be frames.
  if (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0') throw badRequest('a request that opens a WebSocket has no body')
  if (method !== 'GET') throw badRequest(`a WebSocket is opened by GET, not ${method}`, 405, ['Allow: GET, HEAD'])
  if (headers.upgrade?.toLowerCase() !== 'websocket') throw badRequest('the header Upgrade must be "websocket"', 426, SPOKEN)
  if (headers['sec-websocket-version'] !== VERSION) throw badRequest(`the header Sec-WebSocket-Version must be ${VERSION}`, 426, SPOKEN)
  const key = headers['sec-websocket-key']
  // 16 bytes in base64.
  if (key === undefined || !/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(key)) throw badRequest('the header Sec-WebSocket-Key must be 16 bytes in base64')
  return key
}
