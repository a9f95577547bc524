// JSON between NATS clients and agents of the SDK, neither of which names it: questions are read, answers can be.

import { headers } from '@nats-io/transport-node'
import test from 'ava'
import { startBroker } from '../support/broker.ts'
import { connectNats } from '../support/nats-client.ts'

test('nats json: an agent reads the question of a NATS client, and answers and fails in JSON', async t => {
  const broker = await startBroker(t)
  const agent = await broker.connect()
  await agent.subscribe('sum', {
    onMessage: async message => {
      const { numbers } = message.value as { numbers: number[] }
      await (numbers.length === 0 ? message.fail('empty', 'there is nothing to add') : message.respond({ sum: numbers.reduce((sum, each) => sum + each) }))
    },
  }).ready
  const client = await connectNats(t, broker.nats, { user: 'owner', pass: broker.token })
  const good = await client.request('sum', '{"numbers":[1,2,3]}')
  t.deepEqual(good.json(), { sum: 6 })
  t.is(good.headers?.get('Content-Type'), 'application/json')
  const bad = await client.request('sum', '{"numbers":[]}')
  t.is(bad.headers?.get('Nats-Service-Error'), 'there is nothing to add')
  t.like(bad.json<object>(), { code: 'request.failed', message: 'there is nothing to add' })
})

test('nats json: what only looks like JSON can be called bytes, and stays bytes on its way to NATS clients and back', async t => {
  const broker = await startBroker(t)
  const sdk = await broker.connect()
  const client = await connectNats(t, broker.nats, { user: 'owner', pass: broker.token })
  const came: unknown[] = []
  const subscription = sdk.subscribe('blob', { onMessage: ({ value }) => void came.push(value) })
  await subscription.ready
  const named = headers()
  named.set('Content-Type', 'application/octet-stream')
  client.publish('blob', '{not json}', { headers: named })
  client.publish('blob', '{"is":"json"}')
  await client.flush()
  await sdk.publish('blob', new TextEncoder().encode('{bytes}'), { receipt: true })
  t.deepEqual(came.map(value => (value instanceof Uint8Array ? new TextDecoder().decode(value) : value)), ['{not json}', { is: 'json' }, '{bytes}'])
  const heard = client.subscribe('back', { max: 1 })
  await client.flush()
  await sdk.publish('back', new TextEncoder().encode('{bytes}'), { receipt: true })
  for await (const message of heard) t.is(message.headers?.get('Content-Type'), 'application/octet-stream')
})
