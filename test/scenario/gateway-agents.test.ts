// Conversations with agents over the gateway: streamed, side by side, and in order where they belong together.

import { join } from 'node:path'
import test from 'ava'
import type { Message } from '../../client/index.ts'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { errorCodeOf, type GatewayPeer, type Heard } from '../support/gateway-peer.ts'
import { until } from '../support/until.ts'

const KEY = 'agent:main:whatsapp:dm:+1234567890'
const examples = join(import.meta.dirname, '../../examples')

/** What the gateway's sample agents understand. */
interface Question {
  readonly message: string
  readonly sessionKey?: string
}

/** An agent of the SDK that answers each question when the test says so. */
async function patientAgent(broker: LocalBroker, name: string): Promise<{ asked: Message<Question>[]; until: (count: number) => Promise<void> }> {
  const asked: Message<Question>[] = []
  const client = await broker.connect({ agent: name })
  await client.subscribe<Question>(`$CB.to.agent.${name}`, { onMessage: message => void asked.push(message) }).ready
  return { asked, until: count => until(() => asked.length >= count) }
}

function ask(peer: GatewayPeer, id: string, params: object = {}): void {
  peer.request(id, 'agent', { message: id, sessionKey: KEY, timeoutMs: 30_000, ...params })
}

test('gateway agents: the sample of the gateway works with the sample fleet', async t => {
  const agents = ['system', 'main'].map(name => ({ name, command: 'node', args: [join(examples, `${name}.ts`)] }))
  const broker = await startBroker(t, { config: { agents } })
  const phone = await broker.joinGateway({ deviceId: 'my-macbook-pro' })
  let connections = await phone.call('s', 'connections')
  while (!['main', 'system'].every(name => subscribedAgents(connections).includes(name))) connections = await phone.call('s', 'connections')
  phone.request('req-001', 'agent', { message: 'What is the status?', sessionKey: KEY })
  const heard: Heard[] = []
  do heard.push(await phone.next())
  while (heard.at(-1)!['type'] !== 'res')
  t.deepEqual(heard.map(({ type, id, event }) => [type, id, event]), [['event', 'req-001', 'agent'], ['event', 'req-001', 'agent'], ['res', 'req-001', undefined]])
  t.like(heard[0], { payload: { type: 'thinking', content: 'reading message 1 of this conversation: 19 characters' } })
  t.like(heard[2], { ok: true, payload: { sessionKey: KEY, turn: 1 } })
  t.regex((heard[2]!['payload'] as { message: string }).message, /^The broker has been up for \d+ s with \d+ connections and 2 agents/)
})

test('gateway agents: requests of one conversation go one after another, over two connections; others beside', async t => {
  const broker = await startBroker(t)
  const agent = await patientAgent(broker, 'main')
  const [phone, tablet] = [await broker.joinGateway(), await broker.joinGateway()]
  ask(phone, '1')
  await agent.until(1)
  ask(phone, '2')
  // Its answer says that the broker has read what came before it.
  t.like(await phone.call('p', 'ping'), { ok: true })
  ask(tablet, '3')
  ask(tablet, 'other', { sessionKey: 'agent:main:cli:dm:ada' })
  await agent.until(2)
  t.deepEqual(agent.asked.map(({ value }) => value.message), ['1', 'other'])
  await agent.asked[1]!.part({ type: 'thinking', content: 'beside' })
  await agent.asked[1]!.respond('done')
  t.like(await tablet.nextOf('event'), { event: 'agent', id: 'other', payload: { type: 'thinking', content: 'beside' } })
  t.like(await tablet.nextOf('res'), { id: 'other', ok: true, payload: { message: 'done', sessionKey: 'agent:main:cli:dm:ada' } })
  await agent.asked[0]!.respond({ message: 'one' })
  t.like(await phone.nextOf('res'), { id: '1', payload: { message: 'one', sessionKey: KEY } })
  await agent.until(3)
  await agent.asked[2]!.fail('mood.bad', 'not now')
  t.like(await phone.nextOf('res'), { id: '2', ok: false, error: { code: 'request.failed', details: { code: 'mood.bad' } } })
  await agent.until(4)
  t.is(agent.asked[3]!.value.message, '3')
  t.is(agent.asked[3]!.headers?.['sessionKey'], KEY)
})

