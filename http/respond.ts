// Writes an answer to a request, with the headers that every answer has, and ends the connection.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer } from './route.ts'

/** `lines`: more headers, whole lines. */
export function respond(request: IncomingMessage, response: ServerResponse, { status, type, body }: Answer, lines: readonly string[] = []): void {
  for (const line of lines) response.setHeader(...(line.split(/: (.*)/s, 2) as [string, string]))
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    Connection: 'close',
    ...(status === 405 ? { Allow: 'GET, HEAD' } : {}),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}
