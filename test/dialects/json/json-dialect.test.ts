import test from 'ava'
import { Kind, PayloadType } from '../../../broker/wire/layout.ts'
import type { JsonClient, Line } from '../../support/memory-client.ts'
import { PipelineRig } from '../../support/pipeline.ts'

function codes(lines: readonly Line[]): unknown[] {
  return lines.map(line => (line['payload'] as { code?: string } | undefined)?.code)
}

function subscribe(client: JsonClient, envelope: object): unknown {
  client.send({ type: 'subscribe', ...envelope })
  const [answer] = client.lines()
  return (answer!['payload'] as { subscription?: number; code?: string }).subscription ?? codes([answer!])[0]
}

test('json: a message is an envelope both ways, with the sender\'s id and the channel', t => {
  const rig = new PipelineRig()
  const [sender, receiver] = [rig.json({ client: 'cli' }), rig.json()]
  t.is(subscribe(receiver, { channel: 'events' }), 1)
  sender.send({ version: '1.0', id: 'msg-123', type: 'event', channel: 'events', payload: { a: [1, 'x', null] }, timestamp: 1_234_567_890, sender: 'cli', headers: { trace: 7 } })
  sender.send({ type: 'event', subject: 'events.disk', payload: 'full' })
  const [first, second] = receiver.lines()
  t.deepEqual(first, { version: '1.0', id: 'msg-123', type: 'event', channel: 'events', subject: 'events', payload: { a: [1, 'x', null] }, headers: { trace: 7 }, timestamp: 1_000_000_000_000, sentAt: 1_234_567_890_000, sender: 'cli' })
  t.like(second, { id: `testhome.1.${sender.connection.number}.3`, channel: 'events', subject: 'events.disk', payload: 'full', sender: 'cli' })
  t.deepEqual(sender.lines(), [])
})

test('json: a request is answered by its string id, over both dialects', t => {
  const rig = new PipelineRig()
  const [asker, responder] = [rig.json(), rig.native()]
  responder.subscribe(1, 'command')
  responder.frames()
  asker.send({ type: 'request', id: 'q1', channel: 'command', payload: { action: 'status' }, timeout: 300.2 })
  const [request] = responder.messages()
  t.deepEqual([request!.to, request!.flags & 3], [301, PayloadType.json])
  responder.send({ kind: Kind.part, to: request!.origin, ref: request!.id, subject: 'command', payload: Buffer.from('half'), flags: PayloadType.text })
  responder.send({ kind: Kind.response, to: request!.origin, ref: request!.id, subject: 'command' })
  const answers = asker.lines()
  t.deepEqual(answers.map(({ type, ref, payload }) => [type, ref, payload]), [['part', 'q1', 'half'], ['response', 'q1', null]])
})

test('json: a responder answers the replyTo', t => {
  const rig = new PipelineRig()
  const [asker, responder] = [rig.json(), rig.json()]
  subscribe(responder, { channel: 'command', group: 'g' })
  asker.send({ type: 'request', id: 7, channel: 'command', payload: 1 })
  const [request] = responder.lines()
  t.like(request, { type: 'request', timeout: 5000, subscription: 1, payload: 1 })
  responder.send({ type: 'error', ref: request!['replyTo'], payload: { code: 'mine' } })
  t.like(asker.lines()[0], { type: 'error', ref: 7, payload: { code: 'mine' } })
  responder.send({ type: 'response', ref: request!['replyTo'], payload: 2, id: 'late' })
  t.like(responder.lines()[0], { type: 'error', ref: 'late', payload: { code: 'request.not_open' } })
})

