import { createHmac } from 'node:crypto'
import test from 'ava'
import { Kind, PayloadType } from '../../../broker/wire/layout.ts'
import type { Line } from '../../support/memory-client.ts'
import { rigWithView } from '../../support/pipeline-view.ts'
import { OWNER_TOKEN, PipelineRig } from '../../support/pipeline.ts'

const brief = (lines: readonly Line[]): unknown[] => lines.map(({ type, id, ok, event }) => [type, id, ...(type === 'res' ? [ok] : [event])])
const codeOf = (line: Line | undefined): unknown => (line?.['error'] as { code?: string } | undefined)?.code

test('gateway calls: the broker\'s own methods answer, and check their params', async t => {
  const client = rigWithView().gateway()
  client.send({ type: 'req', id: 1, method: 'status' }, { type: 'req', id: '2', method: 'channel.create', params: { name: 'custom', mode: 'pubsub' } })
  client.send({ type: 'req', id: 3, method: 'channel.show', params: {} }, { type: 'req', id: 4, method: 'channel.show', params: [1] }, { type: 'req', id: 5, method: 'statsu' }, { type: 'req', id: 6, method: 'publsh' })
  await new Promise(setImmediate)
  const byId = new Map(client.lines().map(line => [line['id'], line]))
  t.like(byId.get(1), { type: 'res', ok: true, payload: { broker: 'testhome', version: '1.2.3' } })
  t.like(byId.get('2'), { type: 'res', ok: true, payload: { name: 'custom' } })
  for (const id of [3, 4]) t.like(byId.get(id), { type: 'res', ok: false, error: { code: 'method.bad_params' } })
  t.like(byId.get(5), { ok: false, error: { code: 'method.unknown', message: 'method.unknown: no method "statsu"; did you mean status?' } })
  t.like(byId.get(6), { ok: false, error: { code: 'method.unknown', message: 'method.unknown: no method "publsh"; did you mean publish?' } })
  t.is(byId.size, 6)
})

test('gateway calls: publish reaches every dialect and says how many it reached', t => {
  const rig = new PipelineRig()
  const [client, native, json, gateway] = [rig.gateway({ deviceId: 'mac' }), rig.native(), rig.json(), rig.gateway()]
  native.subscribe(1, 'events.>')
  json.send({ type: 'subscribe', subject: 'events.disk' })
  json.lines()
  t.deepEqual(gateway.call('s', 'subscribe', { channel: 'events', filter: 'payload.level>1' }), [{ type: 'res', id: 's', ok: true, payload: { subscription: 1 } }])
  native.frames()
  const answer = client.call('p', 'publish', { subject: 'events.disk', payload: { level: 2 }, headers: { trace: 7 }, ttl: 60_000 })
  t.deepEqual(answer, [{ type: 'res', id: 'p', ok: true, payload: { receivers: 3 } }])
  const [frame] = native.messages()
  t.deepEqual([frame!.kind, frame!.flags & 3, Buffer.from(frame!.payload).toString(), { ...frame!.headers }], [Kind.publish, PayloadType.json, '{"level":2}', { trace: 7, mid: 'p', ttl: 60_000 }])
  const [line] = json.lines()
  t.like(line, { type: 'event', id: 'p', channel: 'events', subject: 'events.disk', payload: { level: 2 }, sender: 'mac' })
  // The same envelope, and what it is about under the name that events have.
  const [event] = gateway.lines()
  t.deepEqual(event, { ...line, event: 'events.disk' })
  t.like(client.call('q', 'publish', { subject: 'events.disk', payload: { level: 1 } })[0], { ok: true, payload: { receivers: 2 } })
  t.deepEqual(gateway.lines(), [])
})

test('gateway calls: receivers of one publish share one message', t => {
  const rig = new PipelineRig()
  const clients = Array.from({ length: 3 }, () => rig.gateway())
  for (const client of clients) client.call(1, 'subscribe', { subject: 'a' })
  const seen = new Set<Uint8Array>()
  for (const { connection } of clients) {
    const deliver = connection.outbound.deliver.bind(connection.outbound)
    connection.outbound.deliver = slice => {
      seen.add(slice.bytes)
      return deliver(slice)
    }
  }
  rig.native().publish('a')
  for (const client of clients) t.is(client.lines().length, 1)
  t.is(seen.size, 1)
})

