import test from 'ava'
import fc from 'fast-check'
import type { GatewayClient, Line } from '../../support/memory-client.ts'
import { rigWithView } from '../../support/pipeline-view.ts'
import { PipelineRig } from '../../support/pipeline.ts'

const codeOf = (line: Line | undefined): unknown => ((line?.['error'] ?? line?.['payload']) as { code?: string } | undefined)?.code

function answerTo(client: GatewayClient, text: string | Uint8Array): Line | undefined {
  client.link.arrive(typeof text === 'string' ? new TextEncoder().encode(text) : text)
  return client.lines()[0]
}

test('gateway input: what is not understood is answered by name, under its id where it has one', t => {
  const client = new PipelineRig().gateway()
  const nested = '['.repeat(100_000) + ']'.repeat(100_000)
  const wrong: [text: string | Uint8Array, code: string, id?: unknown][] = [
    ['nonsense', 'envelope.malformed'],
    ['', 'envelope.malformed'],
    ['[]', 'envelope.malformed'],
    ['null', 'envelope.malformed'],
    ['"req"', 'envelope.malformed'],
    ['{"type":"req"}{"type":"req"}', 'envelope.malformed'],
    [Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d), 'envelope.malformed'],
    ['{}', 'envelope.malformed'],
    ['{"id":"x"}', 'envelope.malformed', 'x'],
    ['{"type":["req"],"id":7}', 'envelope.malformed', 7],
    ['{"type":"res","id":7,"ok":true}', 'envelope.malformed', 7],
    ['{"type":"wave","id":"w"}', 'envelope.malformed', 'w'],
    ['{"type":"req","method":"status"}', 'envelope.malformed'],
    ['{"type":"req","id":1.5,"method":"status"}', 'envelope.malformed'],
    ['{"type":"req","id":{},"method":"status"}', 'envelope.malformed'],
    [`{"type":"req","id":"${'x'.repeat(257)}","method":"status"}`, 'envelope.malformed'],
    ['{"type":"req","id":1}', 'envelope.malformed', 1],
    ['{"type":"req","id":1,"method":7}', 'envelope.malformed', 1],
    [`{"type":"req","id":1,"method":"publish","params":{"subject":"a","payload":${nested}}}`, 'payload.malformed', 1],
    [`{"type":"req","id":1,"method":"publish","params":{"subject":"a","headers":{"x":${nested}}}}`, 'frame.malformed', 1],
    [`{"type":"req","id":1,"method":"publish","params":${nested}}`, 'method.bad_params', 1],
    [`{"type":"req","id":${nested},"method":"publish"}`, 'envelope.malformed'],
    ['{"type":"req","id":1,"method":"publish","params":{"subject":"a","headers":{"__proto__":1}}}', 'frame.malformed', 1],
    ['{"type":"req","id":1,"method":"publish","params":{"subject":"a","headers":{"sender":"root"}}}', 'envelope.sender_mismatch', 1],
  ]
  for (const [text, code, id] of wrong) {
    const answer = answerTo(client, text)
    t.like(answer, { type: 'res', ok: false, error: { code } }, String(text).slice(0, 80))
    t.is(answer!['id'], id, String(text).slice(0, 80))
  }
  t.true(client.connection.isReady)
})

test('gateway input: a message may span lines, and ends without one', t => {
  const client = new PipelineRig().gateway()
  t.like(answerTo(client, '{\n "type": "req",\n "id": 1,\r\n "method": "subscribe", "params": {"subject": "a"}\n}\n'), { type: 'res', id: 1, ok: true })
})

test('gateway input: a message that is too large ends the connection with its code', t => {
  const client = new PipelineRig({ ipc: { performance: { maxMessageBytes: 1000 } } }).gateway()
  t.like(answerTo(client, `{"type":"event","subject":"a","payload":"${'x'.repeat(1001)}"}`), { type: 'error', payload: { code: 'frame.too_large' } })
  t.like(answerTo(client, `{"type":"event","subject":"a","payload":"${'x'.repeat(17_400)}"}`), { type: 'event', event: 'goodbye', payload: { code: 'frame.too_large' } })
  t.is(client.link.closeReason?.code, 'frame.too_large')
})

