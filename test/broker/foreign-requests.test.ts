// Requests between clients of frames and clients of the NATS protocol, in both directions.

import { setImmediate } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { encodePayload } from '../../broker/ground/payload.ts'
import { Trace } from '../../broker/trace.ts'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { codeOf, type NativeClient, type NatsMemoryClient } from '../support/memory-client.ts'
import { natsMessages, type ReceivedMessage } from '../support/nats-text.ts'
import { PipelineRig } from '../support/pipeline.ts'

const utf8 = new TextEncoder()
const text = new TextDecoder()

function subscribed(client: NativeClient, pattern: string, options: { group?: string; filter?: string } = {}): NativeClient {
  client.subscribe(1, pattern, options)
  client.frames()
  return client
}

/** A NATS client with an inbox. */
function asking(rig: PipelineRig, connect: object = {}): NatsMemoryClient {
  const client = rig.nats(connect)
  client.raw('SUB _INBOX.me.* 1\r\n')
  return client
}

function isSettled(t: ExecutionContext, rig: PipelineRig, openRequests = 0): void {
  t.true(rig.core.accounts.totals().balanced)
  t.is(rig.pipeline.openRequests, openRequests)
}

test('foreign requests: a native responder answers a NATS client on its reply subject', t => {
  const rig = new PipelineRig()
  const [asker, responder] = [asking(rig), subscribed(rig.native({ client: 'weather' }), 'ask.*')]
  const block = 'NATS/1.0\r\nNats-Msg-Id: m-1\r\nContent-Type: application/json\r\n\r\n'
  asker.raw(`HPUB ask.x _INBOX.me.7 ${block.length} ${block.length + 2}\r\n${block}{}\r\n`)
  const [request] = responder.messages()
  t.like(request, { kind: Kind.request, subject: 'ask.x', origin: asker.connection.number, to: 60_000, headers: { mid: 'm-1', replyTo: '_INBOX.me.7' } })
  t.is(request!.flags & (Flag.many | Flag.payloadType), Flag.many | 2)
  t.is(text.decode(request!.payload), '{}')
  responder.send({ kind: Kind.response, to: request!.origin, ref: request!.id, flags: 2, payload: utf8.encode('{"c":21}'), headers: { unit: 'celsius' } })
  const [answer, ...others] = natsMessages(asker.text())
  t.like(answer, { subject: '_INBOX.me.7', sid: '1', payload: '{"c":21}' })
  t.like(answer!.headers, { 'Content-Type': 'application/json', unit: 'celsius', 'Callboard-Sender': 'weather' })
  t.deepEqual(others, [])
  isSettled(t, rig)
})

test('foreign requests: all native responders answer, each once, and parts before that', t => {
  const rig = new PipelineRig()
  const asker = asking(rig)
  const responders = [subscribed(rig.native(), 'ask'), subscribed(rig.native(), 'ask')]
  asker.raw('PUB ask _INBOX.me.1 2\r\nhi\r\n')
  for (const responder of responders) {
    const { origin: to, id: ref } = responder.messages()[0]!
    responder.send({ kind: Kind.part, to, ref, payload: utf8.encode('part') })
    responder.send({ kind: Kind.response, to, ref, payload: utf8.encode('last') })
  }
  const answers = natsMessages(asker.text())
  t.deepEqual(answers.map(({ payload, headers }) => [payload, headers['Callboard-Part']]), [['part', 'true'], ['last', undefined], ['part', 'true'], ['last', undefined]])
  const [late] = responders
  late!.send({ kind: Kind.response, to: asker.connection.number, ref: 1, payload: utf8.encode('again') })
  t.is(codeOf(late!.frames()[0]!), 'request.not_open')
  isSettled(t, rig)
})

