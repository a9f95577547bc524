// Brokers joined to a real NATS server: what their clients and plain NATS clients get of each other.

import type { ExecutionContext } from 'ava'
import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'
import type { Client, Message } from '../../client/index.ts'
import { values } from '../support/collect.ts'
import { errorCode } from '../support/error-code.ts'
import { joinedBroker, type JoinOptions } from '../support/joined-brokers.ts'
import { connectNats } from '../support/nats-client.ts'
import { NatsServer, natsTest } from '../support/nats-server.ts'
import { until } from '../support/until.ts'

interface Hall {
  readonly server: NatsServer
  readonly alice: Client
  readonly bob: Client
  readonly plain: NatsConnection
}

/** Takes what comes, and does nothing with it. */
const deaf = { onMessage() {} }

/** Two brokers at one server, a client at each, and a plain NATS client at the server. */
async function hall(t: ExecutionContext, { bus = {} }: JoinOptions = {}): Promise<Hall> {
  // On a busy machine answers may take their time.
  const options = { bus, config: { ipc: { timeout: '1m' } } }
  const server = await NatsServer.configure(t)
  await server.start()
  const [a, b] = await Promise.all([joinedBroker(t, [server.url], options), joinedBroker(t, [server.url], options)])
  return { server, alice: await a.connect(), bob: await b.connect(), plain: await connectNats(t, server.url) }
}

async function isBalanced(...clients: readonly Client[]): Promise<boolean> {
  const stats = await Promise.all(clients.map(client => client.call('stats')))
  return stats.every(({ balanced }) => balanced)
}

natsTest('joined bus: what is published at one broker reaches subscribers of another, once and in order', async t => {
  const { alice, bob } = await hall(t)
  const heard = bob.subscribe('hall.*')
  const own = alice.subscribe('hall.>')
  await Promise.all([heard.ready, own.ready])
  for (let i = 0; i < 500; i++) await alice.publish('hall.lights', { i })
  const expected = Array.from({ length: 500 }, (_, i) => ({ i }))
  t.deepEqual(await values(heard, 500), expected)
  t.deepEqual(await values(own, 500), expected)
  await until(async () => (await alice.call('stats')).forwarded === 500)
  t.true(await isBalanced(alice, bob))
})

natsTest('joined bus: plain NATS clients and clients of a broker hear each other', async t => {
  const { alice, plain } = await hall(t)
  const fromPlain = alice.subscribe('from.plain')
  await fromPlain.ready
  const fromAlice = plain.subscribe('from.alice', { max: 1 })
  await plain.flush()
  plain.publish('from.plain', 'hello')
  t.deepEqual((await values(fromPlain, 1)).map(value => Buffer.from(value as Uint8Array).toString()), ['hello'])
  await alice.publish('from.alice', 'good evening')
  for await (const message of fromAlice) {
    t.is(message.string(), 'good evening')
    t.is(message.headers?.get('Callboard-Sender'), alice.id)
  }
})

natsTest('joined bus: patterns that overlap bring a message once, while others come and go', async t => {
  const { alice, bob, plain } = await hall(t)
  const got: number[] = []
  const all = bob.subscribe('tick.>', { onMessage: message => void got.push((message.value as { n: number }).n) })
  const others = [bob.subscribe('tick.*', deaf), bob.subscribe('*.second', deaf)]
  await Promise.all([all.ready, ...others.map(({ ready }) => ready)])
  let sent = 0
  const publish = async (): Promise<void> => {
    for (let i = 0; i < 100; i++) await alice.publish('tick.second', { n: sent++ })
  }
  await publish()
  for (let round = 0; round < 10; round++) {
    const passing = bob.subscribe(round % 2 === 0 ? 'tick.second' : 'tick.second.>', deaf)
    const publishing = publish()
    await passing.ready
    await publishing
    await passing.unsubscribe()
  }
  await until(() => got.length >= sent)
  t.deepEqual(got, Array.from({ length: sent }, (_, n) => n))
  // Equal bodies of a plain client are different messages.
  const equal: unknown[] = []
  const ticks = bob.subscribe('equal.>', { onMessage: message => void equal.push(message.value) })
  await Promise.all([ticks.ready, bob.subscribe('equal.*', deaf).ready])
  for (let i = 0; i < 50; i++) plain.publish('equal.tick', 'tick')
  await until(() => equal.length >= 50)
  await alice.publish('equal.tick', 'end')
  await until(() => equal.at(-1) === 'end')
  t.is(equal.length, 51)
})

natsTest('joined bus: a queue group over two brokers and a plain client gets each message exactly once, whoever publishes', async t => {
  const { alice, bob, plain } = await hall(t)
  const got: Record<string, number[]> = { alice: [], bob: [], plain: [] }
  const note = (who: string) => (message: { value: unknown }) => void got[who]!.push((message.value as { n: number }).n)
  const members = [alice.subscribe('jobs.*', { group: 'workers', onMessage: note('alice') }), bob.subscribe('jobs.*', { group: 'workers', onMessage: note('bob') })]
  await Promise.all(members.map(({ ready }) => ready))
  plain.subscribe('jobs.*', { queue: 'workers', callback: (_, message) => void got['plain']!.push(message.json<{ n: number }>().n) })
  await plain.flush()
  for (let n = 0; n < 3000; n++) {
    if (n % 3 === 0) await alice.publish('jobs.new', { n }, { json: true })
    else if (n % 3 === 1) await bob.publish('jobs.new', { n }, { json: true })
    else plain.publish('jobs.new', JSON.stringify({ n }), { headers: jsonHeaders() })
  }
  const total = (): number => Object.values(got).reduce((sum, each) => sum + each.length, 0)
  await until(() => total() >= 3000)
  await alice.call('ping')
  t.deepEqual(Object.values(got).flat().toSorted((a, b) => a - b), Array.from({ length: 3000 }, (_, n) => n))
  for (const [who, each] of Object.entries(got)) t.true(each.length > 100, `${who} got ${each.length}`)
  t.true(await isBalanced(alice, bob))
})

