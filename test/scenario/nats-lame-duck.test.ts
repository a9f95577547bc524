// How NATS clients live through the end of a broker.

import { createInbox, type Msg } from '@nats-io/transport-node'
import test, { type ExecutionContext } from 'ava'
import { startBroker, startBrokerProcess } from '../support/broker.ts'
import { connectNats, nextNatsStatus, subscribeNats, takeNats } from '../support/nats-client.ts'
import { withMoreTime } from '../support/with-more-time.ts'

test('nats lame duck: on SIGTERM clients are told to go elsewhere, have their time, and the broker ends', async t => {
  t.true(await withMoreTime(1000, ms => haveTheirTime(t, ms)), 'they were always ended before they could say a word')
})

/** False when the time was over before this test could use it. */
async function haveTheirTime(t: ExecutionContext, lameDuckMs: number): Promise<boolean> {
  const broker = await startBrokerProcess(t, { config: { nats: { port: 0, lameDuck: `${lameDuckMs}ms` } } })
  const [going, staying] = await Promise.all([connectNats(t, broker.nats, { token: broker.token }), connectNats(t, broker.nats, { token: broker.token })])
  const subscription = await subscribeNats(staying, createInbox())
  const told = nextNatsStatus(going, 'ldm')
  const ended = broker.end('SIGTERM')
  await told
  // There is time yet: what is under way goes on.
  const speaking = async (): Promise<Msg[]> => {
    staying.publish(subscription.getSubject(), 'still here')
    return takeNats(subscription, 1)
  }
  const heard = await speaking().catch(() => undefined)
  if (heard === undefined) return false
  t.is(heard[0]!.string(), 'still here')
  await t.throwsAsync(connectNats(t, broker.nats, { token: broker.token }))
  await going.close()
  t.is(await staying.closed(), undefined)
  t.deepEqual(await ended, [0, null])
  return true
}

test('nats lame duck: without a time for it they are told all the same, and ended at once', async t => {
  const broker = await startBroker(t)
  const client = await connectNats(t, broker.nats, { token: broker.token })
  const told = nextNatsStatus(client, 'ldm')
  await broker.broker.stop()
  await told
  t.is(await client.closed(), undefined)
})

test('nats lame duck: the time that they have can be cut short, and who has gone is not waited for', async t => {
  const [impatient, empty] = await Promise.all([startBroker(t), startBroker(t)])
  const client = await connectNats(t, impatient.nats, { token: impatient.token })
  const native = await impatient.connect()
  const told = nextNatsStatus(client, 'ldm')
  const stopped = impatient.broker.stop({ lameDuckMs: 600_000 })
  await told
  // Who came by other ways is not concerned yet.
  t.deepEqual(await native.publish('still', 1, { receipt: true }), { receivers: 0 })
  t.false(client.isClosed())
  await impatient.broker.stop({ lameDuckMs: 0 })
  await stopped
  t.is(await client.closed(), undefined)
  await empty.broker.stop({ lameDuckMs: 600_000 })
})
