// A probe that asks an HTTP server and looks at the status of its answer, not at what it says.

import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Attempt } from './probe.ts'
import { urlText } from './target-text.ts'

const [LEAST, MOST] = [200, 399]

/** `status`: the one that it must answer with; undefined: any from 200 to 399. */
export function httpAttempt(url: string, status: number | undefined): Attempt {
  const text = urlText(url)
  return async (signal) => {
    // Loaded when the first of them is needed.
    const { get } = url.startsWith('https:') ? await import('node:https') : await import('node:http')
    return new Promise((resolve) => {
      // A connection of its own: that an old one is still open says little.
      const request: ClientRequest = get(url, { agent: false, signal, headers: { 'user-agent': 'callboard-probe' } }, (response: IncomingMessage) => {
        const { statusCode = 0 } = response
        const isExpected = status === undefined ? statusCode >= LEAST && statusCode <= MOST : statusCode === status
        resolve(isExpected ? undefined : `${text} answered with status ${statusCode}, expected was ${status ?? `${LEAST} to ${MOST}`}`)
        request.destroy()
      })
      // Stays for errors that come after the end.
      request.on('error', (error: NodeJS.ErrnoException) => resolve(`${text} does not answer: ${error.code ?? error.message}`))
    })
  }
}
