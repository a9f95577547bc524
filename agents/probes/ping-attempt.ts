// A probe that asks the agent over the connection by which it came in for a sign of life. It reaches the turn of the event loop in which requests are answered.

import type { Attempt } from './probe.ts'

/** Sends a ping and calls back when it, and no earlier one, is answered; returns what forgets it. undefined: there is no connection. */
export type Ping = (answered: () => void) => (() => void) | undefined

export function pingAttempt(ping: Ping): Attempt {
  return (signal) =>
    new Promise((resolve) => {
      const forget = ping(() => resolve(undefined))
      if (forget === undefined) resolve('is not connected')
      else signal.addEventListener('abort', () => {
        forget()
        resolve('given up')
      }, { once: true })
    })
}