test('foreign requests: a failure of a native responder has number, text and code in its headers', t => {
  const rig = new PipelineRig()
  const [asker, responder] = [asking(rig), subscribed(rig.native(), 'ask')]
  asker.raw('PUB ask _INBOX.me.1 0\r\n\r\n')
  const { origin: to, id: ref } = responder.messages()[0]!
  responder.send({ kind: Kind.error, to, ref, flags: 1, payload: encodePayload({ code: 'shop.closed', message: 'come back tomorrow', retryable: true }).bytes })
  const [answer] = natsMessages(asker.text())
  t.like(answer!.headers, { 'Nats-Service-Error-Code': '500', 'Nats-Service-Error': 'come back tomorrow', 'Callboard-Error': 'shop.closed' })
  isSettled(t, rig)
})

test('foreign requests: the responder that was asked leaves: nobody answers, and that is told at once', t => {
  const rig = new PipelineRig()
  const [asker, responder] = [asking(rig), subscribed(rig.native(), 'ask')]
  asker.raw('PUB ask _INBOX.me.1 0\r\n\r\n')
  responder.frames()
  responder.link.end()
  const [answer] = natsMessages(asker.text())
  t.like(answer, { subject: '_INBOX.me.1', status: '503', payload: '' })
  isSettled(t, rig)
})

test('foreign requests: a responder that had answered may leave; another receiver may still answer', t => {
  const rig = new PipelineRig()
  const asker = asking(rig)
  const [first, second] = [subscribed(rig.native(), 'ask'), subscribed(rig.native(), 'ask')]
  asker.raw('PUB ask _INBOX.me.1 0\r\n\r\n')
  const { origin: to, id: ref } = first.messages()[0]!
  first.send({ kind: Kind.part, to, ref })
  t.is(natsMessages(asker.text()).length, 1)
  for (const each of [first, second]) each.link.end()
  t.is(asker.text(), '')
  const plain = rig.nats()
  plain.raw('SUB ask 4\r\n')
  const third = subscribed(rig.native(), 'ask')
  asker.raw('PUB ask _INBOX.me.2 0\r\n\r\n')
  rig.turn()
  third.link.end()
  t.is(asker.text(), '', 'the NATS client has not answered yet')
  t.regex(plain.text(), /^MSG ask 4 _INBOX\.me\.2 0\r\n/, 'and answers where it was asked to')
  isSettled(t, rig)
})

test('foreign requests: time is up: the natives are told, the client that asked has a clock of its own', async t => {
  const rig = new PipelineRig()
  const [asker, responder] = [asking(rig), subscribed(rig.native(), 'ask')]
  asker.raw('PUB ask _INBOX.me.1 0\r\n\r\n')
  responder.frames()
  await rig.advance(60_100)
  t.deepEqual(responder.frames().map(({ kind }) => kind), [Kind.cancel])
  t.notRegex(asker.text(), /MSG/)
  isSettled(t, rig)
})

test('foreign requests: a group with members of both kinds gets each request once', t => {
  const rig = new PipelineRig()
  const [asker, native, plain] = [asking(rig), subscribed(rig.native(), 'ask', { group: 'g' }), rig.nats()]
  plain.raw('SUB ask g 9\r\n')
  for (let i = 0; i < 10; i++) asker.raw(`PUB ask _INBOX.me.${i} 1\r\n${i}\r\n`)
  const requests = native.messages()
  const messages = natsMessages(plain.text())
  t.is(requests.length + messages.length, 10)
  t.true(requests.length > 0 && messages.length > 0)
  t.true(requests.every(({ flags }) => (flags & Flag.grouped) !== 0))
  for (const { origin: to, id: ref } of requests) native.send({ kind: Kind.response, to, ref, payload: utf8.encode('n') })
  for (const { replyTo } of messages) plain.raw(`PUB ${replyTo} 1\r\np\r\n`)
  t.deepEqual(natsMessages(asker.text()).map(({ subject }) => subject).toSorted(), Array.from({ length: 10 }, (_, i) => `_INBOX.me.${i}`))
  isSettled(t, rig)
})

test('foreign requests: receivers that are all NATS clients are left to themselves', t => {
  const rig = new PipelineRig()
  const [asker, plain] = [asking(rig), rig.nats()]
  plain.raw('SUB ask 9\r\n')
  asker.raw('PUB ask _INBOX.me.1 1\r\nx\r\n')
  t.is(plain.text(), 'MSG ask 9 _INBOX.me.1 1\r\nx\r\n')
  isSettled(t, rig)
  plain.raw('PUB _INBOX.me.1 2\r\nok\r\n')
  t.is(asker.text(), 'MSG _INBOX.me.1 1 2\r\nok\r\n')
})

