import test from 'ava'
import { Kind } from '../../broker/wire/layout.ts'
import { Client } from '../../client/client.ts'
import { nodePlatform } from '../../client/connect.ts'
import { clientOptions } from '../../client/options.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { ScriptedBroker, TOKEN, type ScriptedConnection } from '../support/scripted-broker.ts'
import { nextEvent } from '../support/scripted-client.ts'
import type { Teardown } from '../support/temporary-directory.ts'

const PERIOD_MS = 1000

async function watched(t: Teardown, heartbeat = true): Promise<{ broker: ScriptedBroker; client: Client; peer: ScriptedConnection; clock: FakeClock }> {
  const broker = await ScriptedBroker.start(t)
  const clock = new FakeClock()
  const client = new Client(nodePlatform(broker.socket), { ...clientOptions({ token: TOKEN, auth: 'token', heartbeat, retry: { retryDelayMs: 1 } }), clock })
  const [, peer] = await Promise.all([client.open(), broker.welcome({ heartbeatMs: PERIOD_MS })])
  t.teardown(() => client.destroy())
  return { broker, client, peer, clock }
}

test('broker-watch: a silent broker is asked after two periods and given up after the third; the client comes back', async t => {
  const { broker, client, peer, clock } = await watched(t)
  // The welcome itself was a sign of life in the first period.
  await clock.advance(PERIOD_MS)
  await clock.advance(PERIOD_MS)
  await clock.advance(PERIOD_MS)
  await peer.nextOf(Kind.ping)
  const disconnected = nextEvent(client, 'disconnected')
  await clock.advance(PERIOD_MS)
  t.is((await disconnected).code, 'connection.stale')
  const reconnected = nextEvent(client, 'reconnected')
  await clock.advance(10)
  await broker.welcome({ heartbeatMs: PERIOD_MS })
  await reconnected
})

test('broker-watch: whatever comes is a sign of life', async t => {
  const { client, peer, clock } = await watched(t)
  client.subscribe('news', { onMessage: () => {} })
  const subscribed = await peer.nextOf(Kind.subscribe)
  for (let i = 0; i < 5; i++) {
    await clock.advance(PERIOD_MS)
    await clock.advance(PERIOD_MS)
    const answered = client.request('x')
    peer.answer(await peer.nextOf(Kind.request), i)
    await answered
  }
  peer.ok(subscribed)
  t.true(client.isConnected)
})

test('broker-watch: a connection that is not read is not silent, and without heartbeat nobody watches', async t => {
  const { client, peer, clock } = await watched(t)
  const slow = client.subscribe('slow', { bufferLimit: 1 })
  peer.ok(await peer.nextOf(Kind.subscribe))
  await slow.ready
  peer.publish('slow', 1)
  peer.publish('slow', 2)
  while (slow.unread < 2) await new Promise(setImmediate)
  for (let i = 0; i < 10; i++) await clock.advance(PERIOD_MS)
  t.true(client.isConnected)
  const other = await watched(t, false)
  for (let i = 0; i < 10; i++) await other.clock.advance(PERIOD_MS)
  t.true(other.client.isConnected)
})
