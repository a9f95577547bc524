import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { errorCode } from '../../../support/error-code.ts'
import { natsWorld } from '../../../support/nats-store-world.ts'
import { natsStory, startNatsServer } from '../../../support/nats-server.ts'
import { QueueRig, queueSettings } from '../../../support/queue-rig.ts'
import { reservedPort } from '../../../support/reserved-port.ts'
import { StoreStorm } from '../../../support/store-storm.ts'
import { TcpProxy } from '../../../support/tcp-proxy.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'
import { until } from '../../../support/until.ts'

const silent = { leased: () => {}, happened: () => {}, stateChanged: () => {} }

test('nats store: servers that are not there, and none at all, are refused by name', async t => {
  const port = await reservedPort(t)
  t.is(await errorCode(natsWorld([`nats://127.0.0.1:${port}`], 'q').open('b1')), 'store.unavailable')
  const refused = await t.throwsAsync(natsWorld([], 'q').open('b1'))
  t.regex(refused.message, /config\.invalid.*store\.nats\.servers/)
})

natsStory('nats store: a server without JetStream is refused by name', async t => {
  const { url } = await startNatsServer(t)
  t.is(await errorCode(natsWorld([url], 'q').open('b1')), 'store.unavailable')
})

natsStory('nats store: fsync is refused where one server keeps a message, of queues and of single messages', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const world = natsWorld([url], 'q')
  const store = await world.open('b1')
  t.is(store.features.durability, 'os')
  t.is(await errorCode(store.open('q', queueSettings({ durability: 'fsync' }), silent)), 'store.durability')
  await store.close()
  const rig = await QueueRig.open(t, world)
  t.deepEqual(await rig.append('m', { durability: 'fsync' }), [{ refused: 'store.durability' }])
  t.deepEqual(await rig.append('large', { padding: 2 * 1024 * 1024 }), [{ refused: 'queue.bad_option' }], 'and what is larger than the server takes')
  // The largest that it takes, to 64 bytes.
  let padding = 1024 * 1024
  while ('refused' in (await rig.append('largest', { padding }))[0]!) padding -= 64
  const [taken] = await rig.take()
  await rig.does('term', [taken!], { reason: 'poison' })
  await rig.event('dead-lettered', taken!.position)
  t.is(await errorCode(rig.store.open('q', queueSettings(), silent)), 'store.in_use', 'and a queue that is open')
})

natsStory('nats store: it shows its credentials, and names of queues may be any text', async t => {
  const { url } = await startNatsServer(t, { jetStream: true, config: { authorization: { user: 'broker', password: 'secret' } } })
  t.is(await errorCode(natsWorld([url], 'q').open('b1')), 'store.unavailable')
  const name = 'büro.aufträge > 1*'
  const file = join(temporaryDirectory(t), 'credentials')
  writeFileSync(file, 'broker:secret\n')
  const rig = await QueueRig.open(t, natsWorld([url], name, 1, file))
  await rig.stored('m')
  t.deepEqual(await rig.store.names(), [name])
  t.is((await rig.take())[0]!.text, 'm')
})

natsStory('nats store: while the server is away publishers are refused by name, and nothing that was accepted is lost', async t => {
  const server = await startNatsServer(t, { jetStream: true })
  const rig = await QueueRig.open(t, natsWorld([server.url], 'q'), { ackWaitMs: 300, retry: { maxAttempts: 0 }, maxAckPending: 1000 })
  const storm = new StoreStorm(rig)
  for (const end of ['stop', 'kill', 'kill'] as const) {
    await storm.acknowledges(200)
    await server[end]()
    await rig.when(() => rig.problems.at(-1) !== undefined)
    t.is(rig.problems.at(-1)?.code, 'store.unavailable')
    t.deepEqual(await rig.append('away'), [{ refused: 'store.unavailable' }])
    t.deepEqual(await Promise.all([errorCode(rig.store.names()), errorCode(rig.store.remove('other'))]), ['store.unavailable', 'store.unavailable'])
    await server.start()
    await rig.when(() => rig.problems.at(-1) === undefined)
    await storm.acknowledges(200)
  }
  await storm.ends()
  storm.complete(t)
  t.deepEqual([...new Set(storm.refused.values())], ['store.unavailable'])
  t.log(`${storm.accepted.size} accepted, ${storm.refused.size} refused, ${[...storm.seen.values()].filter(times => times > 1).length} seen again, ${storm.back.length} of them after their acknowledgement was confirmed`)
})

natsStory('nats store: what a broker had that has vanished is another one\'s after the ack wait, and no session is overtaken', async t => {
  const server = await startNatsServer(t, { jetStream: true })
  const proxy = await TcpProxy.start(t, server.port)
  const ordering = { enabled: true, guarantee: 'per_session', timeoutMs: 60_000 } as const
  const settings = { ordering, ackWaitMs: 5000, retry: { maxAttempts: 0 } }
  const gone = await QueueRig.open(t, natsWorld([proxy.url], 'q'), settings)
  await gone.stored(['a1', 'a2', 'a3'], { session: 'a' })
  gone.queue.demand(1)
  t.is((await gone.next())[0]!.text, 'a1')
  proxy.refuse()
  await gone.when(() => gone.problems.at(-1) !== undefined)
  const rig = await QueueRig.open(t, natsWorld([server.url], 'q'), settings, 'b2')
  rig.queue.demand(3)
  for (const text of ['a1', 'a2', 'a3']) {
    const [message] = await rig.next()
    t.is(message!.text, text)
    await rig.does('ack', [message!])
  }
  await until(async () => (await rig.counts()).inFlight === 0)
  t.like(await rig.counts(), { ready: 0, held: 0, acked: 3 })
})