test('foreign requests: of as many as may be open the oldest makes room', t => {
  const rig = new PipelineRig({ ipc: { limits: { maxOpenRequests: 2 } } })
  const [asker, observer, plain] = [asking(rig), subscribed(rig.native(), 'ask'), rig.nats()]
  plain.raw('SUB ask 9\r\n')
  for (let i = 1; i <= 4; i++) asker.raw(`PUB ask _INBOX.me.${i} 0\r\n\r\n`)
  const frames = observer.messages()
  const requests = frames.filter(({ kind }) => kind === Kind.request)
  t.is(requests.length, 4)
  for (const { origin: to, id: ref } of requests) observer.send({ kind: Kind.response, to, ref, payload: utf8.encode(String(ref)) })
  t.deepEqual(natsMessages(asker.text()).map(({ subject }) => subject), ['_INBOX.me.3', '_INBOX.me.4'])
  t.deepEqual(observer.frames().map(frame => codeOf(frame)), ['request.not_open', 'request.not_open'])
  t.is(natsMessages(plain.text()).length, 4, 'other receivers are not concerned')
  isSettled(t, rig)
})

test('foreign requests: nobody says by a responder\'s mouth what it must not say itself', t => {
  const rig = new PipelineRig()
  rig.addPrincipal({ name: 'guest', publish: { allow: ['ask'], deny: [] } }, 'guest-token')
  const [guest, responder] = [rig.nats({ user: 'guest', pass: 'guest-token' }), subscribed(rig.native(), 'ask')]
  const [victim, other] = [subscribed(rig.native(), 'orders'), rig.nats()]
  other.raw('SUB orders 1\r\nSUB $CB.all 2\r\n')
  guest.raw('SUB orders 7\r\n')
  for (const replyTo of ['orders', '$CB.all']) {
    guest.raw(`PUB ask ${replyTo} 0\r\n\r\n`)
    const { origin: to, id: ref } = responder.messages().at(-1)!
    responder.send({ kind: Kind.response, to, ref, payload: utf8.encode('delete everything') })
  }
  t.deepEqual(natsMessages(guest.text()).map(({ subject, payload }) => [subject, payload]), [['orders', 'delete everything']], 'its own subscription gets it')
  t.deepEqual(victim.messages(), [])
  t.is(other.text(), '')
  isSettled(t, rig)
})

test('foreign requests: who may publish to the reply subject has the answers go to everybody there', t => {
  const rig = new PipelineRig()
  const [asker, responder, third] = [rig.nats(), subscribed(rig.native(), 'ask'), subscribed(rig.native(), 'answers')]
  asker.raw('PUB ask answers 0\r\n\r\n')
  const { origin: to, id: ref } = responder.messages()[0]!
  responder.send({ kind: Kind.error, to, ref, flags: 1, payload: encodePayload({ code: 'request.failed', message: 'no', retryable: false }).bytes })
  const [heard] = third.messages()
  t.like(heard, { kind: Kind.publish, subject: 'answers', origin: responder.connection.number })
  t.like(heard!.headers, { 'Nats-Service-Error': 'no', 'Callboard-Error': 'request.failed' })
  isSettled(t, rig)
})

test('foreign requests: filters tell requests of NATS clients from their events', t => {
  const rig = new PipelineRig()
  const [asker, requests, events] = [asking(rig), subscribed(rig.native(), 'ask', { filter: '@type=request' }), subscribed(rig.native(), 'ask', { filter: '@type=event' })]
  asker.raw('PUB ask _INBOX.me.1 0\r\n\r\nPUB ask 0\r\n\r\n')
  t.deepEqual([requests, events].map(client => client.messages().map(({ kind }) => kind)), [[Kind.request], [Kind.publish]])
  isSettled(t, rig, 1)
})

