// What goes wrong with Redis, in the words of the broker. No text of these holds a password: addresses come without one.

import { BrokerError } from '../../ground/errors.ts'

export function unavailable(problem: string, cause?: unknown): BrokerError {
  return new BrokerError('store.unavailable', { backend: 'redis', problem }, { cause })
}

/** An error that ioredis or the server gave. What the server says itself it has not done; all else leaves open whether it has. */
export function redisError(url: string, error: unknown): BrokerError {
  if (error instanceof BrokerError) return error
  const text = error instanceof Error ? error.message : String(error)
  // Beyond maxmemory, and a log or snapshot that cannot be written: nothing is taken until there is room.
  if (/^(?:OOM|MISCONF)|\bOOM command/.test(text)) return new BrokerError('store.no_space', { path: `${url} (${text})` }, { cause: error })
  if (/^(?:NOSCRIPT|LOADING|MASTERDOWN|NOREPLICAS|UNBLOCKED)/.test(text)) return unavailable(`${url}: ${text}`, error)
  if (/^(?:ERR|READONLY|NOPERM|WRONGTYPE|NOAUTH|WRONGPASS|CROSSSLOT|MOVED)\b/.test(text)) return new BrokerError('store.failed', { backend: 'redis', problem: `${url}: ${text}` }, { cause: error })
  const problem = /max retries per request|Connection is closed/.test(text) ? 'the connection was lost' : text
  return unavailable(`${url}: ${problem}; nobody knows whether it was done`, error)
}