test('gateway agents: twenty conversations at a time stream their parts, each under its own id', async t => {
  const broker = await startBroker(t)
  const client = await broker.connect({ agent: 'main' })
  await client.subscribe<Question>('$CB.to.agent.main', { onMessage: async message => {
    for (let n = 0; n < 5; n++) await message.part({ n, of: message.value.message })
    await message.respond({ message: message.value.message })
  } }).ready
  const phone = await broker.joinGateway()
  const ids = Array.from({ length: 60 }, (_, i) => `q${i}`)
  // Three in each conversation.
  for (const [i, id] of ids.entries()) ask(phone, id, { sessionKey: `agent:main:cli:dm:${i % 20}` })
  const parts = new Map<unknown, unknown[]>()
  const ended: string[] = []
  while (ended.length < ids.length) {
    const { type, id, payload } = await phone.next()
    if (type === 'res') ended.push(String(id))
    else parts.set(id, [...(parts.get(id) ?? []), payload])
  }
  for (const id of ids) t.deepEqual(parts.get(id), Array.from({ length: 5 }, (_, n) => ({ n, of: id })))
  for (let peer = 0; peer < 20; peer++) t.deepEqual(ended.filter(id => Number(id.slice(1)) % 20 === peer), [`q${peer}`, `q${peer + 20}`, `q${peer + 40}`])
})

test('gateway agents: a phone that is gone gives up its turn', async t => {
  const broker = await startBroker(t)
  const agent = await patientAgent(broker, 'main')
  const [phone, tablet] = [await broker.joinGateway(), await broker.joinGateway()]
  ask(phone, '1')
  await agent.until(1)
  ask(tablet, '2')
  await tablet.call('p', 'ping')
  phone.socket.terminate()
  await agent.until(2)
  t.true(agent.asked[0]!.signal.aborted)
  await agent.asked[1]!.respond('here')
  t.like(await tablet.nextOf('res'), { id: '2', payload: { message: 'here' } })
})

test('gateway agents: a phone asks another phone that is an agent', async t => {
  const broker = await startBroker(t)
  const [phone, helper] = [await broker.joinGateway(), await broker.joinGateway({ agent: 'main', deviceId: 'helper' })]
  ask(phone, '1')
  const request = await helper.nextOf('request')
  t.like(request, { payload: { message: '1', sessionKey: KEY }, headers: { sessionKey: KEY } })
  helper.say({ type: 'part', ref: request['replyTo'], payload: { type: 'thinking' } })
  helper.say({ type: 'response', ref: request['replyTo'], payload: 'done' })
  t.like(await phone.nextOf('event'), { event: 'agent', id: '1', payload: { type: 'thinking' } })
  t.like(await phone.nextOf('res'), { id: '1', payload: { message: 'done', sessionKey: KEY }, sender: 'helper' })
  ask(phone, 'nobody', { sessionKey: 'agent:none:cli:dm:x' })
  t.is(errorCodeOf(await phone.nextOf('res')), 'request.no_responders')
})

test('gateway agents: a phone that loses its connection comes back for the answer', async t => {
  const broker = await startBroker(t)
  const agent = await patientAgent(broker, 'main')
  const params = { deviceId: 'phone', sessionTtlMs: 30_000 }
  const phone = await broker.joinGateway(params)
  ask(phone, '1')
  await agent.until(1)
  await agent.asked[0]!.part({ type: 'thinking' })
  await phone.nextOf('event')
  phone.socket.terminate()
  await phone.closed
  await agent.asked[0]!.respond('still here')
  const { session, secret } = phone.helloOk
  const again = await broker.joinGateway({ ...params, resume: { session, secret, received: 1 } })
  t.like(again.helloOk, { resumed: true, lost: 0, session })
  t.like(await again.nextOf('res'), { id: '1', ok: true, payload: { message: 'still here', sessionKey: KEY } })
})

/** Agents that listen on their own subjects. */
function subscribedAgents({ payload }: Heard): unknown[] {
  const { connections } = payload as { connections: { agent?: string; subscriptions: number }[] }
  return connections.filter(({ subscriptions }) => subscriptions > 0).map(({ agent }) => agent)
}
