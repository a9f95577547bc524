import test from 'ava'
import { decode, encode } from '@msgpack/msgpack'
import type { ApiAnswer, BrokerStats } from '../../broker/ground/api.ts'
import type { BrokerHost } from '../../broker/host.ts'
import { View } from '../../broker/view.ts'
import { Kind, PayloadType } from '../../broker/wire/layout.ts'
import type { NativeClient } from '../support/memory-client.ts'
import { PipelineRig } from '../support/pipeline.ts'
import { settle } from '../support/fake-clock.ts'

const HOST: BrokerHost = {
  version: '0', home: '', socket: '', gateway: undefined, gatewayProblem: undefined, nats: undefined, natsProblem: undefined, grpc: undefined, grpcSocket: undefined, bus: undefined, phase: 'run',
  tree: () => ({ id: 'broker', kind: 'broker', phase: 'run', incarnation: 1, restarts: 0, ageMs: 0, mailbox: 0, detail: '', children: [] }),
  startChannel: () => Promise.resolve(),
  stopChannel: () => Promise.resolve(),
  agents: () => [],
  agent: () => { throw new Error('no agents') },
  agentLines: () => [],
  agentCrashes: () => Promise.resolve([]),
  restartAgent: () => Promise.reject(new Error('no agents')),
  scaleAgent: () => Promise.reject(new Error('not here')),
  drainAgent: () => Promise.reject(new Error('not here')),
  upgradeAgent: () => Promise.reject(new Error('not here')),
  stop: () => {},
  upgrade: () => Promise.reject(new Error('not here')),
}

const rigWithView = (): PipelineRig => new PipelineRig({ view: pipeline => new View(pipeline, HOST) })

async function call<T>(client: NativeClient, method: string, params: object = {}): Promise<T> {
  client.send({ kind: Kind.request, flags: PayloadType.msgpack, subject: `$CB.api.${method}`, payload: encode(params) })
  await settle()
  return decode(client.frames().find(({ kind }) => kind === Kind.response)!.payload) as T
}

const trace = async (client: NativeClient, params: object = {}): Promise<ApiAnswer<'trace.show'> & { seqs: number[] }> => {
  const answer = await call<ApiAnswer<'trace.show'>>(client, 'trace.show', params)
  return { ...answer, seqs: answer.entries.map(({ seq }) => seq) }
}

/** Runs of their own: their subjects differ. */
const publish = (client: NativeClient, subjects: readonly string[]): void => {
  for (const subject of subjects) client.publish(subject)
}

test('trace: without a position the latest runs, with one the next after it', async t => {
  const client = rigWithView().native()
  publish(client, ['a', 'b', 'c', 'd', 'e'])
  t.deepEqual((await trace(client)).seqs, [0, 1, 2, 3, 4])
  t.deepEqual((await trace(client, { limit: 2 })).seqs, [3, 4])
  t.deepEqual((await trace(client, { limit: 2, after: 0 })).seqs, [1, 2])
  t.deepEqual((await trace(client, { limit: 2, after: -1 })).seqs, [0, 1])
  t.deepEqual((await trace(client, { after: 4 })).seqs, [])
})

test('trace: from is the oldest position that is known, to the one that comes next', async t => {
  const client = rigWithView().native()
  t.like(await trace(client), { from: 0, to: 0 })
  publish(client, Array.from({ length: 1030 }, (_, i) => `s${i % 2}`))
  t.like(await trace(client, { limit: 1, after: -1 }), { from: 6, to: 1030, seqs: [6] })
})

test('trace: a channel\'s runs are followed without a gap, however many others there are', async t => {
  const client = rigWithView().native()
  publish(client, Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? `events.n${i}` : `other.n${i}`)))
  const seen: number[] = []
  for (let after = -1; ; ) {
    const { seqs } = await trace(client, { channel: 'events', after, limit: 4 })
    if (seqs.length === 0) break
    seen.push(...seqs)
    after = seqs.at(-1)!
  }
  t.deepEqual(seen, Array.from({ length: 10 }, (_, i) => i * 3))
})

test('trace: calls of the broker\'s methods are neither recorded nor in the sums, but counted', async t => {
  const rig = rigWithView()
  const client = rig.native()
  publish(client, ['a'])
  const before = await call<BrokerStats>(client, 'stats')
  t.like(before, { accepted: 1, deliveries: 1, balanced: true })
  t.deepEqual(await call(client, 'stats'), before)
  t.deepEqual((await trace(client)).seqs, [0])
  t.is((await call<Record<string, number>>(client, 'metrics'))['method_calls_total'], 4)
  // A publish to a method is refused by the method, and no message of anybody's.
  client.publish('$CB.api.ping')
  t.deepEqual(client.frames().map(({ kind }) => kind), [Kind.error])
  t.deepEqual(await call(client, 'stats'), before)
})
