// A gateway session whose link breaks: the client comes back for it, and its requests and subscriptions still mean what they meant.

import test from 'ava'
import { Kind, PayloadType } from '../../../broker/wire/layout.ts'
import type { GatewayClient, Line, NativeClient, ReceivedFrame } from '../../support/memory-client.ts'
import { PipelineRig } from '../../support/pipeline.ts'

const KEY = 'agent:main:cli:dm:ada'

const rig = (): PipelineRig => new PipelineRig({ ipc: { timeoutMs: 60_000, limits: { sessionTtlMs: 30_000 } } })
const open = (place: PipelineRig): ReturnType<PipelineRig['gateway']> => place.gateway({ deviceId: 'phone', sessionTtlMs: 30_000 })

/** The client again, over another link; `received` messages came after hello-ok. */
function comeBack(place: PipelineRig, { session, secret }: Line, received: number): ReturnType<PipelineRig['gateway']> {
  return place.gateway({ deviceId: 'phone', challenge: 'mine', resume: { session, secret, received } })
}

function lose(client: GatewayClient): void {
  client.link.hangUp()
  client.turn()
}

function respond(agent: NativeClient, { origin, id }: ReceivedFrame, value: unknown): void {
  agent.send({ kind: Kind.response, to: origin, ref: id, flags: PayloadType.json, payload: Buffer.from(JSON.stringify(value)) })
}

test('gateway resume: subscriptions, what came meanwhile, and the answer to an open request, under its id', async t => {
  const place = rig()
  const client = open(place)
  t.true(typeof client.helloOk['secret'] === 'string' && client.helloOk['sessionTtlMs'] === 30_000)
  const agent = place.native({ agent: 'main' })
  t.is(client.call('s', 'subscribe', { channel: 'command' }).length, 1)
  client.call('req-001', 'agent', { message: 'hi', sessionKey: KEY })
  const [request] = agent.messages()
  lose(client)
  respond(agent, request!, { message: 'here' })
  agent.publish('command.x')
  const again = comeBack(place, client.helloOk, 1)
  t.like(again.helloOk, { status: 'hello-ok', resumed: true, lost: 0, client: 'phone', session: client.helloOk['session'] })
  t.like((again.helloOk['snapshot'] as { presence: Line[] }).presence.find(({ client: id }) => id === 'phone'), { client: 'phone' })
  const lines = again.missed
  t.like(lines[0], { type: 'res', id: 'req-001', ok: true, payload: { message: 'here', sessionKey: KEY } })
  t.like(lines[1], { type: 'event', event: 'command.x' })
  // Ids and subscriptions go on where they were.
  t.like(again.call('u', 'unsubscribe', { subscription: 1 })[0], { id: 'u', ok: true })
  t.deepEqual(again.call('req-001', 'agent', { message: 'again', sessionKey: KEY }), [])
  // The turn before was over a moment ago.
  await new Promise(setImmediate)
  respond(agent, agent.messages()[0]!, 1)
  t.like(again.lines()[0], { id: 'req-001', ok: true })
})

test('gateway resume: a request whose turn comes while nobody is there fails by name, and the next one goes on', async t => {
  const place = rig()
  const [client, other, agent] = [open(place), place.gateway(), place.native({ agent: 'main' })]
  other.call('first', 'agent', { message: 'first', sessionKey: KEY })
  client.call('waits', 'agent', { message: 'waits', sessionKey: KEY })
  other.call('last', 'agent', { message: 'last', sessionKey: KEY })
  const [first] = agent.messages()
  lose(client)
  respond(agent, first!, 1)
  agent.turn()
  await new Promise(setImmediate)
  const [last] = agent.messages()
  t.is((JSON.parse(Buffer.from(last!.payload).toString()) as { message: string }).message, 'last')
  const again = comeBack(place, client.helloOk, 0)
  t.like(again.missed[0], { type: 'res', id: 'waits', ok: false, error: { code: 'connection.lost', retryable: true } })
})

test('gateway resume: a session that is not there any more is a new one, and says so', async t => {
  const place = rig()
  const client = open(place)
  lose(client)
  await place.advance(30_100)
  const again = comeBack(place, client.helloOk, 0)
  t.like(again.helloOk, { resumed: false, client: 'phone' })
  t.not(again.helloOk['session'], client.helloOk['session'])
})
