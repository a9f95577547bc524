// Keys of the block `bus` that no other story is about, in brokers that have them and in such that have not.

import test from 'ava'
import { startBroker } from '../support/broker.ts'
import { joinedBroker, reaches } from '../support/joined-brokers.ts'
import { NatsServer, natsTest, startNatsServer } from '../support/nats-server.ts'
import { scriptedNatsServer } from '../support/scripted-nats-server.ts'
import { until } from '../support/until.ts'

natsTest('config: bus.nats joins the servers it names, and without it a broker is alone', async t => {
  const { url, name } = await startNatsServer(t)
  const [alone, joined] = await Promise.all([startBroker(t), joinedBroker(t, [url])])
  t.is((await (await alone.connect()).call('status')).bus, undefined)
  t.like((await (await joined.connect()).call('status')).bus, { state: 'joined', serverName: name })
})

natsTest('config: bus.nats.name is what the servers call its connections', async t => {
  const server = await startNatsServer(t)
  await joinedBroker(t, [server.url])
  await joinedBroker(t, [server.url], { bus: { name: 'hall.1' } })
  const { connections } = (await server.monitor<{ connections: { name: string }[] }>('connz'))!
  t.true(connections.some(({ name }) => name.startsWith('callboard-')))
  t.true(connections.some(({ name }) => name.startsWith('hall.1')))
  t.true(connections.every(({ name }) => name.startsWith('callboard-') || name.startsWith('hall.1')))
})

natsTest('config: bus.nats.pingInterval decides how soon a server that stands still is lost', async t => {
  const server = await NatsServer.configure(t)
  await server.start()
  const [quick, patient] = await Promise.all([joinedBroker(t, [server.url], { bus: { pingInterval: '50ms' } }), joinedBroker(t, [server.url], { bus: { pingInterval: '1m' } })])
  const [soon, later] = [await quick.connect(), await patient.connect()]
  await server.freeze()
  await reaches(soon, 'waiting')
  t.is((await later.call('status')).bus!.state, 'joined')
  await server.thaw()
  await reaches(soon, 'joined')
})

test('config: bus.nats.backoff is waited between two tries', async t => {
  // Servers that let nobody in, for one whose wait does not end within this test, and for one whose waits are none.
  const refusing = { accepted: (socket: { destroy(): unknown }): void => void socket.destroy() }
  const [once, often] = await Promise.all([scriptedNatsServer(t, refusing), scriptedNatsServer(t, refusing)])
  const patient = await joinedBroker(t, [once.url], { isReachable: false, bus: { backoff: { initial: '1h', max: '1h', multiplier: 10, jitter: 0 } } })
  await reaches(await patient.connect(), 'waiting')
  const tried = once.sockets()
  t.true(tried > 0)
  await joinedBroker(t, [often.url], { isReachable: false, bus: { backoff: { initial: '1ms', max: '2ms', multiplier: 1, jitter: 1 } } })
  await until(() => often.sockets() >= 10 * tried)
  t.is(once.sockets(), tried)
})
