// Clients of the gateway that send whatever comes to mind, and others that notice nothing of it.

import test from 'ava'
import fc from 'fast-check'
import { startBroker } from '../support/broker.ts'
import type { GatewayPeer } from '../support/gateway-peer.ts'

const word = fc.constantFrom('req', 'connect', 'event', 'request', 'subscribe', 'unsubscribe', 'cancel', 'response', 'publish', 'agent', 'broadcast', 'status', 'command', 'agent:main:cli:dm:x', '>', '')
const value = fc.oneof(word, fc.jsonValue())
const members = ['type', 'id', 'method', 'params', 'channel', 'subject', 'payload', 'ref', 'group', 'filter', 'subscription', 'message', 'sessionKey', 'timeoutMs', 'headers', 'to']
const object = fc.dictionary(fc.constantFrom(...members), fc.oneof(value, fc.dictionary(fc.constantFrom(...members), value, { maxKeys: 4, noNullPrototype: true })), { maxKeys: 6, noNullPrototype: true })
const text = fc.oneof({ weight: 5, arbitrary: object.map(each => JSON.stringify(each)) }, { weight: 1, arbitrary: fc.string() }, { weight: 1, arbitrary: fc.json() })

// An orderly goodbye would end the story.
const texts = text.filter(each => !each.includes('goodbye'))

/** True when the peer still gets an answer; what came before it is passed over. */
async function serves(peer: GatewayPeer): Promise<boolean> {
  peer.request('the end', 'subscribe', { subject: 'the.end' })
  for (;;) {
    const { id, ok } = await peer.next()
    if (id === 'the end') return ok === true
  }
}

test('gateway storm: hundreds of random texts from each of eight clients are answered, and the next request of everybody too', async t => {
  const broker = await startBroker(t)
  const bystander = await broker.connect()
  await bystander.subscribe<number>('sum', { onMessage: message => message.respond(message.value + 1) }).ready
  const peers = await Promise.all(Array.from({ length: 8 }, () => broker.joinGateway()))
  for (const each of fc.sample(texts, 400)) for (const peer of peers) peer.write(each)
  for (let i = 0; i < 20; i++) t.is((await bystander.request<number>('sum', i, { timeoutMs: 30_000 })).value, i + 1)
  t.deepEqual(await Promise.all(peers.map(serves)), peers.map(() => true))
  const { balanced } = await bystander.call('stats')
  t.true(balanced)
})

test('gateway storm: random first messages are refused by name, each with a close code of its own kind', async t => {
  const broker = await startBroker(t)
  for (const first of fc.sample(text.filter(each => !each.includes('"connect"')), 20)) {
    const peer = await broker.openGateway()
    peer.write(first)
    const { type, ok, error } = await peer.next()
    t.deepEqual([type, ok], ['res', false], first)
    const { code, reason } = await peer.closed
    t.is(reason, (error as { code: string }).code)
    t.true(code > 4000)
  }
})