test('gateway input: envelopes work as on JSON lines, to the letter', t => {
  const talk = (open: 'json' | 'gateway'): unknown[] => {
    const rig = new PipelineRig()
    const [client, other] = [rig[open]({ client: 'me' }), rig.json({ client: 'other' })]
    other.send({ type: 'subscribe', channel: 'command', group: 'g' })
    const heard: unknown[] = []
    const say = (...envelopes: object[]): void => {
      for (const envelope of envelopes) client.send(envelope)
      heard.push(...client.lines(), ...other.lines())
    }
    say({ version: '1.0', id: 'msg-123', type: 'request', channel: 'command', payload: { action: 'status' }, timestamp: 1_234_567_890, sender: 'me' })
    const replyTo = String((heard.at(-1) as Line)['replyTo'])
    other.send({ type: 'part', ref: replyTo, payload: 1 }, { type: 'response', ref: replyTo, payload: 2 })
    say()
    say({ id: 's', type: 'subscribe', channel: 'events' }, { id: 't', type: 'subscribe', channel: 'events', subscription: 1 }, { id: 'e', type: 'event', channel: 'command', payload: [1], receipt: true })
    say({ id: 'b', type: 'broadcast', payload: 'all' }, { id: 'p', type: 'ping' }, { type: 'pong' }, { id: 'u', type: 'unsubscribe', subscription: 1 })
    say({ id: 'x', type: 'event', channel: 'nope' }, { id: 'y', type: 'request', subject: 'nobody.here' }, { id: 'z', type: 'event', timestamp: 'now' }, { id: 'r', type: 'response', ref: '1.1', payload: 1 })
    say({ id: 'q', type: 'request', channel: 'command', payload: 1 }, { type: 'cancel', ref: 'q' })
    return heard
  }
  const [lines, messages] = [talk('json'), talk('gateway')]
  t.deepEqual(messages, lines)
  const said = 'ok request part response ok error receipt event receipt pong ok broadcast error error error error request cancel'
  t.deepEqual(lines.map(line => (line as Line)['type']), said.split(' '))
})

test('gateway input: pings, gaps and goodbyes of the broker are events', async t => {
  const rig = new PipelineRig({ ipc: { limits: { heartbeatMs: 1000 } } })
  const client = rig.gateway({ heartbeatMs: 1000 })
  await rig.advance(1100)
  await rig.advance(1100)
  t.deepEqual(client.lines(), [{ type: 'event', event: 'ping' }])
  client.send({ type: 'pong' })
  t.deepEqual(client.lines(), [])
  const body = { reason: 'overflow', count: 3, ranges: [], more: false }
  rig.core.send(client.connection, { kind: 29, body })
  rig.core.send(client.connection, { kind: 30, body: { subject: 'a', bytes: 5 } })
  t.deepEqual(client.lines(), [{ type: 'event', event: 'gap', payload: body }, { type: 'event', event: 'credit', payload: { subject: 'a', bytes: 5 } }])
  client.send({ type: 'goodbye' })
  rig.turn()
  t.true(client.link.isClosed)
})

const types = fc.constantFrom('req', 'connect', 'event', 'broadcast', 'request', 'response', 'part', 'error', 'cancel', 'subscribe', 'unsubscribe', 'ack', 'ping', 'hello', 'proof', 'res', '', 'x')
const methods = fc.constantFrom('publish', 'send', 'request', 'broadcast', 'subscribe', 'unsubscribe', 'cancel', 'agent', 'status', 'channel.show', 'no.such', '', '>')
const word = fc.constantFrom('a', 'a.b', 'command', 'events', '>', '*', '', 'a b', '$CB.all', 'agent:main:cli:dm:x', 'agent:x')
const anything = fc.oneof(fc.jsonValue(), word, fc.integer(), fc.record({ client: word, agent: word }, { requiredKeys: [] }))
const paramNames = ['channel', 'subject', 'to', 'payload', 'headers', 'ttl', 'receipt', 'timeoutMs', 'many', 'wait', 'group', 'filter', 'subscription', 'id', 'message', 'sessionKey', 'agent']
// Times that the clock of the tests passes: a request that may take a day has no answer when they end.
const params = fc.dictionary(fc.constantFrom(...paramNames), anything, { maxKeys: 5, noNullPrototype: true }).map(each => (typeof each['timeoutMs'] === 'number' ? { ...each, timeoutMs: each['timeoutMs'] % 5000 } : each))
const message = fc.record({ type: fc.oneof(types, fc.jsonValue()), id: fc.oneof(fc.nat(3), fc.jsonValue()), method: fc.oneof(methods, fc.jsonValue()), params: fc.oneof(params, fc.jsonValue()), channel: word, subject: word, payload: fc.jsonValue(), ref: anything, subscription: fc.nat(3) }, { requiredKeys: [] })

