// Micro-services in the manner of the NATS service API: discovered, asked and counted by $SRV subjects, by a program that
// knows nothing of Callboard. Half of them are native agents in the last story.

import { headers, type Msg, type NatsConnection } from '@nats-io/transport-node'
import test from 'ava'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { connectNats } from '../support/nats-client.ts'
import type { Teardown } from '../support/temporary-directory.ts'

const plain = (t: Teardown, broker: LocalBroker): Promise<NatsConnection> => connectNats(t, broker.nats, { user: 'owner', pass: broker.token })

interface Service {
  readonly id: string
  stop(): Promise<void>
}

/** A service as the client libraries' micro packages make it: endpoint in a queue group, PING, INFO and STATS by name and id. */
async function startService(client: NatsConnection, name: string, id: string, answer: (request: Msg) => string): Promise<Service> {
  let requests = 0
  let errors = 0
  const identity = { name, id, version: '1.0.0', metadata: {} }
  const control = (verb: string, body: () => object): void => {
    for (const subject of [`$SRV.${verb}`, `$SRV.${verb}.${name}`, `$SRV.${verb}.${name}.${id}`]) {
      client.subscribe(subject, { callback: (_error, message) => void message.respond(JSON.stringify(body())) })
    }
  }
  control('PING', () => ({ type: 'io.nats.micro.v1.ping_response', ...identity }))
  control('INFO', () => ({ type: 'io.nats.micro.v1.info_response', ...identity, endpoints: [{ name: 'square', subject: 'square', queue_group: 'q' }] }))
  control('STATS', () => ({ type: 'io.nats.micro.v1.stats_response', ...identity, endpoints: [{ name: 'square', num_requests: requests, num_errors: errors }] }))
  const endpoint = client.subscribe('square', {
    queue: 'q',
    callback: (_error, message) => {
      requests++
      try {
        message.respond(answer(message))
      } catch (error) {
        errors++
        const failed = headers()
        failed.set('Nats-Service-Error-Code', '400')
        failed.set('Nats-Service-Error', (error as Error).message)
        message.respond('', { headers: failed })
      }
    },
  })
  await client.flush()
  return { id, stop: () => endpoint.drain() }
}

function square(request: Msg): string {
  const number = Number(request.string())
  if (Number.isNaN(number)) throw new RangeError('not a number')
  return String(number ** 2)
}

async function discover(client: NatsConnection, subject: string, count: number): Promise<{ id: string; endpoints: { num_requests: number; num_errors: number }[] }[]> {
  const answers = []
  for await (const answer of await client.requestMany(subject, '', { strategy: 'count', maxMessages: count, maxWait: 20_000 })) answers.push(answer.json<{ id: string; endpoints: { num_requests: number; num_errors: number }[] }>())
  return answers.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

test('nats services: instances are found, share the work, count it, and leave without losing a request', async t => {
  const broker = await startBroker(t)
  const asker = await plain(t, broker)
  const services = await Promise.all(['s1', 's2', 's3'].map(async id => startService(await plain(t, broker), 'math', id, square)))
  for (const subject of ['$SRV.PING', '$SRV.PING.math', '$SRV.INFO']) t.deepEqual((await discover(asker, subject, 3)).map(({ id }) => id), ['s1', 's2', 's3'])
  t.deepEqual((await discover(asker, '$SRV.PING.math.s2', 1)).map(({ id }) => id), ['s2'])
  const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => asker.request('square', String(i), { timeout: 20_000 })))
  t.deepEqual(answers.map(answer => answer.string()), answers.map((_, i) => String(i ** 2)))
  const refused = await asker.request('square', 'x', { timeout: 20_000 })
  t.is(refused.headers?.get('Nats-Service-Error'), 'not a number')
  const stats = await discover(asker, '$SRV.STATS.math', 3)
  t.deepEqual([stats.reduce((sum, { endpoints: [one] }) => sum + one!.num_requests, 0), stats.reduce((sum, { endpoints: [one] }) => sum + one!.num_errors, 0)], [301, 1])
  t.true(stats.every(({ endpoints: [one] }) => one!.num_requests > 0))

  // One after the other leaves while requests come; whoever is left answers.
  const asked = Array.from({ length: 300 }, (_, i) => asker.request('square', String(i), { timeout: 20_000 }))
  await Promise.all(services.slice(0, 2).map(service => service.stop()))
  t.is((await Promise.all(asked)).length, 300)
  await services[2]!.stop()
  await t.throwsAsync(asker.request('square', '1', { timeout: 20_000 }), { message: /no responders/ })
})

test('nats services: a native client asks them, and a native agent is one of them', async t => {
  const broker = await startBroker(t)
  const sdk = await broker.connect()
  await startService(await plain(t, broker), 'math', 's1', square)
  await sdk.subscribe('square', { group: 'q', onMessage: async message => {
    const number = Number(new TextDecoder().decode(message.payload))
    if (Number.isNaN(number)) await message.fail('math.no_number', 'not a number')
    else await message.respond(String(number ** 2))
  } }).ready
  await sdk.subscribe('$SRV.PING', { onMessage: message => message.respond({ type: 'io.nats.micro.v1.ping_response', name: 'math', id: 's2', version: '1.0.0' }, { json: true }) }).ready
  const asker = await plain(t, broker)
  t.deepEqual((await discover(asker, '$SRV.PING', 2)).map(({ id }) => id), ['s1', 's2'])
  const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => asker.request('square', String(i), { timeout: 20_000 })))
  t.deepEqual(answers.map(answer => answer.string()), answers.map((_, i) => String(i ** 2)))
  const refused = await Promise.all(['x', 'y'].map(each => asker.request('square', each, { timeout: 20_000 })))
  t.deepEqual(refused.map(answer => answer.headers?.get('Nats-Service-Error')), ['not a number', 'not a number'])
  const own = await Promise.all(Array.from({ length: 40 }, (_, i) => sdk.request('square', String(i))))
  t.deepEqual(own.map(({ payload }) => new TextDecoder().decode(payload)), own.map((_, i) => String(i ** 2)))
  t.true((await sdk.call('stats')).balanced)
})