natsTest('joined bus: a member that has just joined does not miss what is published behind its subscription', async t => {
  const { alice } = await hall(t)
  for (let round = 0; round < 50; round++) {
    const subject = `fresh.${round}`
    const member = alice.subscribe(subject, { group: 'g' })
    // In the same breath, before any server can have heard of it.
    await alice.publish(subject, round)
    t.deepEqual(await values(member, 1), [round])
    await member.unsubscribe()
  }
})

natsTest('joined bus: a request finds a responder anywhere, and nobody anywhere is told at once', async t => {
  const { alice, bob, plain } = await hall(t)
  await bob.subscribe('add', { onMessage: message => void message.respond((message.value as number[]).reduce((sum, each) => sum + each, 0), { json: true }) }).ready
  t.is((await alice.request<number>('add', [1, 2, 3])).value, 6)
  plain.subscribe('upper', { callback: (_, message) => void message.respond(message.string().toUpperCase()) })
  await plain.flush()
  const upper = await alice.request<Uint8Array>('upper', 'hello')
  t.is(Buffer.from(upper.value).toString(), 'HELLO')
  t.is((await plain.request('add', '[4, 5]', { timeout: 60_000, headers: jsonHeaders() })).string(), '9')
  const startedMs = performance.now()
  t.is(await errorCode(alice.request('nobody.here', 1, { timeoutMs: 60_000 })), 'request.no_responders')
  t.true(performance.now() - startedMs < 30_000, 'it did not wait for the time to be up')
  t.true(await isBalanced(alice, bob))
})

natsTest('joined bus: a subscriber of this broker alone is no responder beyond it', async t => {
  const { alice, bob } = await hall(t)
  await bob.subscribe('quiet', { onMessage: message => void message.respond('here') }).ready
  t.is((await bob.request('quiet', 1)).value, 'here')
  t.is((await alice.request('quiet', 1)).value, 'here')
})

natsTest('joined bus: a request to a group is answered by one member, also by one of the asking broker', async t => {
  const { alice, bob } = await hall(t)
  const asked = { alice: 0, bob: 0 }
  for (const [who, client] of [['alice', alice], ['bob', bob]] as const) {
    await client.subscribe('work', { group: 'g', onMessage: message => {
      asked[who]++
      void message.respond(who)
    } }).ready
  }
  for (let i = 0; i < 100; i++) await alice.request('work', i)
  t.is(asked.alice + asked.bob, 100)
  t.true(asked.alice > 0 && asked.bob > 0, JSON.stringify(asked))
  t.is((await alice.call('metrics'))['open_requests'], 0)
})

natsTest('joined bus: failures, parts and many answers cross', async t => {
  const { alice, bob } = await hall(t)
  await bob.subscribe('fails', { onMessage: message => void message.fail('out of paper') }).ready
  t.regex(String(await t.throwsAsync(alice.request('fails', 1))), /out of paper/)
  await bob.subscribe('counts', { onMessage: async message => {
    await message.part(1)
    await message.part(2)
    await message.respond(3)
  } }).ready
  const parts: unknown[] = []
  for await (const part of alice.stream('counts', 1)) parts.push(part.value)
  t.deepEqual(parts, [1, 2, 3])
  const asked: string[] = []
  for (const client of [alice, bob]) {
    const onMessage = (message: Message): void => {
      asked.push(client.id)
      void message.respond(client.id)
    }
    await client.subscribe('who', { onMessage }).ready
  }
  const answers: string[] = []
  for await (const answer of alice.requestMany('who', 1, { timeoutMs: 60_000 })) if (answers.push(answer.value as string) === 2) break
  t.deepEqual(answers.toSorted(), [alice.id, bob.id].toSorted())
  t.is(asked.length, 2, 'each was asked once')
})

natsTest('joined bus: a receipt of delivery tells what was forwarded', async t => {
  const { alice, bob } = await hall(t)
  const own = alice.subscribe('noted')
  await Promise.all([own.ready, bob.subscribe('noted').ready])
  const receipt = await alice.publish('noted', 1, { receipt: 'delivered' })
  t.like(receipt, { receivers: 2, written: 1, forwarded: 1 })
})

natsTest('joined bus: what is not shared stays here, and groups that are local get everything at each broker', async t => {
  const { alice, bob, plain } = await hall(t, { bus: { subjects: ['shared.>'], localGroups: ['shared.cache'] } })
  const heard: string[] = []
  plain.subscribe('>', { callback: (_, message) => void (message.subject.startsWith('$') || heard.push(message.subject)) })
  await plain.flush()
  const members = [alice, bob].map(client => client.subscribe('shared.cache', { group: 'g' }))
  await Promise.all(members.map(({ ready }) => ready))
  const here = alice.subscribe('private')
  await here.ready
  await alice.publish('private', 1)
  await alice.publish('shared.cache', 2)
  t.deepEqual(await values(here, 1), [1])
  for (const member of members) t.deepEqual(await values(member, 1), [2])
  await until(() => heard.length > 0)
  t.deepEqual(heard, ['shared.cache'])
})

function jsonHeaders(): MsgHdrs {
  const said = headers()
  said.set('Content-Type', 'application/json')
  return said
}