test('json: many answers keep the id until the end', t => {
  const rig = new PipelineRig()
  const [asker, one, two] = [rig.json(), rig.json(), rig.json()]
  for (const responder of [one, two]) subscribe(responder, { subject: 'work' })
  asker.send({ type: 'request', id: 'all', subject: 'work', many: true })
  for (const responder of [one, two]) responder.send({ type: 'response', ref: responder.lines()[0]!['replyTo'], payload: 1 })
  t.deepEqual(asker.lines().map(({ type, ref }) => [type, ref]), [['response', 'all'], ['response', 'all'], ['end', 'all']])
})

test('json: a cancel names the own request, and the responder is told its replyTo', t => {
  const rig = new PipelineRig()
  const [asker, responder] = [rig.json(), rig.json()]
  subscribe(responder, { subject: 'work' })
  asker.send({ type: 'request', id: 'q', subject: 'work' })
  const [request] = responder.lines()
  asker.send({ type: 'cancel', ref: 'q' })
  t.deepEqual(responder.lines().map(({ type, ref }) => [type, ref]), [['cancel', request!['replyTo']]])
  t.is(rig.pipeline.openRequests, 0)
  // The id may be used again, and then means the new request.
  asker.send({ type: 'request', id: 'q', subject: 'work' })
  asker.send({ type: 'cancel', ref: 'q' })
  t.is(rig.pipeline.openRequests, 0)
})

test('json: a cancel from a requester does not touch the responder\'s own request of the same number', t => {
  const rig = new PipelineRig()
  const [asker, responder, third] = [rig.json(), rig.json(), rig.json()]
  // Frame 2 of each.
  subscribe(responder, { subject: 'work' })
  asker.send({ type: 'ping' })
  subscribe(third, { subject: 'other' })
  responder.send({ type: 'request', id: 'mine', subject: 'other' })
  asker.send({ type: 'request', id: 'theirs', subject: 'work' })
  asker.send({ type: 'cancel', ref: 'theirs' })
  t.is(responder.lines().length, 2)
  third.send({ type: 'response', ref: third.lines()[0]!['replyTo'], payload: 'here' })
  t.like(responder.lines()[0], { type: 'response', ref: 'mine', payload: 'here' })
})

test('json: a channel is its subject and all below it, by one answer and one number', t => {
  const rig = new PipelineRig()
  const [client, sender] = [rig.json(), rig.native()]
  client.send({ type: 'subscribe', id: 's', channel: 'agent', subscription: 5 })
  t.deepEqual(client.lines(), [{ type: 'ok', ref: 's', payload: { subscription: 5 } }])
  for (const subject of ['agent', 'agent.x.y', 'agents']) sender.publish(subject)
  t.is(client.lines().length, 2)
  t.is(subscribe(client, { channel: 'agent', subscription: 5 }), 'subscription.exists')
  client.send({ type: 'unsubscribe', id: 'u', subscription: 5 })
  t.deepEqual(client.lines(), [{ type: 'ok', ref: 'u', payload: { subscription: 5 } }])
  sender.publish('agent.x')
  t.deepEqual(client.lines(), [])
  t.is(rig.core.interest.size, 0)
  client.send({ type: 'unsubscribe', subscription: 5 })
  t.deepEqual(codes(client.lines()), ['subscription.unknown'])
})

test('json: a channel is subscribed as a whole or not at all, and a refused number can be used again', t => {
  const rig = new PipelineRig({ ipc: { limits: { maxSubscriptions: 3 } } })
  const client = rig.json()
  t.is(subscribe(client, { channel: 'agent' }), 1)
  client.send({ type: 'subscribe', id: 'x', channel: 'events', subscription: 9 })
  t.deepEqual(client.lines().map(({ type, ref }) => [type, ref]), [['error', 'x']])
  t.is(rig.core.interest.size, 2)
  t.is(subscribe(client, { subject: 'a b', subscription: 9 }), 'pattern.invalid')
  t.is(subscribe(client, { subject: 'one', subscription: 9 }), 9)
})

