import test from 'ava'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { startBroker } from '../support/broker.ts'
import { take } from '../support/collect.ts'

test('dialects: what a script publishes arrives at the SDK with its id, its sender and its clock', async t => {
  const broker = await startBroker(t)
  const [client, script] = await Promise.all([broker.connect(), broker.json({ client: 'cron-7', program: 'cron' })])
  const news = client.subscribe('command.>')
  const command = client.subscribe('command')
  await Promise.all([news.ready, command.ready])
  script.say({ version: '1.0', id: 'msg-123', type: 'event', channel: 'command', payload: { action: 'status' }, timestamp: 1_234_567_890, sender: 'cron', receipt: true })
  t.like(await script.nextOf('receipt'), { ref: 'msg-123', payload: { receivers: 1 } })
  const [message] = await take(command, 1)
  t.deepEqual(message!.value, { action: 'status' })
  t.deepEqual({ ...message!.headers }, { mid: 'msg-123', sender: 'cron', sentAt: 1_234_567_890_000 })
})

test('dialects: a sender that is not the connection is refused, and names what it is', async t => {
  const broker = await startBroker(t)
  const script = await broker.json({ client: 'cron-7', program: 'cron' })
  script.say({ id: 'a', type: 'event', channel: 'command', payload: 1, sender: 'root' })
  const refusal = await script.nextOf('error')
  t.like(refusal, { ref: 'a', payload: { code: 'envelope.sender_mismatch', details: { actual: 'root', expected: 'cron-7' } } })
  const peer = await broker.native({ client: 'frames' })
  peer.publish('command', 1, { headers: { sender: 'cron-7' } })
  t.is((await peer.nextError()).code, 'envelope.sender_mismatch')
})

test('dialects: what the SDK publishes arrives at a script as one line with channel, sender and JSON', async t => {
  const broker = await startBroker(t)
  const [client, script] = await Promise.all([broker.connect({ clientId: 'station' }), broker.json()])
  script.say({ id: 's', type: 'subscribe', channel: 'command' })
  t.like(await script.nextOf('ok'), { ref: 's', payload: { subscription: 1 } })
  await client.publish('command.sub', { list: [1, 2], bytes: new Uint8Array([1, 2, 3]) }, { headers: { trace: 'x' }, mid: 'own-1' })
  const event = await script.nextOf('event')
  t.like(event, { version: '1.0', id: 'own-1', type: 'event', channel: 'command', subject: 'command.sub', payload: { list: [1, 2], bytes: { $base64: 'AQID' } }, headers: { trace: 'x' }, sender: 'station' })
  t.true(Math.abs(Date.now() - Number(event['timestamp'])) < 60_000)
  await client.publish('command', new Uint8Array([255]))
  const bytes = await script.nextOf('event')
  t.like(bytes, { payload: { $base64: '/w==' } })
  t.is(bytes['id'], `${client.welcome.broker}.${client.welcome.incarnation}.${client.welcome.origin}.${String(bytes['id']).split('.')[3]}`)
  await client.publish('command', 'ein Text')
  t.like(await script.nextOf('event'), { payload: 'ein Text' })
})

test('dialects: a script asks the SDK and the SDK a script, and each gets its own ids back', async t => {
  const broker = await startBroker(t)
  const [client, script] = await Promise.all([broker.connect(), broker.json()])
  await client.subscribe<number>('double', { onMessage: async message => {
    await message.part('working')
    await message.respond(message.value * 2)
  } }).ready
  script.say({ id: 'ask-1', type: 'request', subject: 'double', payload: 21 })
  t.like(await script.nextOf('part'), { ref: 'ask-1', payload: 'working' })
  t.like(await script.nextOf('response'), { ref: 'ask-1', payload: 42 })
  script.say({ id: 17, type: 'request', subject: 'nobody.here', payload: 1 })
  t.like(await script.nextOf('error'), { ref: 17, payload: { code: 'request.no_responders' } })

  script.say({ type: 'subscribe', subject: 'half' })
  await script.nextOf('ok')
  const answer = client.request('half', 84)
  const request = await script.nextOf('request')
  t.is(request['payload'], 84)
  t.true(Number(request['timeout']) > 0)
  script.say({ type: 'response', ref: request['replyTo'], payload: 42 })
  t.is((await answer).value, 42)
})

test('dialects: a script cancels, and is told when its requester does', async t => {
  const broker = await startBroker(t)
  const [worker, script] = await Promise.all([broker.native(), broker.json()])
  await worker.subscribe(1, 'long')
  script.say({ id: 'job', type: 'request', subject: 'long', payload: 1 })
  const request = await worker.nextOf(Kind.request)
  script.say({ type: 'cancel', ref: 'job' })
  t.like(await worker.nextOf(Kind.cancel), { to: request.origin, ref: request.id })

  script.say({ type: 'subscribe', subject: 'mine' })
  await script.nextOf('ok')
  const id = worker.request('mine', 1)
  const asked = await script.nextOf('request')
  worker.control(Kind.cancel, undefined, { ref: id })
  t.like(await script.nextOf('cancel'), { ref: asked['replyTo'] })
})

test('dialects: two scripts share a group, and unsubscribing ends it', async t => {
  const broker = await startBroker(t)
  const client = await broker.connect()
  const scripts = await Promise.all([broker.json(), broker.json()])
  for (const script of scripts) {
    script.say({ type: 'subscribe', channel: 'command', group: 'g', subscription: 5 })
    t.like(await script.nextOf('ok'), { payload: { subscription: 5 } })
  }
  for (let i = 0; i < 4; i++) t.deepEqual(await client.publish('command.x', i, { receipt: true }), { receivers: 1 })
  for (const script of scripts) for (let i = 0; i < 2; i++) t.like(await script.nextOf('event'), { subscription: 5 })
  scripts[0].say({ type: 'unsubscribe', subscription: 5 })
  await scripts[0].nextOf('ok')
  await client.publish('command', 'last')
  t.like(await scripts[1].nextOf('event'), { payload: 'last' })
})

test('dialects: an answer to many comes to a script until the end', async t => {
  const broker = await startBroker(t)
  const script = await broker.json()
  for (const name of ['a', 'b']) await (await broker.connect()).subscribe('roll', { onMessage: message => message.respond(name) }).ready
  script.say({ id: 'all', type: 'request', subject: 'roll', payload: null, many: true })
  const answers = [await script.nextOf('response'), await script.nextOf('response')]
  t.deepEqual(answers.map(({ payload }) => String(payload)).sort(), ['a', 'b'])
  t.like(await script.nextOf('end'), { ref: 'all', payload: { responses: 2, reason: 'complete' } })
})

test('dialects: a message that JSON cannot say is told as such', async t => {
  const broker = await startBroker(t)
  const [peer, script] = await Promise.all([broker.native(), broker.json()])
  script.say({ type: 'subscribe', subject: 'odd' })
  await script.nextOf('ok')
  // NaN as MessagePack, then bytes that are none.
  peer.send({ kind: Kind.publish, flags: 1, subject: 'odd', payload: new Uint8Array([0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]) })
  t.like(await script.nextOf('event'), { payload: null, problem: { code: 'payload.not_json' } })
  peer.send({ kind: Kind.publish, flags: 1, subject: 'odd', payload: new Uint8Array([0xc1]) })
  t.like(await script.nextOf('event'), { payload: null, problem: { code: 'payload.malformed' } })
  peer.send({ kind: Kind.publish, flags: 2 | Flag.receipt, subject: 'odd', payload: new TextEncoder().encode('{"ok":1}') })
  t.like(await script.nextOf('event'), { payload: { ok: 1 } })
})