test('foreign requests: what is no subject is nowhere to answer to', t => {
  const rig = new PipelineRig()
  const [asker, observer] = [asking(rig), subscribed(rig.native(), 'ask')]
  asker.raw('PUB ask a..b 0\r\n\r\nPUB ask > 0\r\n\r\n')
  t.deepEqual(observer.messages().map(({ kind }) => kind), [Kind.publish, Kind.publish])
  isSettled(t, rig)
})

test('foreign requests: a NATS client answers a native request on the subject that came with it', t => {
  const rig = new PipelineRig()
  const [asker, plain] = [rig.native({ client: 'cli' }), rig.nats()]
  plain.raw('SUB ask 9\r\n')
  const id = asker.send({ kind: Kind.request, subject: 'ask', flags: 2, payload: utf8.encode('{"q":1}'), headers: { mid: 'm' } })
  const [message] = natsMessages(plain.text())
  t.like(message, { subject: 'ask', sid: '9', replyTo: `$CB.reply.${asker.connection.number}.${id}`, payload: '{"q":1}' })
  t.like(message!.headers, { 'Nats-Msg-Id': 'm', 'Content-Type': 'application/json', 'Callboard-Sender': 'cli', 'Callboard-Id': `testhome.1.${asker.connection.number}.${id}` })
  const block = 'NATS/1.0\r\nContent-Type: text/plain\r\nX: y\r\n\r\n'
  plain.raw(`HPUB ${message!.replyTo} ${block.length} ${block.length + 5}\r\n${block}hello\r\n`)
  const [answer] = asker.frames()
  t.like(answer, { kind: Kind.response, ref: id, origin: plain.connection.number, headers: { X: 'y' } })
  t.is(answer!.flags & Flag.payloadType, 3)
  t.is(text.decode(answer!.payload), 'hello')
  plain.raw(`PUB ${message!.replyTo} 4\r\nlate\r\n`)
  t.is(plain.text(), '', 'what nobody waits for any more is passed by, as in NATS')
  t.deepEqual(asker.frames(), [])
  isSettled(t, rig)
})

test('foreign requests: parts and failures of NATS clients are parts and errors', t => {
  const rig = new PipelineRig()
  const [asker, plain] = [rig.native(), rig.nats()]
  plain.raw('SUB ask 9\r\n')
  asker.send({ kind: Kind.request, subject: 'ask' })
  const replyTo = natsMessages(plain.text())[0]!.replyTo!
  const answer = (headers: string, payload: string): void => {
    const block = `NATS/1.0\r\n${headers}\r\n`
    plain.raw(`HPUB ${replyTo} ${block.length} ${block.length + payload.length}\r\n${block}${payload}\r\n`)
  }
  answer('Callboard-Part: 1\r\n', 'one')
  answer('Callboard-Part: 1\r\n', 'two')
  answer('Nats-Service-Error-Code: 400\r\nNats-Service-Error: no\r\n', '')
  const frames = asker.frames()
  t.deepEqual(frames.map(({ kind }) => kind), [Kind.part, Kind.part, Kind.error])
  t.is(text.decode(frames[1]!.payload), 'two')
  isSettled(t, rig)
})

test('foreign requests: nobody answers for somebody else', t => {
  const rig = new PipelineRig()
  const [asker, plain, stranger] = [rig.native(), rig.nats(), rig.nats({ verbose: true })]
  plain.raw('SUB ask 9\r\n')
  asker.send({ kind: Kind.request, subject: 'ask' })
  const replyTo = natsMessages(plain.text())[0]!.replyTo!
  for (const subject of [replyTo, '$CB.reply.1.x', '$CB.reply.1', '$CB.reply.99.1', `${replyTo}.more`]) stranger.raw(`PUB ${subject} 1\r\nx\r\n`)
  stranger.raw('SUB $CB.reply.> 1\r\n')
  t.notRegex(stranger.text(), /MSG/)
  t.deepEqual(asker.frames(), [])
  t.is(rig.core.interest.size, 1)
  isSettled(t, rig, 1)
})