test('gateway calls: send goes to a client, an agent or a session, and waits when asked', t => {
  const rig = new PipelineRig()
  const [client, other] = [rig.gateway(), rig.gateway({ deviceId: 'other', agent: 'main' })]
  for (const to of [{ client: 'other' }, { agent: 'main' }, { session: other.connection.session }]) {
    t.like(client.call('s', 'send', { to, payload: 'hi' })[0], { ok: true, payload: { receivers: 1 } })
    t.like(other.lines()[0], { type: 'event', payload: 'hi' })
  }
  t.deepEqual(client.call('w', 'send', { to: { agent: 'main' }, payload: 1, wait: true }), [])
  const [request] = other.lines()
  t.like(request, { type: 'request', payload: 1, timeout: 5000 })
  other.send({ type: 'response', ref: request!['replyTo'], payload: { done: true } })
  t.like(client.lines()[0], { type: 'res', id: 'w', ok: true, payload: { done: true }, sender: 'other' })
  t.like(client.call('n', 'send', { to: { client: 'nobody' }, payload: 1 })[0], { ok: true, payload: { receivers: 0 } })
  t.is(codeOf(client.call('x', 'request', { to: { client: 'nobody' }, payload: 1 })[0]), 'request.no_responders')
})

test('gateway calls: a request streams its parts as events and ends with res', t => {
  const rig = new PipelineRig()
  const [client, responder] = [rig.gateway(), rig.native({ client: 'worker' })]
  responder.subscribe(1, 'command')
  responder.frames()
  client.send({ type: 'req', id: 'q1', method: 'request', params: { channel: 'command', payload: { n: 1 }, timeoutMs: 300 } })
  client.send({ type: 'req', id: 'q2', method: 'request', params: { channel: 'command', payload: { n: 2 } } })
  const [one, two] = responder.messages()
  t.is(one!.to, 300)
  for (const [request, text] of [[two!, 'b'], [one!, 'a']] as const) responder.send({ kind: Kind.part, to: request.origin, ref: request.id, payload: Buffer.from(text), flags: PayloadType.text })
  for (const request of [one!, two!]) responder.send({ kind: Kind.response, to: request.origin, ref: request.id, headers: { took: 5 } })
  const lines = client.lines()
  t.deepEqual(brief(lines), [['event', 'q2', 'part'], ['event', 'q1', 'part'], ['res', 'q1', true], ['res', 'q2', true]])
  t.like(lines[0], { payload: 'b', sender: 'worker' })
  t.like(lines[2], { payload: null, headers: { took: 5 }, sender: 'worker' })
})

test('gateway calls: a responder\'s error is the request\'s, with all that errors have', t => {
  const rig = new PipelineRig()
  const [client, responder] = [rig.gateway(), rig.json()]
  responder.send({ type: 'subscribe', subject: 'work' })
  responder.lines()
  const errors: [body: unknown, error: object][] = [
    [{ code: 'mine', message: 'no', retryable: true, details: { x: 1 } }, { code: 'mine', message: 'no', retryable: true, details: { x: 1 } }],
    [{ code: 7 }, { code: 'request.failed', message: 'the responder failed and did not say why', retryable: false }],
    ['out of paper', { code: 'request.failed', message: 'out of paper', retryable: false }],
  ]
  for (const [body, error] of errors) {
    client.call('q', 'request', { subject: 'work', payload: 1 })
    responder.send({ type: 'error', ref: responder.lines()[0]!['replyTo'], payload: body })
    const [answer] = client.lines()
    t.like(answer, { type: 'res', id: 'q', ok: false })
    t.deepEqual(answer!['error'], error)
  }
})

test('gateway calls: a request for many gives each answer as an event, and ends with how many there were', t => {
  const rig = new PipelineRig()
  const [client, one, two] = [rig.gateway(), rig.json({ client: 'one' }), rig.json({ client: 'two' })]
  for (const responder of [one, two]) {
    responder.send({ type: 'subscribe', subject: 'roll' })
    responder.lines()
  }
  client.call('all', 'request', { subject: 'roll', many: true })
  one.send({ type: 'part', ref: one.lines()[0]!['replyTo'], payload: 'half' })
  const [asked] = two.lines()
  two.send({ type: 'error', ref: asked!['replyTo'], payload: { code: 'busy', message: 'later' } })
  t.deepEqual(brief(client.lines()), [['event', 'all', 'part'], ['event', 'all', 'error']])
  one.send({ type: 'response', ref: asked!['replyTo'], payload: 1 })
  const lines = client.lines()
  t.deepEqual(brief(lines), [['event', 'all', 'response'], ['res', 'all', true]])
  t.like(lines[0], { payload: 1, sender: 'one' })
  t.like(lines[1], { payload: { responses: 2, reason: 'complete' } })
  t.like(client.call('all', 'request', { subject: 'nobody', many: true })[0], { ok: false, error: { code: 'request.no_responders' } })
})

