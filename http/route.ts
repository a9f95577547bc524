// What is answered at a path, beside the WebSocket at `/`.

import type { IncomingMessage } from 'node:http'

export interface Answer {
  readonly status: number
  /** `application/json`, `text/plain; charset=utf-8` */
  readonly type: string
  readonly body: string
}

/** Answers GET and HEAD of one path. */
export type Route = (request: IncomingMessage) => Answer | Promise<Answer>

/** By path, such as `/healthz`. */
export type Routes = Readonly<Record<string, Route>>

export function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(value)}\n` }
}