test('foreign requests: of many, all NATS and native responders answer, then it ends', t => {
  const rig = new PipelineRig()
  const [asker, native, one, two] = [rig.native(), subscribed(rig.native(), 'ask'), rig.nats(), rig.nats()]
  for (const plain of [one, two]) plain.raw('SUB ask 9\r\n')
  const ref = asker.send({ kind: Kind.request, subject: 'ask', flags: Flag.many })
  for (const plain of [one, two]) plain.raw(`PUB ${natsMessages(plain.text())[0]!.replyTo} 1\r\nx\r\n`)
  native.frames()
  native.send({ kind: Kind.response, to: asker.connection.number, ref })
  t.deepEqual(asker.frames().map(({ kind }) => kind), [Kind.response, Kind.response, Kind.response, Kind.end])
  isSettled(t, rig)
})

test('foreign requests: the NATS client that was asked leaves', t => {
  const rig = new PipelineRig()
  const [asker, plain] = [rig.native(), rig.nats()]
  plain.raw('SUB ask 9\r\n')
  asker.send({ kind: Kind.request, subject: 'ask' })
  rig.turn()
  plain.link.end()
  const [refusal] = asker.frames()
  t.is(codeOf(refusal!), 'request.responder_gone')
  isSettled(t, rig)
})

test('foreign requests: trace finds the request of a NATS client by its own id, and the answers', async t => {
  const rig = new PipelineRig()
  const [asker, responder] = [asking(rig), subscribed(rig.native({ client: 'weather' }), 'ask')]
  const block = 'NATS/1.0\r\nNats-Msg-Id: m-1\r\n\r\n'
  asker.raw(`HPUB ask _INBOX.me.1 ${block.length} ${block.length}\r\n${block}\r\n`)
  const { origin: to, id: ref } = responder.messages()[0]!
  responder.send({ kind: Kind.response, to, ref, payload: utf8.encode('x') })
  asker.text()
  const { entries } = await new Trace(rig.core).show({ messageId: 'm-1', limit: 10 })
  t.deepEqual(entries.map(({ kind, subject, fate, mid, answers }) => [kind, subject, fate, mid, answers]), [
    ['request', 'ask', 'written', 'm-1', undefined],
    ['response', '_INBOX.me.1', 'written', undefined, { origin: to, id: ref }],
  ])
  t.deepEqual(entries.map(({ deliveries }) => deliveries!.map(({ client }) => client)), [['weather'], [asker.connection.client]])
})

test('foreign requests: methods of the broker answer NATS clients in JSON', async t => {
  const rig = new PipelineRig()
  const [asker, old] = [asking(rig), asking(rig, { headers: false, no_responders: false })]
  const call = async (client: NatsMemoryClient, method: string, payload = ''): Promise<ReceivedMessage> => {
    client.raw(`PUB $CB.api.${method} _INBOX.me.1 ${payload.length}\r\n${payload}\r\n`)
    await setImmediate()
    return natsMessages(client.text())[0]!
  }
  for (const client of [asker, old]) for (const payload of ['', '{}']) t.regex((await call(client, 'ping', payload)).payload, /^\{"now":\d+\}$/)
  t.deepEqual((await call(asker, 'ping')).headers, { 'Content-Type': 'application/json' })
  const unknown = await call(asker, 'pong')
  t.like(unknown.headers, { 'Content-Type': 'application/json', 'Nats-Service-Error-Code': '4039', 'Callboard-Error': 'method.unknown' })
  t.like(JSON.parse(unknown.payload), { code: 'method.unknown', retryable: false })
  t.like((await call(asker, 'ping', '{')).headers, { 'Callboard-Error': 'payload.malformed' })
  isSettled(t, rig)
})

test('foreign requests: to the broker without a reply subject: what is wrong is told, and the connection stays', async t => {
  const rig = new PipelineRig()
  const asker = asking(rig)
  asker.raw('PUB $CB.api.ping 0\r\n\r\nPING\r\n')
  await setImmediate()
  t.regex(asker.text(), /^-ERR 'frame\.unsupported: publishing to \$CB\.api\.ping \(send a request\).*'\r\nPONG\r\n$/)
  isSettled(t, rig)
})