test('gateway calls: a request that nobody answers ends in time, and its id is free again', async t => {
  const rig = new PipelineRig()
  const [client, responder] = [rig.gateway(), rig.native()]
  responder.subscribe(1, 'work')
  client.call('q', 'request', { subject: 'work', timeoutMs: 50 })
  t.is(codeOf(client.call('q', 'status')[0]), 'request.id_open')
  await rig.advance(100)
  t.like(client.lines()[0], { type: 'res', id: 'q', ok: false, error: { code: 'request.timeout', retryable: true } })
  t.deepEqual(client.call('q', 'request', { subject: 'work', timeoutMs: 50 }), [])
})

test('gateway calls: cancel ends an own request, and tells the responder', t => {
  const rig = new PipelineRig()
  const [client, responder] = [rig.gateway(), rig.native()]
  responder.subscribe(1, 'work')
  responder.frames()
  client.call('q', 'request', { subject: 'work' })
  const [request] = responder.frames()
  const lines = client.call('c', 'cancel', { id: 'q' })
  t.deepEqual(brief(lines), [['res', 'q', false], ['res', 'c', true]])
  t.is(codeOf(lines[0]), 'request.cancelled')
  t.like(lines[1], { payload: { cancelled: true } })
  t.like(responder.frames()[0], { kind: Kind.cancel, ref: request!.id })
  t.like(client.call('c', 'cancel', { id: 'q' })[0], { ok: true, payload: { cancelled: false } })
  t.is(codeOf(client.call('c', 'cancel', {})[0]), 'method.bad_params')
  // As envelopes have it.
  client.call('q', 'request', { subject: 'work' })
  client.send({ type: 'cancel', ref: 'q' })
  t.is(codeOf(client.lines()[0]), 'request.cancelled')
  t.is(rig.pipeline.openRequests, 0)
})

test('gateway calls: broadcast reaches everyone else and counts them', t => {
  const rig = new PipelineRig()
  const [client, json, native] = [rig.gateway(), rig.json(), rig.native()]
  const gateway = rig.gateway()
  t.deepEqual(client.call('b', 'broadcast', { payload: { type: 'notification' } }), [{ type: 'res', id: 'b', ok: true, payload: { receivers: 3 } }])
  for (const each of [json, gateway]) t.like(each.lines()[0], { type: 'broadcast', payload: { type: 'notification' }, event: undefined })
  t.is(native.messages().length, 1)
  gateway.call(1, 'subscribe', { channel: 'command' })
  t.like(client.call('b', 'broadcast', { channel: 'command', payload: 1 })[0], { ok: true, payload: { receivers: 1 } })
})

test('gateway calls: groups share, and unsubscribe ends it', t => {
  const rig = new PipelineRig()
  const [client, ...members] = [rig.gateway(), rig.gateway(), rig.gateway()]
  for (const member of members) t.like(member.call(1, 'subscribe', { channel: 'command', group: 'g', subscription: 5 })[0], { payload: { subscription: 5 } })
  for (let i = 0; i < 4; i++) t.like(client.call(i, 'publish', { subject: 'command.x', payload: i })[0], { payload: { receivers: 1 } })
  for (const member of members) t.deepEqual(member.lines().map(({ subscription, event }) => [subscription, event]), [[5, 'command.x'], [5, 'command.x']])
  t.like(members[0].call(2, 'unsubscribe', { subscription: 5 })[0], { ok: true, payload: { subscription: 5 } })
  t.is(codeOf(members[0].call(3, 'unsubscribe', { subscription: 5 })[0]), 'subscription.unknown')
  t.is(codeOf(members[1].call(3, 'subscribe', { channel: 'agent', subscription: 5 })[0]), 'subscription.exists')
})