test('json: a broadcast says how many it reached', t => {
  const rig = new PipelineRig()
  const [sender, one] = [rig.json(), rig.json()]
  rig.native()
  sender.send({ type: 'broadcast', id: 'b', payload: 'all' })
  t.deepEqual(sender.lines(), [{ type: 'receipt', ref: 'b', payload: { receivers: 2 } }])
  t.like(one.lines()[0], { type: 'broadcast', payload: 'all' })
})

test('json: ping, pong and goodbye', t => {
  const rig = new PipelineRig()
  const client = rig.json()
  client.send({ type: 'ping', id: 'p' })
  t.deepEqual(client.lines(), [{ type: 'pong', ref: 'p' }])
  client.send({ type: 'goodbye' })
  rig.turn()
  t.true(client.link.isClosed)
})

test('json: errors name the envelope that they are about; the connection stays', t => {
  const client = new PipelineRig().json()
  const wrong: [object, string][] = [
    [{ type: 'event', payload: 1 }, 'envelope.malformed'],
    [{ type: 'event', channel: 'nope', payload: 1 }, 'channel.not_found'],
    [{ type: 'event', subject: 'a..b' }, 'subject.invalid'],
    [{ type: 'wave' }, 'envelope.malformed'],
    [{ type: 'response', ref: 'x', payload: 1 }, 'envelope.malformed'],
    [{ type: 'event', subject: 'a', sender: 'somebody' }, 'envelope.sender_mismatch'],
    [{ type: 'request', subject: 'nobody.here' }, 'request.no_responders'],
    [{ type: 'unsubscribe' }, 'envelope.malformed'],
    [{ type: 'hello' }, 'frame.unsupported'],
  ]
  for (const [i, [envelope, code]] of wrong.entries()) {
    client.send({ id: `e${i}`, ...envelope })
    const lines = client.lines()
    t.deepEqual(codes(lines), [code], JSON.stringify(envelope))
    t.is(lines[0]!['ref'], `e${i}`)
  }
})

test('json: whom the broker does not know is not told which channels there are', t => {
  const answers = ['events', 'nope'].map(channel => {
    const client = new PipelineRig().jsonLink()
    client.send({ type: 'event', channel, payload: 1 })
    return codes(client.lines())
  })
  t.deepEqual(answers, [['handshake.expected'], ['handshake.expected']])
})

test('json: the challenge works on lines too', t => {
  const client = new PipelineRig({ ipc: { security: { requireAuth: false } } }).jsonLink()
  client.send({ type: 'hello', id: 1, payload: { auth: { nonce: 'n' } } })
  const [challenge] = client.lines()
  t.like(challenge, { type: 'challenge', ref: 1 })
  client.send({ type: 'proof', payload: { mac: '00' } })
  t.like(client.lines()[0], { type: 'goodbye', payload: { code: 'auth.failed' } })
  t.true(client.link.isClosed)
})

test('json: time to live and the wish for a receipt travel as headers', t => {
  const rig = new PipelineRig()
  const [sender, receiver] = [rig.json(), rig.native()]
  receiver.subscribe(1, 'a')
  receiver.frames()
  sender.send({ type: 'event', id: 'e', subject: 'a', payload: 1, ttl: 60_000, receipt: 'delivered' })
  t.deepEqual({ ...receiver.messages()[0]!.headers }, { mid: 'e', ttl: 60_000, receipt: 'delivered' })
  sender.lines()
  for (const [wrong, member] of [[{ ttl: 0 }, 'ttl'], [{ ttl: 1.5 }, 'ttl'], [{ ttl: 2 ** 31 }, 'ttl'], [{ receipt: 'later' }, 'receipt'], [{ receipt: 1 }, 'receipt']] as const) {
    sender.send({ type: 'event', subject: 'a', ...wrong })
    const [refusal] = sender.lines()
    t.like(refusal, { type: 'error', payload: { code: 'envelope.malformed' } })
    t.regex((refusal!['payload'] as { message: string }).message, new RegExp(`${member} must be`))
  }
})
