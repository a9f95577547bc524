// What programs do with a NATS client library, told once for every way in which one connects.

import { headers, NoRespondersError, PermissionViolationError, RequestError, TimeoutError, type ConnectionOptions, type Msg, type NatsConnection } from '@nats-io/transport-node'
import test, { type ExecutionContext } from 'ava'
import type { BrokerStats } from '../../broker/ground/api.ts'
import { startBroker, type LocalBroker } from './broker.ts'
import { subscribeNats, takeNats } from './nats-client.ts'
import { reservedPort } from './reserved-port.ts'
import type { Teardown } from './temporary-directory.ts'

export interface NatsWay {
  readonly name: string
  readonly connect: (t: Teardown, broker: LocalBroker, options?: ConnectionOptions) => Promise<NatsConnection>
}

interface Stage {
  readonly broker: LocalBroker
  /** As many clients as are asked for, of the owner's. */
  readonly clients: NatsConnection[]
}

const utf8 = new TextEncoder()

/** Registers the stories. */
export function natsClientStories({ name, connect }: NatsWay): void {
  const story = (title: string, count: number, run: (t: ExecutionContext, stage: Stage) => Promise<void>, config: object = {}): void => {
    test(`nats client over ${name}: ${title}`, async t => {
      const broker = await startBroker(t, { config })
      const clients = await Promise.all(Array.from({ length: count }, () => connect(t, broker, owner(broker))))
      await run(t, { broker, clients })
      t.true((await statsOf(broker)).balanced, 'every delivery has a fate')
    })
  }

  story('a message reaches its subscribers, wildcards too, in the order in which it was published', 2, async (t, { clients: [publisher, receiver] }) => {
    const [one, rest] = [receiver!.subscribe('orders.*'), receiver!.subscribe('orders.>')]
    await receiver!.flush()
    for (let i = 0; i < 500; i++) publisher!.publish('orders.new', String(i))
    publisher!.publish('orders.new.eu', 'deep')
    publisher!.publish('orders', 'short')
    publisher!.publish('orders.end', 'end')
    t.deepEqual(texts(await takeNats(one, 501)), [...Array.from({ length: 500 }, (_, i) => String(i)), 'end'])
    t.deepEqual(texts(await takeNats(rest, 502)).slice(-3), ['499', 'deep', 'end'])
  })

  story('of a queue group one member gets each message, two groups one each', 4, async (t, { clients: [publisher, ...members] }) => {
    const counts = new Map<string, number>()
    const seen: string[] = []
    const done = Promise.withResolvers<void>()
    for (const [i, member] of members.entries()) {
      for (const queue of ['a', 'b']) {
        const callback = (_error: Error | null, message: Msg): void => {
          seen.push(`${queue} ${message.string()}`)
          counts.set(`${queue}${i}`, (counts.get(`${queue}${i}`) ?? 0) + 1)
          if (seen.length === 600) done.resolve()
        }
        member.subscribe('work', { queue, callback })
      }
      await member.flush()
    }
    for (let i = 0; i < 300; i++) publisher!.publish('work', String(i))
    await done.promise
    await Promise.all(members.map(member => member.flush()))
    t.is(new Set(seen).size, 600, 'none came twice')
    t.is(seen.length, 600)
    t.is(counts.size, 6, 'every member had some')
  })

  story('headers arrive as they were sent: several values, any case, empty ones', 2, async (t, { clients: [publisher, receiver] }) => {
    const subscription = await subscribeNats(receiver!, 'with.headers')
    const sent = headers()
    sent.append('X-Many', 'one')
    sent.append('X-Many', 'two')
    sent.append('x-many', 'other')
    sent.append('Empty', '')
    sent.append('Unicode', 'grüße')
    publisher!.publish('with.headers', utf8.encode('payload'), { headers: sent, reply: 'answers.here' })
    const [message] = await takeNats(subscription, 1)
    t.deepEqual(message!.headers!.values('X-Many'), ['one', 'two'])
    t.deepEqual(['x-many', 'Empty', 'Unicode'].map(key => message!.headers!.get(key)), ['other', '', 'grüße'])
    t.deepEqual([message!.string(), message!.reply], ['payload', 'answers.here'])
  })

  story('requests are answered, muxed and not, a thousand at a time', 2, async (t, { clients: [asker, responder] }) => {
    await subscribeNats(responder!, 'square', { callback: (_error, message) => void message.respond(String(Number(message.string()) ** 2)) })
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => asker!.request('square', String(i), { timeout: 60_000, noMux: i % 100 === 0 })))
    t.deepEqual(answers.map(answer => answer.string()), answers.map((_, i) => String(i ** 2)))
  })

  story('where nobody listens, the answer comes at once', 1, async (t, { clients: [asker] }) => {
    const error = await t.throwsAsync(asker!.request('nobody.here', '', { timeout: 60_000 }), { instanceOf: RequestError })
    t.true(error.cause instanceof NoRespondersError, String(error.cause))
  })

  story('who listens and does not answer lets a request run out of time', 2, async (t, { clients: [asker, responder] }) => {
    await subscribeNats(responder!, 'silent')
    await t.throwsAsync(asker!.request('silent', '', { timeout: 50 }), { instanceOf: TimeoutError })
  })

  story('request-many takes as many answers as it wants, until an empty one, or until there is silence', 3, async (t, { clients: [asker, ...responders] }) => {
    for (const responder of responders) {
      await subscribeNats(responder, 'all', {
        callback: (_error, message) => {
          for (const part of ['a', 'b']) message.respond(part)
        },
      })
    }
    await subscribeNats(responders[0]!, 'stream', {
      callback: (_error, message) => {
        for (const part of ['1', '2', '3', '']) message.respond(part)
      },
    })
    t.deepEqual(await collected(asker!.requestMany('all', '', { strategy: 'count', maxMessages: 3, maxWait: 60_000 })), 3)
    t.deepEqual(await collected(asker!.requestMany('stream', '', { strategy: 'sentinel', maxWait: 60_000 })), 3)
    t.deepEqual(await collected(asker!.requestMany('all', '', { strategy: 'stall', stall: 3000, maxWait: 60_000 })), 4)
  })

  story('payloads of every size up to the largest arrive whole', 2, async (t, { clients: [publisher, receiver] }) => {
    const subscription = await subscribeNats(receiver!, 'large')
    const largest = publisher!.info!.max_payload
    const sizes = [0, 1, 4095, 65_536, 300_001, largest]
    for (const size of sizes) publisher!.publish('large', Buffer.alloc(size, `${size} `))
    for (const [i, message] of (await takeNats(subscription, sizes.length)).entries()) t.true(Buffer.alloc(sizes[i]!, `${sizes[i]} `).equals(message.data), `${sizes[i]} bytes`)
    t.throws(() => publisher!.publish('large', new Uint8Array(largest + 1)), { message: /max_payload/ })
  })

  story('a subscription ends by itself with the number of messages that it wanted', 2, async (t, { clients: [publisher, receiver] }) => {
    const [three, all] = [receiver!.subscribe('some', { max: 3 }), receiver!.subscribe('some')]
    await receiver!.flush()
    for (let i = 0; i < 5; i++) publisher!.publish('some', String(i))
    t.deepEqual(texts(await takeNats(all, 5)), ['0', '1', '2', '3', '4'])
    const got: string[] = []
    for await (const message of three) got.push(message.string())
    t.deepEqual(got, ['0', '1', '2'])
  })

  story('drain: what was published before is handled, nothing comes after, and the connection closes', 2, async (t, { clients: [publisher, receiver] }) => {
    const got: string[] = []
    await subscribeNats(receiver!, 'until', { callback: (_error, message) => void got.push(message.string()) })
    for (let i = 0; i < 200; i++) publisher!.publish('until', String(i))
    await publisher!.flush()
    await receiver!.drain()
    t.is(got.length, 200)
    t.true(receiver!.isClosed())
    publisher!.publish('until', 'late')
    await publisher!.flush()
    t.is(got.length, 200)
  })

  story('flush comes back when the broker has taken all that was published before it', 2, async (t, { broker, clients: [publisher, receiver] }) => {
    await subscribeNats(receiver!, 'counted', { callback() {} })
    const watch = await broker.connect()
    for (let round = 1; round <= 5; round++) {
      for (let i = 0; i < 100; i++) publisher!.publish('counted')
      await publisher!.flush()
      t.is((await watch.call('stats')).accepted, round * 100)
    }
  })

  test(`nats client over ${name}: without echo a client does not get what it publishes`, async t => {
    const broker = await startBroker(t)
    const [deaf, other] = [await connect(t, broker, { ...owner(broker), noEcho: true }), await connect(t, broker, owner(broker))]
    const got: string[] = []
    await subscribeNats(deaf, 'echo', { callback: (_error, message) => void got.push(message.string()) })
    deaf.publish('echo', 'own')
    await deaf.flush()
    other.publish('echo', 'of another')
    await other.flush()
    await deaf.flush()
    t.deepEqual(got, ['of another'])
    t.true((await statsOf(broker)).balanced)
  })

  test(`nats client over ${name}: what its principal may not publish or hear is refused by name, and it stays connected`, async t => {
    const rules = { publish: { allow: ['mine.>', '_INBOX.>'] }, subscribe: { allow: ['mine.>', '_INBOX.>'] } }
    const broker = await startBroker(t, { config: { principals: [{ name: 'guest', token: 'a-token-of-the-guest', roles: ['client'], ...rules }] } })
    const guest = await connect(t, broker, { user: 'guest', pass: 'a-token-of-the-guest' })
    const refused: string[] = []
    void (async () => {
      for await (const status of guest.status()) if (status.type === 'error') refused.push(status.error.message)
    })()
    const denied = Promise.withResolvers<Error | void>()
    guest.subscribe('theirs.>', { callback: error => denied.resolve(error ?? undefined) })
    t.true((await denied.promise) instanceof PermissionViolationError)
    guest.publish('theirs.x', 'no')
    const kept = await subscribeNats(guest, 'mine.*')
    guest.publish('mine.x', 'yes')
    t.deepEqual(texts(await takeNats(kept, 1)), ['yes'])
    t.deepEqual(refused, ['Permissions Violation for Subscription to "theirs.>"', 'Permissions Violation for Publish to "theirs.x"'])
    t.true((await statsOf(broker)).balanced)
  })

  test(`nats client over ${name}: more subscriptions than allowed are refused, those before stay`, async t => {
    const broker = await startBroker(t, { config: { nats: { maxSubscriptions: 3 } } })
    const client = await connect(t, broker, owner(broker))
    const refused = Promise.withResolvers<string>()
    void (async () => {
      for await (const status of client.status()) if (status.type === 'error') refused.resolve(status.error.message)
    })()
    const [first] = Array.from({ length: 4 }, (_, i) => client.subscribe(`s.${i}`))
    t.regex(await refused.promise, /maximum subscriptions exceeded/)
    client.publish('s.0', 'x')
    t.is((await takeNats(first!, 1)).length, 1)
  })

  test(`nats client over ${name}: wrong and missing credentials are refused alike`, async t => {
    const broker = await startBroker(t)
    for (const options of [{}, { user: 'owner', pass: 'wrong' }, { token: 'wrong' }, { user: 'nobody', pass: 'x' }]) {
      await t.throwsAsync(connect(t, broker, options), { message: /authorization violation/i })
    }
    await t.notThrowsAsync(connect(t, broker, { token: broker.token }))
  })

  test(`nats client over ${name}: a broker that comes back is found, subscriptions and requests go on`, async t => {
    const port = await reservedPort(t)
    const config = name === 'websocket' ? { gateway: { port } } : { nats: { port } }
    const first = await startBroker(t, { config })
    const client = await connect(t, first, { ...owner(first), reconnect: true, reconnectTimeWait: 20, reconnectJitter: 0, maxReconnectAttempts: -1 })
    const seen: string[] = []
    void (async () => {
      for await (const status of client.status()) seen.push(status.type)
    })()
    const subscription = await subscribeNats(client, 'again')
    await first.broker.stop()
    const second = await startBroker(t, { home: first.home, config })
    const other = await connect(t, second, owner(second))
    // Its subscription is there again once the broker knows it.
    const watch = await second.connect()
    while ((await watch.call('stats')).written === 0) {
      other.publish('again', 'after')
      await other.flush()
    }
    t.is((await takeNats(subscription, 1))[0]!.string(), 'after')
    t.true(seen.includes('disconnect') && seen.includes('reconnect'), seen.join(' '))
  })
}

async function statsOf(broker: LocalBroker): Promise<BrokerStats> {
  return (await broker.connect()).call('stats')
}

function owner(broker: LocalBroker): ConnectionOptions {
  return { user: 'owner', pass: broker.token }
}

function texts(messages: readonly Msg[]): string[] {
  return messages.map(message => message.string())
}

async function collected(answers: Promise<AsyncIterable<Msg>>): Promise<number> {
  let count = 0
  for await (const answer of await answers) {
    if (answer.data.length > 0) count++
  }
  return count
}