const wrong: [method: string, params: unknown, code: string][] = [
  ['publish', undefined, 'method.bad_params'],
  ['publish', 'text', 'method.bad_params'],
  ['publish', { payload: 1 }, 'method.bad_params'],
  ['publish', { channel: 'events', subject: 'a', payload: 1 }, 'method.bad_params'],
  ['publish', { channel: 7 }, 'method.bad_params'],
  ['publish', { subject: 'a', headers: [1] }, 'method.bad_params'],
  ['publish', { subject: 'a', ttl: 0 }, 'method.bad_params'],
  ['publish', { subject: 'a', receipt: true }, 'method.bad_params'],
  ['publish', { to: { client: 'x' }, payload: 1 }, 'method.bad_params'],
  ['publish', { channel: 'nope', payload: 1 }, 'channel.not_found'],
  ['publish', { subject: 'a..b', payload: 1 }, 'subject.invalid'],
  ['publish', { subject: '$SYS.x', payload: 1 }, 'permission.denied'],
  ['send', { to: {} }, 'method.bad_params'],
  ['send', { to: { client: 'a', agent: 'b' } }, 'method.bad_params'],
  ['send', { to: { client: 'a.b' } }, 'method.bad_params'],
  ['send', { to: 'x' }, 'method.bad_params'],
  ['send', { subject: 'a', wait: 'yes' }, 'method.bad_params'],
  ['request', { subject: 'a', timeoutMs: 0 }, 'method.bad_params'],
  ['request', { subject: 'a', many: 1 }, 'method.bad_params'],
  ['subscribe', {}, 'method.bad_params'],
  ['subscribe', { subject: 'a', group: 'a b' }, 'method.bad_params'],
  ['subscribe', { subject: 'a', filter: 'x>>1' }, 'filter.invalid'],
  ['subscribe', { subject: 'a.>.b' }, 'pattern.invalid'],
  ['subscribe', { subject: '$CB.>' }, 'permission.denied'],
  ['unsubscribe', {}, 'method.bad_params'],
  ['broadcast', { channel: '' }, 'method.bad_params'],
  ['agent', {}, 'method.bad_params'],
  ['agent', { sessionKey: 'agent:main:cli:dm:x' }, 'method.bad_params'],
  ['agent', { message: 'x' }, 'method.bad_params'],
  ['agent', { message: 'x', sessionKey: 'main' }, 'order.bad_key'],
  ['agent', { message: 'x', agent: 'a.b' }, 'method.bad_params'],
  ['no such', {}, 'method.unknown'],
  ['>', {}, 'method.unknown'],
  ['__proto__', {}, 'method.unknown'],
  ['constructor', {}, 'method.unknown'],
  ['x'.repeat(65), {}, 'method.unknown'],
]

test('gateway calls: what is wrong is named under its id, and the connection stays', async t => {
  const client = rigWithView().gateway()
  for (const [method, params, code] of wrong) {
    const lines = client.call('e', method, params)
    await new Promise(setImmediate)
    lines.push(...client.lines())
    t.deepEqual(brief(lines), [['res', 'e', false]], `${method} ${JSON.stringify(params)}`)
    t.is(codeOf(lines[0]), code, `${method} ${JSON.stringify(params)}: ${JSON.stringify(lines[0])}`)
  }
  t.true(client.connection.isReady)
})

test('gateway calls: an id that was answered is free for a req and for an envelope', t => {
  const rig = new PipelineRig()
  const [client, responder] = [rig.gateway(), rig.native()]
  responder.subscribe(1, 'work')
  for (let i = 0; i < 2; i++) t.like(client.call('q', 'publish', { subject: 'work' })[0], { id: 'q', ok: true })
  client.send({ type: 'request', id: 'q', subject: 'work' }, { type: 'cancel', ref: 'q' })
  t.is(rig.pipeline.openRequests, 0)
})

test('gateway calls: a publish that is refused after it was accepted has one res', async t => {
  const client = rigWithView().gateway()
  const lines = client.call('p', 'publish', { subject: '$CB.api.status', payload: 1 })
  await new Promise(setImmediate)
  t.deepEqual(brief([...lines, ...client.lines()].filter(({ type }) => type === 'res')), [['res', 'p', false]])
})

test('gateway calls: at most as many are open as a connection may have', t => {
  const rig = new PipelineRig({ ipc: { limits: { maxOpenRequests: 2 } } })
  const [client, responder] = [rig.gateway(), rig.native()]
  responder.subscribe(1, 'work')
  for (const id of [1, 2]) t.deepEqual(client.call(id, 'request', { subject: 'work' }), [])
  t.is(codeOf(client.call(3, 'request', { subject: 'work' })[0]), 'request.limit')
})

test('gateway calls: with signatures every message is signed, and subscribing is not', t => {
  const client = new PipelineRig({ ipc: { security: { validateSignature: true } } }).gateway()
  const sign = (text: string, key = OWNER_TOKEN): string => `${text.slice(0, -1)},"sig":"${createHmac('sha256', key).update(text.slice(0, -1)).digest('hex')}"}`
  const answerTo = (text: string): Line | undefined => {
    client.raw(text)
    return client.lines()[0]
  }
  const publish = '{"type":"req","id":1,"method":"publish","params":{"subject":"a"}}'
  t.like(answerTo(sign(publish)), { ok: true })
  t.is(codeOf(answerTo(publish)), 'auth.signature_missing')
  t.is(codeOf(answerTo(sign(publish, 'other'))), 'auth.signature_invalid')
  t.is(codeOf(answerTo(sign(publish).replace('"a"', '"b"'))), 'auth.signature_invalid')
  t.like(answerTo('{"type":"req","id":1,"method":"subscribe","params":{"subject":"a"}}'), { ok: true })
  t.is(answerTo(sign('{"type":"event","subject":"a"}'))?.['type'], 'event')
})
