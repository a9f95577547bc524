// The answer to an opening handshake, RFC 6455 section 4.2.2. Knows no sockets.

import { createHash } from 'node:crypto'

/** RFC 6455 1.3: what is put behind the client's key, so that nothing but a WebSocket server gives this answer. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** The response after which both sides speak WebSocket. */
export function handshakeResponse(key: string, extension: string | undefined): string {
  const accept = createHash('sha1').update(key + GUID).digest('base64')
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`]
  if (extension !== undefined) lines.push(`Sec-WebSocket-Extensions: ${extension}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}