test('gateway input: whatever comes, nothing throws, every req has one answer, and the connection serves on', async t => {
  // Clients of draws that fail stay: while a failure is shrunk they are hundreds.
  const rig = rigWithView({ maxConnections: Infinity })
  const responder = rig.native()
  for (const [i, subject] of ['a', 'command'].entries()) responder.subscribe(i + 1, subject)
  await fc.assert(fc.asyncProperty(fc.array(fc.oneof({ weight: 4, arbitrary: message }, { weight: 1, arbitrary: fc.jsonValue() }), { maxLength: 12 }), async messages => {
    const client = rig.gateway()
    const sent = messages.map(each => JSON.stringify(each))
    for (const text of sent) client.raw(text)
    rig.turn()
    // The broker's own methods answer a moment later, and so do turns.
    await new Promise(setImmediate)
    await rig.advance(6000)
    await new Promise(setImmediate)
    const lines = client.lines()
    const wasClosed = client.link.isClosed
    const answers = lines.filter(({ type }) => type === 'res')
    const asked = sent.map(text => JSON.parse(text) as unknown).filter(each => isObject(each) && each['type'] === 'req')
    if (!wasClosed) t.true(answers.length >= asked.length, `${sent.join('\n')}\n-- got --\n${JSON.stringify(lines)}`)
    for (const answer of answers) t.true(answer['ok'] === true ? 'payload' in answer : typeof codeOf(answer) === 'string', JSON.stringify(answer))
    // Only a goodbye of its own ends it.
    t.is(wasClosed, false, sent.join('\n'))
    t.like(client.call('at the end', 'subscribe', { subject: 'end', subscription: 1000 })[0], { id: 'at the end', ok: true })
    client.link.hangUp()
    rig.turn()
    responder.frames()
  }), { numRuns: 200 })
  t.is(rig.core.accounts.totals().balanced, true)
  t.is(rig.pipeline.openRequests, 0)
})

test('gateway input: each req has exactly one res under its id, whatever the others do', async t => {
  const rig = rigWithView({ maxConnections: Infinity })
  const responder = rig.gateway()
  responder.call(1, 'subscribe', { subject: 'a' })
  const request = fc.record({ type: fc.constant('req'), method: fc.oneof({ weight: 5, arbitrary: methods.filter(name => name !== 'cancel') }, { weight: 1, arbitrary: fc.string() }), params: fc.oneof(params, fc.jsonValue()) })
  await fc.assert(fc.asyncProperty(fc.array(request, { maxLength: 12 }), async requests => {
    const client = rig.gateway()
    for (const [id, each] of requests.entries()) client.send({ ...each, id })
    rig.turn()
    await new Promise(setImmediate)
    // One in two is answered, the others run out of time.
    for (const [i, { type, replyTo }] of responder.lines().entries()) if (type === 'request' && i % 2 === 0) responder.send({ type: 'response', ref: replyTo, payload: i })
    for (let turns = 0; turns < requests.length + 1; turns++) {
      await rig.advance(5500)
      await new Promise(setImmediate)
    }
    const answered = client.lines().filter(({ type }) => type === 'res').map(({ id }) => Number(id))
    t.deepEqual(answered.toSorted((a, b) => a - b), requests.map((_, id) => id))
    client.link.hangUp()
    rig.turn()
    responder.lines()
  }), { numRuns: 100 })
})

test('gateway input: random bytes are answered by name', t => {
  const client = new PipelineRig().gateway()
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.string().map(text => new TextEncoder().encode(text))), bytes => {
    t.like(answerTo(client, bytes), { type: 'res', ok: false, error: { code: 'envelope.malformed' } })
  }))
})

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
