// Three brokers joined by one NATS server, and what becomes of messages when a broker dies or stands still.

import type { ExecutionContext } from 'ava'
import { ClusterHistory } from '../support/cluster-history.ts'
import { Listener, untilHeard } from '../support/cluster-listener.ts'
import { unexplainedLosses, untilExplained, type Trouble } from '../support/cluster-losses.ts'
import { Sender } from '../support/cluster-sender.ts'
import { errorCode } from '../support/error-code.ts'
import { PATIENT, startClusterBroker, startClusterBrokers, untilJoined, type ClusterBroker, untilSettled } from '../support/cluster-broker.ts'
import { connectNats } from '../support/nats-client.ts'
import { natsStory, startNatsServer, type NatsServer } from '../support/nats-server.ts'
import { RecoveryTimes, roundsOf } from '../support/recovery-times.ts'
import { until } from '../support/until.ts'

/** What came for a broker and was not read when it was killed: so long it may have been on its way on a busy machine. ms */
const UNREAD_MS = 1000

interface Joined {
  readonly server: NatsServer
  readonly brokers: readonly ClusterBroker[]
  readonly history: ClusterHistory
  /** At the first two brokers, which stay. */
  readonly senders: readonly Sender[]
  /** At the first two, and a plain one. */
  readonly subscribers: readonly Listener[]
}

async function join(t: ExecutionContext): Promise<Joined> {
  const server = await startNatsServer(t)
  const brokers = await startClusterBrokers(t, 3, server.url, { nats: PATIENT })
  const history = new ClusterHistory()
  const stay = brokers.slice(0, 2)
  const plain = await connectNats(t, server.url)
  const subscribers = [...(await Promise.all(stay.map(({ client }, i) => Listener.of(history, client, `at ${i}`, 'orders.*')))), await Listener.ofNats(history, plain, 'plain', 'orders.*')]
  const members = await Promise.all(stay.map(({ client }, i) => Listener.of(history, client, `member ${i}`, 'orders.*', 'work')))
  const senders = stay.map(({ client }, i) => Sender.of(history, client, `sender ${i}`, `orders.${i}`))
  await untilHeard(senders, [...subscribers, ...members])
  return { server, brokers, history, senders, subscribers }
}

async function settle(t: ExecutionContext, { brokers, history, senders, subscribers }: Joined, troubles: readonly Trouble[]): Promise<void> {
  await Promise.all(senders.map(sender => sender.stop()))
  await untilExplained(t, () => [...subscribers.flatMap(({ name }) => unexplainedLosses(history, name, senders)), ...unexplainedLosses(history, 'work', senders, troubles)])
  t.deepEqual(history.problems(), [])
  await untilSettled(t, ...brokers.slice(0, 2))
  const all = history.published()
  t.log(`${all} messages: the group missed ${all - history.came('work')}`)
}

natsStory('brokers: one that is killed takes nothing along but what was on its way to its own members; the others go on without a pause', async t => {
  t.timeout(240_000 * roundsOf(1))
  const joined = await join(t)
  const { server, brokers, history, senders } = joined
  const recovery = new RecoveryTimes('broker started again to first delivery there')
  for (const sender of senders) sender.start()
  const troubles: Trouble[] = []
  let third = brokers[2]!
  for (let round = 0; round < roundsOf(2); round++) {
    const member = await Listener.of(history, third.client, `member 2, round ${round}`, 'orders.*', 'work')
    // What this one heard the member has read, too: both are behind one link.
    const beside = await Listener.of(history, third.client, `beside it, round ${round}`, 'orders.*')
    await Promise.all(senders.flatMap(sender => [member.hears(sender, 0), beside.hears(sender, 0)]))
    const fromMs = Math.min(performance.now() - UNREAD_MS, ...senders.map(sender => beside.awaitsSinceMs(sender)))
    await third.end('SIGKILL')
    troubles.push({ fromMs, toMs: performance.now() + 100 })
    const startedMs = performance.now()
    third = await startClusterBroker(t, server.url, { home: third.home, nats: PATIENT })
    await untilJoined(third)
    const back = await Listener.of(history, third.client, `back, round ${round}`, 'orders.*')
    await Promise.all(senders.map(sender => back.hears(sender, 0)))
    recovery.since(startedMs)
  }
  await settle(t, joined, troubles)
  t.log(String(recovery))
})

natsStory('brokers: when a responder dies with its broker the question fails by name, and the next one finds another responder', async t => {
  const server = await startNatsServer(t)
  const [one, two] = await startClusterBrokers(t, 2, server.url, { nats: PATIENT })
  const asked = Promise.withResolvers<void>()
  await two!.client.subscribe('work.long', { onMessage: () => asked.resolve() }).ready
  await until(async () => (await one!.client.publish('work.ready', 0, { receipt: true })).receivers > 0)
  let question = errorCode(one!.client.request('work.long', 1, { timeoutMs: 2000 }))
  // Interest goes its own way: a question that came before it is answered at once, by name.
  while ((await Promise.race([question, asked.promise.then(() => 'asked')])) === 'request.no_responders') question = errorCode(one!.client.request('work.long', 1, { timeoutMs: 2000 }))
  await asked.promise
  await two!.end('SIGKILL')
  t.true(['request.timeout', 'request.responder_gone'].includes(await question))
  t.is(await errorCode(one!.client.request('work.long', 2, { timeoutMs: 30_000 })), 'request.no_responders')
  const plain = await connectNats(t, server.url)
  plain.subscribe('work.long', { callback: (_, message) => void message.respond('done') })
  await plain.flush()
  t.is(Buffer.from((await one!.client.request('work.long', 3)).value as Uint8Array).toString(), 'done')
  t.true((await one!.stats()).balanced)
})

natsStory('brokers: one that stands still is served again when it goes on: its subscribers in order, its members nothing twice', async t => {
  t.timeout(240_000 * roundsOf(1))
  const joined = await join(t)
  const { brokers, history, senders } = joined
  const third = brokers[2]!
  const [late, member] = [await Listener.of(history, third.client, 'late', 'orders.*'), await Listener.of(history, third.client, 'member 2', 'orders.*', 'work')]
  await untilHeard(senders, [late, member])
  for (const sender of senders) sender.start()
  await Promise.all(senders.map(sender => late.hears(sender, 20)))
  process.kill(third.pid, 'SIGSTOP')
  const fromMs = Math.min(performance.now() - UNREAD_MS, ...senders.map(sender => late.awaitsSinceMs(sender)))
  const sent = senders.map(sender => sender.sent)
  await Promise.all(joined.subscribers.map(listener => listener.hears(senders[0]!, sent[0]! + 500)))
  process.kill(third.pid, 'SIGCONT')
  await Promise.all(senders.map((sender, i) => late.hears(sender, sent[i]! + 500)))
  // What came for it while it stood still waited in its sockets, and is lost where the link was given up meanwhile.
  await settle(t, joined, [{ fromMs, toMs: performance.now() }])
  t.like(await third.stats(), { balanced: true })
})
