import test from 'ava'
import { Kind, PayloadType } from '../../../broker/wire/layout.ts'
import type { GatewayClient, Line, NativeClient, ReceivedFrame } from '../../support/memory-client.ts'
import { OWNER_TOKEN, PipelineRig } from '../../support/pipeline.ts'

const KEY = 'agent:main:whatsapp:dm:+1234567890'

const brief = (lines: readonly Line[]): unknown[] => lines.map(({ type, id, ok, event }) => [type, id, ...(type === 'res' ? [ok] : [event])])
const codeOf = (line: Line | undefined): unknown => (line?.['error'] as { code?: string } | undefined)?.code

function ask(client: GatewayClient, id: string, params: object = {}): void {
  client.send({ type: 'req', id, method: 'agent', params: { message: id, sessionKey: KEY, ...params } })
}

function part(agent: NativeClient, { origin, id }: ReceivedFrame, value: unknown): void {
  agent.send({ kind: Kind.part, to: origin, ref: id, flags: PayloadType.json, payload: Buffer.from(JSON.stringify(value)) })
}

function respond(agent: NativeClient, { origin, id }: ReceivedFrame, value: unknown): void {
  agent.send({ kind: Kind.response, to: origin, ref: id, flags: PayloadType.json, payload: Buffer.from(JSON.stringify(value)) })
}

/** What the agent was asked, by what the messages say. Turns pass on in a microtask. */
async function asked(agent: NativeClient): Promise<ReceivedFrame[]> {
  agent.turn()
  await new Promise(setImmediate)
  return agent.messages()
}

const messageOf = ({ payload }: ReceivedFrame): unknown => (JSON.parse(Buffer.from(payload).toString()) as { message: unknown }).message

function setUp(): { rig: PipelineRig; client: GatewayClient; agent: NativeClient } {
  const rig = new PipelineRig()
  return { rig, client: rig.gateway({ deviceId: 'phone' }), agent: rig.native({ client: 'main-1', agent: 'main' }) }
}

test('gateway agent: thinking as events, then the answer with its session key', async t => {
  const { client, agent } = setUp()
  client.send({ type: 'req', id: 'req-001', method: 'agent', params: { message: '你好,今天天气怎么样?', sessionKey: KEY, mood: 'sunny' } })
  const [request] = await asked(agent)
  t.deepEqual(JSON.parse(Buffer.from(request!.payload).toString()), { message: '你好,今天天气怎么样?', sessionKey: KEY, mood: 'sunny' })
  t.deepEqual({ ...request!.headers }, { mid: 'req-001', sessionKey: KEY })
  part(agent, request!, { type: 'thinking', content: '正在分析天气查询...' })
  respond(agent, request!, { message: '今天天气晴朗,温度 25°C' })
  const [event, answer] = client.lines()
  t.like(event, { type: 'event', event: 'agent', id: 'req-001', payload: { type: 'thinking', content: '正在分析天气查询...' }, sender: 'main-1' })
  t.like(answer, { type: 'res', id: 'req-001', ok: true })
  t.deepEqual(answer!['payload'], { message: '今天天气晴朗,温度 25°C', sessionKey: KEY })
})

test('gateway agent: an answer that is no object is the message', async t => {
  const { client, agent } = setUp()
  for (const [answer, payload] of [['fine', { message: 'fine', sessionKey: KEY }], [[1], { message: [1], sessionKey: KEY }], [null, { message: null, sessionKey: KEY }]] as const) {
    ask(client, 'q')
    respond(agent, (await asked(agent))[0]!, answer)
    t.deepEqual(client.lines()[0]!['payload'], payload)
  }
})

test('gateway agent: messages of one session key go one after another, whoever sends them; others beside', async t => {
  const { rig, client, agent } = setUp()
  const other = rig.gateway()
  ask(client, '1')
  ask(other, '2')
  ask(client, '3')
  ask(client, '4', { sessionKey: 'agent:main:cli:dm:else' })
  ask(client, '5', { agent: 'main', sessionKey: undefined })
  const first = await asked(agent)
  t.deepEqual(first.map(messageOf), ['1', '4', '5'])
  part(agent, first[0]!, 'a part is no end')
  t.deepEqual((await asked(agent)).map(messageOf), [])
  respond(agent, first[0]!, 'one')
  const [second] = await asked(agent)
  t.is(messageOf(second!), '2')
  respond(agent, second!, 'two')
  const [third] = await asked(agent)
  t.is(messageOf(third!), '3')
  t.deepEqual(brief(client.lines()), [['event', '1', 'agent'], ['res', '1', true]])
  t.like(other.lines()[0], { id: '2', payload: { message: 'two' } })
})

