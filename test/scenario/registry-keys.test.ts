// Every key of the registry, in a broker that has it and in one that has not: each must make the difference that it is for.

import test, { type ExecutionContext } from 'ava'
import type { Registration } from '../../broker/ground/registry.ts'
import type { Client } from '../../client/index.ts'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'

interface Case {
  readonly keys: readonly string[]
  readonly config: object
  readonly see: (broker: LocalBroker) => Promise<unknown>
  readonly without: unknown
  readonly with: unknown
}

/** A client with registrations that answers all but `hold`. */
async function registered(broker: LocalBroker, ...registrations: readonly Registration[]): Promise<Client> {
  const client = await broker.connect()
  client.subscribe('$CB.to.service.>', { onMessage: message => (message.value === 'hold' ? undefined : message.respond(1)) })
  for (const registration of registrations) await client.call('registry.register', registration)
  return client
}

const two = [{ name: 'x', instance: 'a', version: '1.0.0' }, { name: 'x', instance: 'b', version: '2.0.0' }] as const

/** How many requests each instance of `x` got: the first stays open, `count` more are answered. */
async function shared(broker: LocalBroker, count: number): Promise<readonly number[]> {
  const client = await registered(broker, ...two)
  void errorCode(client.request('$CB.to.service.x', 'hold'))
  for (let i = 0; i < count; i++) await client.request('$CB.to.service.x', i)
  return (await client.call('registry.list', { name: 'x' })).instances.map(({ requests }) => requests)
}

const capable = (more: Partial<Registration> & { readonly name: string }): Registration => ({ capabilities: ['tts'], ...more })
const providers = [capable({ name: 'first', metadata: { place: 'cloud' } }), capable({ name: 'phone', kind: 'node', metadata: { nodeType: 'ios' } })]

function negotiated(...registrations: readonly Registration[]) {
  return async (broker: LocalBroker): Promise<unknown> => {
    const client = await registered(broker, ...registrations)
    return client.call('registry.negotiate', { capability: 'tts' }).then(({ provider, fallback, instance }) => [provider, fallback, instance?.name], () => errorCode(client.call('registry.negotiate', { capability: 'tts' })))
  }
}

const tts = (capability: object): object => ({ gateway: { nodeCapabilities: { tts: capability } } })

const cases: readonly Case[] = [
  { keys: ['registry.balancing'], config: { registry: { balancing: 'round_robin' } }, see: broker => shared(broker, 3), without: [1, 3], with: [2, 2] },
  { keys: ['registry.services', 'registry.services.*.balancing'], config: { registry: { services: { x: { balancing: 'sticky' } } } }, see: async broker => Math.min(...(await shared(broker, 3))), without: 1, with: 0 },
  { keys: ['registry.services.*.weights'], config: { registry: { services: { x: { weights: { '^2': 300 } } } } }, see: async broker => (await shared(broker, 7))[1], without: 7, with: 6 },
  {
    keys: ['registry.maxInstances'],
    config: { registry: { maxInstances: 2 } },
    see: async broker => errorCode((await registered(broker, ...two)).call('registry.register', { name: 'y' })),
    without: 'resolved',
    with: 'registry.limit',
  },
  { keys: ['gateway.nodeCapabilities', 'gateway.nodeCapabilities.*.providers'], config: tts({ providers: ['node:ios', 'cloud'] }), see: negotiated(...providers), without: [undefined, false, 'first'], with: ['node:ios', false, 'phone'] },
  { keys: ['gateway.nodeCapabilities.*.fallback'], config: tts({ providers: ['node:macos'], fallback: 'cloud' }), see: negotiated(...providers), without: [undefined, false, 'first'], with: ['cloud', true, 'first'] },
  { keys: ['gateway.nodeCapabilities.*.required'], config: tts({ required: false }), see: negotiated(), without: 'registry.no_provider', with: [undefined, false, undefined] },
]

for (const { keys, config, see, without, with: expected } of cases) {
  test(`config: ${keys.join(', ')}`, async (t: ExecutionContext) => {
    const [plain, configured] = await Promise.all([startBroker(t), startBroker(t, { config })])
    t.deepEqual([await see(plain), await see(configured)], [without, expected])
  })
}
