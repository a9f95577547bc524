// Two brokers joined by one NATS server, with plain NATS clients among them, and what becomes of it when the server dies.

import { ClusterHistory } from '../support/cluster-history.ts'
import { Listener, untilHeard } from '../support/cluster-listener.ts'
import { unexplainedLosses, untilExplained } from '../support/cluster-losses.ts'
import { Sender } from '../support/cluster-sender.ts'
import { errorCode } from '../support/error-code.ts'
import { PATIENT, startClusterBrokers, untilJoined, untilSettled } from '../support/cluster-broker.ts'
import { connectNats } from '../support/nats-client.ts'
import { natsStory, startNatsServer } from '../support/nats-server.ts'
import { until } from '../support/until.ts'

natsStory('one server: every subscriber gets each message once and in order, each group one, over brokers and plain clients', async t => {
  const server = await startNatsServer(t)
  const [one, two] = await startClusterBrokers(t, 2, server.url, { nats: PATIENT })
  const nats = await connectNats(t, server.url)
  const history = new ClusterHistory()
  const [third, fourth] = [await one!.connect(), await two!.connect()]
  const subscribers = [
    await Listener.of(history, one!.client, 'at one', 'orders.*'),
    await Listener.of(history, two!.client, 'at two', 'orders.>'),
    await Listener.ofNats(history, nats, 'plain', 'orders.>'),
  ]
  const members = [
    await Listener.of(history, one!.client, 'first of one', 'orders.*', 'work'),
    await Listener.of(history, third, 'second of one', 'orders.*', 'work'),
    await Listener.of(history, fourth, 'of two', 'orders.*', 'work'),
    await Listener.ofNats(history, nats, 'plain member', 'orders.*', 'work'),
  ]
  const senders = [
    Sender.of(history, one!.client, 'asks at one', 'orders.a'),
    Sender.of(history, third, 'does not ask', 'orders.a', { asks: false }),
    Sender.of(history, fourth, 'asks at two', 'orders.b'),
    Sender.ofNats(history, nats, 'plain sender', 'orders.a'),
  ]
  await untilHeard(senders, [...subscribers, ...members])
  for (const sender of senders) sender.start()
  await until(() => senders.every(({ sent }) => sent >= 400))
  await Promise.all(senders.map(sender => sender.stop()))
  const everybody = [...subscribers.map(({ name }) => name), 'work']
  await untilExplained(t, () => everybody.flatMap(to => unexplainedLosses(history, to, senders)))
  t.deepEqual(history.problems(), [])
  for (const to of everybody) t.is(history.came(to), history.published(), to)
  // Members of all kinds took part.
  for (const { name } of members) t.true(history.came(name) > 0, name)
  t.is(history.countOf('forwarded'), senders[0]!.sent + senders[2]!.sent)
  await untilSettled(t, one!, two!)
})

natsStory('one server killed: all that is local goes on, what is remote is told by name, and comes back with the server', async t => {
  const server = await startNatsServer(t)
  const [one, two] = await startClusterBrokers(t, 2, server.url, { nats: PATIENT })
  const history = new ClusterHistory()
  const [local, member] = [await Listener.of(history, one!.client, 'local', 'news'), await Listener.of(history, one!.client, 'member', 'jobs', 'work')]
  const remote = await Listener.of(history, two!.client, 'remote', 'news')
  await one!.client.subscribe('mirror.one', { onMessage: message => message.respond(message.value) }).ready
  await two!.client.subscribe('mirror.two', { onMessage: message => message.respond(message.value) }).ready
  const [news, jobs] = [Sender.of(history, one!.client, 'news of one', 'news'), Sender.of(history, one!.client, 'jobs of one', 'jobs')]
  await untilHeard([news], [local, remote])
  await untilHeard([jobs], [member])
  await until(async () => (await errorCode(one!.client.request('mirror.two', 0))) === 'resolved')
  news.start()
  jobs.start()
  await until(() => news.sent > 100)

  const killedAtMs = performance.now()
  await server.kill()
  await until(async () => (await one!.bus()).state !== 'joined')
  const [newsAt, jobsAt] = [news.sent, jobs.sent]
  await local.hears(news, newsAt + 100)
  await member.hears(jobs, jobsAt + 100)
  t.is((await one!.client.request('mirror.one', 1)).value, 1)
  const askedAtMs = performance.now()
  t.not(await errorCode(one!.client.request('mirror.two', 2, { timeoutMs: 60_000 })), 'resolved')
  t.true(performance.now() - askedAtMs < 30_000, 'a request that nobody here answers fails at once')
  t.true((await one!.stats()).balanced)

  await server.start()
  await untilJoined(one!, two!)
  await remote.hears(news, news.sent)
  await until(async () => (await errorCode(one!.client.request('mirror.two', 3))) === 'resolved')
  await Promise.all([news.stop(), jobs.stop()])
  await until(() => history.missing('local', 'news').length === 0)
  // What waited for the link when it broke comes to a member behind what was served here meanwhile (docs/cluster.md, "Order").
  t.deepEqual(history.problems({ remote: ['remote'], unordered: ['work'] }), [])
  t.deepEqual(history.missing('work', 'jobs').filter(({ told }) => told !== 'link-unknown'), [])
  await untilSettled(t, one!, two!)
  t.log(`away for ${Math.round(performance.now() - killedAtMs)} ms; lost on the way to the other broker: ${history.missing('remote', 'news').length} of ${news.sent}`)
})