test('gateway agent: a turn ends with an error, a cancel, a time-out and with its client', async t => {
  const { rig, client, agent } = setUp()
  const leaver = rig.gateway()
  for (const id of ['fails', 'cancelled', 'late']) ask(client, id, id === 'late' ? { timeoutMs: 200 } : { timeoutMs: 60_000 })
  ask(leaver, 'leaver', { timeoutMs: 60_000 })
  ask(client, 'last', { timeoutMs: 60_000 })
  const [fails] = await asked(agent)
  agent.send({ kind: Kind.error, to: fails!.origin, ref: fails!.id, flags: PayloadType.json, payload: Buffer.from('{"code":"mine","message":"no"}') })
  t.deepEqual((await asked(agent)).map(messageOf), ['cancelled'])
  client.call('c', 'cancel', { id: 'cancelled' })
  t.deepEqual((await asked(agent)).map(messageOf), ['late'])
  await rig.advance(250)
  t.deepEqual((await asked(agent)).map(messageOf), ['leaver'])
  leaver.link.hangUp()
  t.deepEqual((await asked(agent)).map(messageOf), ['last'])
})

test('gateway agent: who waits can be cancelled, times out counted from arrival, and is forgotten with its client', async t => {
  const { rig, client, agent } = setUp()
  const leaver = rig.gateway()
  ask(client, 'first', { timeoutMs: 60_000 })
  ask(client, 'cancelled')
  ask(client, 'expires', { timeoutMs: 100 })
  ask(client, 'waits', { timeoutMs: 1000 })
  ask(leaver, 'gone', { timeoutMs: 60_000 })
  const [first] = await asked(agent)
  t.deepEqual(brief(client.call('c', 'cancel', { id: 'cancelled' })), [['res', 'cancelled', false], ['res', 'c', true]])
  await rig.advance(300)
  const [expired] = client.lines()
  t.like(expired, { type: 'res', id: 'expires', ok: false, error: { code: 'request.timeout', details: { limitMs: 100 } } })
  leaver.link.hangUp()
  rig.turn()
  respond(agent, first!, 1)
  const [next] = await asked(agent)
  t.is(messageOf(next!), 'waits')
  // What is left of its second.
  t.true(next!.to <= 700 && next!.to >= 600, String(next!.to))
  respond(agent, next!, 1)
  t.deepEqual(await asked(agent), [])
})

test('gateway agent: an agent that leaves ends the turn, and those behind are told at once', async t => {
  const { client, agent } = setUp()
  for (const id of ['1', '2', '3']) ask(client, id)
  await asked(agent)
  agent.link.hangUp()
  client.turn()
  await new Promise(setImmediate)
  t.deepEqual(client.lines().map(line => [line['id'], codeOf(line)]), [['1', 'request.responder_gone'], ['2', 'request.no_responders'], ['3', 'request.no_responders']])
})

test('gateway agent: a hundred wait for one session key, the next is refused by name', async t => {
  const { rig, client, agent } = setUp()
  for (let i = 0; i <= 100; i++) ask(client, `q${i}`)
  t.deepEqual(client.lines(), [])
  const other = rig.gateway()
  for (let i = 0; i < 2; i++) {
    ask(other, 'too many')
    t.like(other.lines()[0], { id: 'too many', ok: false, error: { code: 'order.limit', retryable: true } })
  }
  ask(other, 'else', { sessionKey: 'agent:main:cli:dm:else' })
  t.deepEqual((await asked(agent)).map(messageOf), ['q0', 'else'])
})

test('gateway agent: who may not ask the agent takes no place', t => {
  const { rig, client } = setUp()
  rig.addPrincipal({ name: 'guest', publish: { allow: ['news.>'], deny: [] } }, 'guest')
  const guest = rig.gateway({ principal: 'guest', auth: { token: 'guest' } })
  ask(client, 'q')
  ask(guest, 'q')
  t.is(codeOf(guest.lines()[0]), 'permission.denied')
})

test('gateway agent: the agent that is named is asked, the key orders', async t => {
  const { rig, client, agent } = setUp()
  const weather = rig.native({ agent: 'weather' })
  ask(client, '1')
  ask(client, '2', { agent: 'weather' })
  t.deepEqual((await asked(weather)).map(messageOf), [])
  respond(agent, (await asked(agent))[0]!, 1)
  t.deepEqual((await asked(weather)).map(messageOf), ['2'])
})

test('gateway agent: what is to wait must be signed when it comes', t => {
  const rig = new PipelineRig({ ipc: { security: { validateSignature: true } } })
  const client = rig.gateway({ auth: { token: OWNER_TOKEN } })
  ask(client, 'q')
  t.is(codeOf(client.lines()[0]), 'auth.signature_missing')
})
