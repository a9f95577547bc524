// A plain NATS client of the public library, as any program of the user's would be; it ends with the test.

import { connect, wsconnect, type ConnectionOptions, type NatsConnection, type Status, type Subscription, type Msg } from '@nats-io/transport-node'
import type { Teardown } from './temporary-directory.ts'

/** Time to connect: the library's 20 s are short for a machine that runs many tests. */
const PATIENCE_MS = 60_000

/** Connected; it stays away once it was cut off, unless the options say otherwise. */
export async function connectNats(t: Teardown, servers: string | string[], options: ConnectionOptions = {}): Promise<NatsConnection> {
  const client = await connect({ servers, reconnect: false, timeout: PATIENCE_MS, ...options })
  t.teardown(() => client.close())
  return client
}

/** The same over WebSocket. Not in a file with `connectNats`: the library has one transport at a time for a whole process. */
export async function connectNatsWebSocket(t: Teardown, url: string, options: ConnectionOptions = {}): Promise<NatsConnection> {
  const client = await wsconnect({ servers: url, reconnect: false, timeout: PATIENCE_MS, ...options })
  t.teardown(() => client.close())
  return client
}

// A subscription can be iterated once.
const iterators = new WeakMap<Subscription, AsyncIterator<Msg>>()

/** The next `count` messages of a subscription. */
export async function takeNats(subscription: Subscription, count: number): Promise<Msg[]> {
  const iterator = iterators.get(subscription) ?? subscription[Symbol.asyncIterator]()
  iterators.set(subscription, iterator)
  const messages: Msg[] = []
  while (messages.length < count) {
    const { value } = (await iterator.next()) as { value: Msg | undefined }
    if (value === undefined) throw new Error(`the subscription to ${subscription.getSubject()} ended after ${messages.length} of ${count} messages`)
    messages.push(value)
  }
  return messages
}

/** Subscribed, and the broker knows it. */
export async function subscribeNats(client: NatsConnection, ...subscription: Parameters<NatsConnection['subscribe']>): Promise<Subscription> {
  const made = client.subscribe(...subscription)
  await client.flush()
  return made
}

/** Resolves when the client library hears of such a thing. */
export async function nextNatsStatus(client: NatsConnection, type: Status['type']): Promise<Status> {
  for await (const status of client.status()) if (status.type === type) return status
  throw new Error(`the client ended without ${type}`)
}
