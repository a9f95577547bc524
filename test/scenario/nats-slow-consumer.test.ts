// A NATS client that does not read: it is ended by name, and costs nobody else anything.

import test from 'ava'
import { startBroker, startBrokerProcess } from '../support/broker.ts'
import { connectNats, subscribeNats } from '../support/nats-client.ts'
import { NatsPeer } from '../support/nats-peer.ts'
import { until } from '../support/until.ts'

const KIB = 1024
const MIB = 1024 * KIB

for (const sender of ['nats', 'sdk'] as const) {
  test(`nats slow consumer: fed by ${sender}, it is ended as one; others get all, memory stays`, async t => {
    const broker = await startBrokerProcess(t)
    const [watcher, reader, stuck] = [await broker.connect(), await connectNats(t, broker.nats, { user: 'owner', pass: broker.token }), await NatsPeer.join(t, broker)]
    stuck.say('SUB flood 1\r\n')
    await stuck.ping()
    stuck.socket.pause()
    let got = 0
    await subscribeNats(reader, 'flood', { callback: () => void got++ })
    const payload = new Uint8Array(64 * KIB)
    const count = 1200
    const publisher = sender === 'nats' ? await connectNats(t, broker.nats, { user: 'owner', pass: broker.token }) : undefined
    for (let i = 0; i < count; i++) {
      if (publisher === undefined) await watcher.publish('flood', payload)
      else {
        publisher.publish('flood', payload)
        if (i % 16 === 15) await publisher.flush()
      }
      if (i % 200 === 0) t.true((await watcher.call('stats')).balanced)
    }
    await until(() => got === count)
    await until(async () => (await watcher.call('connections', { id: `conn-${String(stuck.info['client_id'])}` })).connections.length === 0)
    const { balanced, dropped } = await watcher.call('stats')
    t.true(balanced)
    t.true(dropped['slow-consumer']! > 0, JSON.stringify(dropped))
    t.true(broker.rssBytes() <= 300 * MIB, `${Math.round(broker.rssBytes() / MIB)} MiB resident`)
    stuck.socket.resume()
    // That it is a slow consumer it can read only where there is room for the line, as with nats-server.
    t.true((await stuck.ending()).length < count * payload.length)
  })
}

test('nats slow consumer: what it does not read slows its publisher down for a moment, and loses nothing when it reads again', async t => {
  const broker = await startBroker(t, { config: { ipc: { limits: { overflow: 'block' } }, nats: { port: 0, maxPending: '4mb' } } })
  const [watcher, publisher, stuck] = [await broker.connect(), await connectNats(t, broker.nats, { user: 'owner', pass: broker.token }), await NatsPeer.join(t, broker)]
  stuck.say('SUB flood 1\r\n')
  await stuck.ping()
  stuck.socket.pause()
  const payload = new Uint8Array(64 * KIB).fill(0x78)
  for (let i = 0; i < 400; i++) publisher.publish('flood', payload)
  await until(async () => (await watcher.call('connections', { id: `conn-${String(stuck.info['client_id'])}` })).connections[0]!.stalled)
  const pending = (await watcher.call('connections', { id: `conn-${String(stuck.info['client_id'])}` })).connections[0]!.out.pendingBytes
  t.true(pending <= 6 * MIB, `${pending} bytes wait`)
  stuck.socket.resume()
  await publisher.flush()
  const { length } = await stuck.messages()
  t.is(length, 400)
  const { dropped } = await watcher.call('stats')
  t.true(Object.values(dropped).every(count => count === 0), JSON.stringify(dropped))
})
