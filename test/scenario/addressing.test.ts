import test from 'ava'
import { Kind } from '../../broker/wire/layout.ts'
import { startBroker } from '../support/broker.ts'
import { take, values } from '../support/collect.ts'
import { errorCode } from '../support/error-code.ts'

test('addressing: a client is reached by its id, its agent name and its session, and nobody else hears it', async t => {
  const broker = await startBroker(t)
  const [sender, target, bystander] = await Promise.all([broker.connect(), broker.connect({ clientId: 'lamp-1', agent: 'lamp' }), broker.connect()])
  const inbox = target.subscribe('$CB.to.>')
  const everything = bystander.subscribe('>')
  const elsewhere = bystander.subscribe('$CB.to.>')
  await Promise.all([inbox.ready, everything.ready, elsewhere.ready])
  const addresses = ['$CB.to.client.lamp-1', '$CB.to.agent.lamp', `$CB.to.session.${target.welcome.session}`]
  for (const address of addresses) t.deepEqual(await sender.publish(address, address, { receipt: true }), { receivers: 1 })
  t.deepEqual(await values(inbox, 3), addresses)
  await sender.publish('marker', 'end')
  t.deepEqual(await values(everything, 1), ['end'])
  t.is(elsewhere.unread, 0)
  t.deepEqual(await sender.publish('$CB.to.client.nobody', 1, { receipt: true }), { receivers: 0 })
})

test('addressing: a request to a client is answered by it', async t => {
  const broker = await startBroker(t)
  const [asker, oracle] = await Promise.all([broker.connect(), broker.connect({ clientId: 'oracle' })])
  oracle.subscribe('$CB.to.>', { onMessage: message => message.respond('42') })
  t.is((await asker.request('$CB.to.client.oracle', 'the question')).value, '42')
  t.is(await errorCode(asker.request('$CB.to.client.nobody')), 'request.no_responders')
})

test('addressing: the broker\'s own subjects cannot be watched or invented', async t => {
  const broker = await startBroker(t)
  const [client, peer] = await Promise.all([broker.connect(), broker.native()])
  for (const subject of ['$CB.other', '$SYS.x', '$JS.API', '_INBOX.1']) t.is(await errorCode(client.publish(subject, 1, { receipt: true })), 'permission.denied')
  for (const pattern of ['$CB.>', '$SYS.>', '_INBOX.*']) {
    peer.control(Kind.subscribe, { pattern }, { ref: 7 })
    t.is((await peer.nextError()).code, 'permission.denied')
  }
})

test('addressing: a broadcast reaches every client but the sender, subscribed or not, and says how many', async t => {
  const broker = await startBroker(t)
  const [sender, ...others] = await Promise.all([broker.connect(), broker.connect(), broker.connect(), broker.connect()])
  const heard = others.map(other => other.subscribe('$CB.all'))
  const own = sender.subscribe('$CB.all')
  const silent = await broker.native()
  t.deepEqual(await sender.broadcast({ content: 'update' }), { receivers: 4 })
  for (const subscription of heard) t.deepEqual(await values(subscription, 1), [{ content: 'update' }])
  t.is((await silent.nextOf(Kind.publish)).subject, '$CB.all')
  t.is(own.unread, 0)
})

test('addressing: a channel of mode broadcast reaches all who may receive it, without a subscription', async t => {
  const principals = [{ name: 'deaf', token: 'a-token-for-the-deaf', subscribe: { deny: ['alarm.>', 'alarm'] } }]
  const broker = await startBroker(t, { config: { channels: [{ name: 'alarm', mode: 'broadcast' }], principals } })
  const [sender, subscriber, bystander, deaf] = await Promise.all([broker.connect(), broker.connect(), broker.native(), broker.connect({ principal: 'deaf', token: 'a-token-for-the-deaf' })])
  const alarms = subscriber.subscribe('alarm.>')
  const nothing = deaf.subscribe('>')
  await Promise.all([alarms.ready, nothing.ready])
  t.deepEqual(await sender.publish('alarm.fire', 'now', { receipt: true }), { receivers: 3 })
  t.deepEqual((await take(alarms, 1)).map(message => message.subject), ['alarm.fire'])
  t.is((await bystander.nextOf(Kind.publish)).subject, 'alarm.fire')
  await sender.publish('marker', 'end')
  t.deepEqual(await values(nothing, 1), ['end'])
  // Who comes later hears what comes later.
  const late = await broker.native()
  await sender.publish('alarm', 'again')
  t.is((await late.nextOf(Kind.publish)).subject, 'alarm')
})
