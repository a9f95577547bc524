import test from 'ava'
import { defaultSettings } from '../../broker/ground/settings.ts'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { QueuePipeline } from '../support/queue-pipeline.ts'

const { defaults } = defaultSettings.queue
const setup = { queue: { enabled: true, defaults: { ...defaults, deduplication: { enabled: true, windowMs: 1000, storage: 'memory' } } } } as const

test('deduplication: a message that came before on its channel is acknowledged as a duplicate, and not delivered again', async t => {
  const rig = new QueuePipeline(setup)
  const [client, other, receiver] = [rig.native(), rig.native(), rig.native()]
  receiver.subscribe(1, '>')
  receiver.frames()
  const say = (from: typeof client, subject: string, mid = 'a'): number => from.send({ kind: Kind.publish, subject, flags: Flag.receipt | Flag.headers, headers: { mid } })
  say(client, 'command.x')
  say(client, 'command.x')
  t.deepEqual(client.frames().map(({ body }) => body), [{ receivers: 1 }, { receivers: 0, duplicate: true }])
  // Across senders and subjects of the channel, not across channels.
  say(other, 'command.y')
  say(other, 'agent.x')
  say(other, 'elsewhere')
  say(other, 'elsewhere')
  t.deepEqual(other.frames().map(({ body }) => body), [{ receivers: 0, duplicate: true }, { receivers: 1 }, { receivers: 1 }, { receivers: 1 }])
  t.deepEqual(receiver.messages().map(({ subject }) => subject), ['command.x', 'agent.x', 'elsewhere', 'elsewhere'])
  t.like(rig.core.accounts.channel('command'), { accepted: 1, deliveries: 1, duplicates: 2, rejected: 0, imbalance: 0 })
  await rig.advance(1000)
  say(client, 'command.x')
  t.deepEqual(client.frames().map(({ body }) => body), [{ receivers: 1 }], 'after the window it is a message of its own')
})

test('deduplication: what was refused was not accepted, and what has no id, or wants an answer, is never a duplicate', t => {
  const rig = new QueuePipeline(setup)
  rig.addPrincipal({ name: 'bob', publish: { allow: ['agent.>'], deny: [] } }, 'bob-token')
  const [bob, client, responder] = [rig.native({ principal: 'bob', auth: { token: 'bob-token' } }), rig.native(), rig.native()]
  responder.subscribe(1, 'command')
  responder.frames()
  bob.send({ kind: Kind.publish, subject: 'command', flags: Flag.headers, headers: { mid: 'a' } })
  client.send({ kind: Kind.publish, subject: 'command', flags: Flag.headers, headers: { mid: 'a' } })
  for (let i = 0; i < 2; i++) client.publish('command')
  for (let i = 0; i < 2; i++) client.send({ kind: Kind.request, subject: 'command', flags: Flag.headers, headers: { mid: 'b' } })
  t.is(responder.messages().length, 5)
})

test('deduplication: a NATS client\'s repeat under the same Nats-Msg-Id is passed over', t => {
  const rig = new QueuePipeline(setup)
  const [client, receiver] = [rig.nats(), rig.native()]
  receiver.subscribe(1, 'command')
  receiver.frames()
  const headers = 'NATS/1.0\r\nNats-Msg-Id: a\r\n\r\n'
  for (let i = 0; i < 2; i++) client.raw(`HPUB command ${headers.length} ${headers.length + 2}\r\n${headers}hi\r\n`)
  t.is(receiver.messages().length, 1)
  t.is(client.text(), '')
})

test('deduplication: it is off unless the configuration says so', t => {
  const rig = new QueuePipeline()
  const [client, receiver] = [rig.native(), rig.native()]
  receiver.subscribe(1, 'command')
  receiver.frames()
  for (let i = 0; i < 2; i++) client.send({ kind: Kind.publish, subject: 'command', flags: Flag.headers, headers: { mid: 'a' } })
  t.is(receiver.messages().length, 2)
})
