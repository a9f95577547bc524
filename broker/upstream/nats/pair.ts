// The two connections of the link, both at one server: P publishes and has the plain subscriptions, Q those of queue groups.
//
// At one server, since only there a group's SUB on Q is known to what P publishes as soon as Q has its PONG. Two connections, since
// P must not get back what it publishes, while a group here must get what is published here.

import { BrokerError } from '../../ground/errors.ts'
import type { Authenticator } from './credentials.ts'
import { NatsClient, type NatsClientOptions } from './nats-client.ts'

export interface Pair {
  readonly p: NatsClient
  readonly q: NatsClient
}

/** Behind one name there may be several servers. */
const TRIES = 5

/** @throws BrokerError `bus.unreachable`, `bus.refused`, `bus.protocol` */
export async function openPair(options: Omit<NatsClientOptions, 'echo' | 'authenticator'>, authenticator: Authenticator): Promise<Pair> {
  const p = await NatsClient.open({ ...options, authenticator, echo: false })
  try {
    for (let i = 0; i < TRIES; i++) {
      const q = await NatsClient.open({ ...options, name: `${options.name}-groups`, authenticator, echo: true, address: p.remoteAddress })
      if (q.info.id === p.info.id && !p.isClosed) return { p, q }
      q.destroy(new BrokerError('bus.unreachable', { server: q.server.text, problem: 'another server than the one before' }))
    }
    throw new BrokerError('bus.unreachable', { server: p.server.text, problem: 'behind that address there are several servers, and two connections did not come to the same one; name the servers themselves' })
  } catch (error) {
    p.destroy(BrokerError.from(error))
    throw error
  }
}

/** Ends both at once, for that reason. */
export function endPair({ p, q }: Pair, problem: BrokerError): void {
  p.destroy(problem)
  q.destroy(problem)
}

/** Resolves when the server has worked off what both have sent. @throws BrokerError when one of them closes before, or it takes too long */
export function settled({ p, q }: Pair, timeoutMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new BrokerError('bus.stale', { server: p.server.text, silentMs: timeoutMs })), timeoutMs)
  let left = 2
  const answered = (): void => {
    if (--left === 0) resolve()
  }
  p.ping(answered)
  q.ping(answered)
  for (const client of [p, q]) client.onClosed(reject)
  return promise.finally(() => clearTimeout(timer))
}
