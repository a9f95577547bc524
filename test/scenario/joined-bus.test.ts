// Brokers joined to a real NATS server: what their clients and plain NATS clients get of each other.

import { joinedBroker, wants } from '../support/joined-brokers.ts'
import { connectNats } from '../support/nats-client.ts'
import { NatsServer, natsTest } from '../support/nats-server.ts'
import { values } from '../support/collect.ts'

natsTest('joined bus: what is published at one broker reaches subscribers of another, once and in order', async t => {
  const server = await NatsServer.configure(t)
  await server.start()
  const [a, b] = await Promise.all([joinedBroker(t, [server.url]), joinedBroker(t, [server.url])])
  const [alice, bob] = [await a.connect(), await b.connect()]
  const heard = await bob.subscribe('hall.*')
  const own = await alice.subscribe('hall.>')
  await wants(bob, 1)
  for (let i = 0; i < 500; i++) await alice.publish('hall.lights', { i })
  const expected = Array.from({ length: 500 }, (_, i) => ({ i }))
  t.deepEqual(await values(heard, 500), expected)
  t.deepEqual(await values(own, 500), expected)
  const { balanced, forwarded } = await alice.call('stats')
  t.deepEqual([balanced, forwarded], [true, 500])
})

natsTest('joined bus: plain NATS clients and clients of a broker hear each other', async t => {
  const server = await NatsServer.configure(t)
  await server.start()
  const broker = await joinedBroker(t, [server.url])
  const alice = await broker.connect()
  const plain = await connectNats(t, server.url)
  const fromPlain = await alice.subscribe('from.plain')
  await wants(alice, 1)
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
