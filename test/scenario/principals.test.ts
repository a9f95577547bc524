import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { Kind } from '../../broker/wire/layout.ts'
import { startBroker } from '../support/broker.ts'
import { values } from '../support/collect.ts'
import { errorCode } from '../support/error-code.ts'
import { nextEvent } from '../support/scripted-client.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const GUEST = { principal: 'guest', token: 'a-token-for-guests' }
const guest = { name: 'guest', token: GUEST.token, publish: { allow: ['chat.>', 'desk'], deny: ['chat.admin.>'] }, subscribe: { allow: ['chat.>', 'news.*'], deny: ['chat.secret.>'] } }

test('principals: publishing goes by allow and deny', async t => {
  const broker = await startBroker(t, { config: { principals: [guest] } })
  const client = await broker.connect(GUEST)
  for (const subject of ['chat.room', 'desk']) t.deepEqual(await client.publish(subject, 1, { receipt: true }), { receivers: 0 })
  for (const subject of ['chat', 'chat.admin.kick', 'desk.top', 'events']) t.is(await errorCode(client.publish(subject, 1, { receipt: true })), 'permission.denied')
  t.is(await errorCode(client.request('other', 1)), 'permission.denied')
})

test('principals: subscribing goes by allow and deny, and a wildcard shows nothing that is denied', async t => {
  const broker = await startBroker(t, { config: { principals: [guest] } })
  const [owner, client] = await Promise.all([broker.connect(), broker.connect(GUEST)])
  for (const pattern of ['desk', 'chat.secret.*', 'chat.secret.a.b', 'news']) {
    const refused = client.subscribe(pattern)
    t.is(await errorCode(refused.ready), 'permission.denied', pattern)
  }
  const all = client.subscribe('>')
  const group = client.subscribe('chat.>', { group: 'g' })
  await Promise.all([all.ready, group.ready])
  for (const subject of ['chat.secret.a', 'chat.secret.a.b', 'news.a.b', 'desk']) t.deepEqual(await owner.publish(subject, subject, { receipt: true }), { receivers: 0 }, subject)
  for (const subject of ['chat.room', 'news.a']) await owner.publish(subject, subject)
  t.deepEqual(await values(all, 2), ['chat.room', 'news.a'])
  t.deepEqual(await values(group, 1), ['chat.room'])
})

test('principals: the token may stand in a file', async t => {
  const file = join(temporaryDirectory(t), 'guest.token')
  writeFileSync(file, 'the-token-of-a-file\nand a second line\n', { mode: 0o600 })
  const broker = await startBroker(t, { config: { principals: [{ name: 'guest', tokenFile: file }] } })
  const client = await broker.connect({ principal: 'guest', token: 'the-token-of-a-file' })
  t.deepEqual([client.welcome.principal, client.welcome.roles], ['guest', ['client']])
})

test('principals: the same principal takes its client id over, and the one before is told', async t => {
  const broker = await startBroker(t)
  const first = await broker.connect({ clientId: 'desk', retry: { maxRetries: 5, retryDelayMs: 1 } })
  const closed = nextEvent(first, 'closed')
  const second = await broker.connect({ clientId: 'desk' })
  // It does not come back either: the two would take turns for ever.
  t.is((await closed)?.code, 'session.taken_over')
  const inbox = second.subscribe('$CB.to.>')
  const sender = await broker.connect()
  t.deepEqual(await sender.publish('$CB.to.client.desk', 'hello', { receipt: true }), { receivers: 1 })
  t.deepEqual(await values(inbox, 1), ['hello'])
  t.is((await sender.call('connections', { id: 'desk' })).connections.length, 1)
})

test('principals: another principal is refused the client id, and the agent name', async t => {
  const broker = await startBroker(t, { config: { principals: [guest, { name: 'agents', roles: ['agent'], token: 'a-token-for-agents' }] } })
  const holder = await broker.connect({ clientId: 'desk', agent: 'lamp' })
  t.is(await errorCode(broker.connect({ clientId: 'desk', ...GUEST })), 'session.id_taken')
  t.is(await errorCode(broker.connect({ agent: 'lamp', principal: 'agents', token: 'a-token-for-agents' })), 'session.id_taken')
  t.is(await errorCode(broker.connect({ agent: 'other', ...GUEST })), 'permission.denied')
  t.true(holder.isConnected)
})

test('principals: an id is free again when its holder has left', async t => {
  const broker = await startBroker(t, { config: { principals: [guest] } })
  const holder = await broker.native({ client: 'desk' })
  holder.control(Kind.goodbye)
  await once(holder.socket, 'close')
  t.is((await broker.connect({ clientId: 'desk', ...GUEST })).id, 'desk')
})

test('principals: administration is refused to those without the role', async t => {
  const broker = await startBroker(t, { config: { principals: [guest, { name: 'boss', roles: ['admin'], token: 'a-token-for-the-boss' }] } })
  const [client, boss] = await Promise.all([broker.connect({ ...GUEST, clientId: 'guest-1' }), broker.connect({ principal: 'boss', token: 'a-token-for-the-boss' })])
  // The methods are subjects: what may be published decides first.
  t.is(await errorCode(client.call('ping')), 'permission.denied')
  t.is(await errorCode(boss.call('connection.kill', { id: 'nobody' })), 'method.bad_params')
  const closed = nextEvent(client, 'closed')
  t.is((await boss.call('connection.kill', { id: 'guest-1' })).killed, `conn-${client.welcome.origin}`)
  t.is((await closed)?.code, 'connection.killed')
})
