import { mkdirSync, rmdirSync } from 'node:fs'
import test from 'ava'
import { Supervisor } from '../../actors/supervisor.ts'
import { Fleet } from '../../actors/fleet.ts'
import { Tree } from '../../actors/tree.ts'
import { share } from '../../broker/pool/work.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { homePaths } from '../../broker/ground/home.ts'
import { defaultSettings } from '../../broker/ground/settings.ts'
import { defaultStore } from '../../broker/ground/store-settings.ts'
import type { ActorInfo, ExitReason } from '../../broker/ground/types.ts'
import { actorEnvironment } from '../support/actor-environment.ts'
import { startBroker } from '../support/broker.ts'
import { PipelineRig } from '../support/pipeline.ts'
import { QueuePipeline } from '../support/queue-pipeline.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

const noAgents = new Fleet({ agents: [], makeAgent: () => { throw new Error('there are none') }, environment: actorEnvironment(), retiring: new PipelineRig().pipeline.retiring, connection: () => undefined, connections: () => [] })

test('tree: a branch that fails is made anew, with everything in it; the others go on', async t => {
  const { pipeline } = new PipelineRig()
  let opened = 0
  const listen = async (): Promise<{ address: string; close(): Promise<void> }> => ({ address: `memory ${++opened}`, close: async () => {} })
  const tree = new Tree({ settings: defaultSettings, paths: homePaths(temporaryDirectory(t)), environment: actorEnvironment(), pipeline, fleet: noAgents, listeners: { unix: listen } })
  const ended = new Promise<ExitReason>(resolve => (tree.root.onExit = resolve))
  t.is(await tree.root.start(), 'ok')

  find(tree.root, 'edge').kill()
  await until(() => actor(tree.info(), 'listener.unix')?.detail === 'memory 2')
  t.like(actor(tree.info(), 'edge'), { phase: 'run', incarnation: 2, restarts: 1 })
  t.like(actor(tree.info(), 'core'), { phase: 'run', incarnation: 1 })

  find(find(tree.root, 'core'), 'channels').kill()
  await until(() => actor(tree.info(), 'channels')?.incarnation === 2 && actor(tree.info(), 'channel.gateway')?.phase === 'run')
  await tree.startChannel(pipeline.core.channels.define('custom', 'pubsub', 1))
  t.is(actor(tree.info(), 'channel.custom')?.phase, 'run')

  tree.root.stop()
  t.deepEqual(await ended, { kind: 'shutdown' })
})

test('tree: a channel that cannot be saved is not there either', async t => {
  const { pipeline } = new PipelineRig()
  const paths = homePaths(temporaryDirectory(t))
  const tree = new Tree({ settings: defaultSettings, paths, environment: actorEnvironment(), pipeline, fleet: noAgents, listeners: {} })
  t.is(await tree.root.start(), 'ok')
  mkdirSync(paths.channels)
  await t.throwsAsync(tree.startChannel(pipeline.core.channels.define('custom', 'pubsub', 1)), { code: 'home.unusable' })
  t.is(actor(tree.info(), 'channel.custom'), undefined)
  t.false(pipeline.core.channels.list().some(({ name }) => name === 'custom'))
  rmdirSync(paths.channels)
  await tree.startChannel(pipeline.core.channels.define('custom', 'pubsub', 1))
  t.is(actor(tree.info(), 'channel.custom')?.phase, 'run')
  const ended = new Promise<ExitReason>(resolve => (tree.root.onExit = resolve))
  tree.root.stop()
  await ended
})

test('tree: a queue that could not be deleted at other brokers stays, and takes messages', async t => {
  const rig = new QueuePipeline({ store: { ...defaultStore, backend: 'nats' } })
  const down = new BrokerError('bus.unreachable', { server: 'nats://127.0.0.1:1', problem: 'the test says so' })
  const share = { create: (_: unknown, start: () => Promise<void>) => start(), remove: () => Promise.reject(down) }
  const tree = new Tree({ settings: defaultSettings, paths: homePaths(temporaryDirectory(t)), environment: actorEnvironment(), pipeline: rig.pipeline, fleet: noAgents, listeners: {}, share })
  t.teardown(() => tree.root.kill())
  t.is(await tree.root.start(), 'ok')
  rig.core.queues.source = () => Promise.resolve(rig.store)
  await tree.startChannel(rig.core.channels.define('jobs', 'queue', 1))
  await t.throwsAsync(tree.stopChannel('jobs', false), { code: 'bus.unreachable' })
  rig.native().publish('jobs')
  await rig.settle()
  t.is(rig.store.queues.get('jobs')!.kept.length, 1)
})

test('tree: store, pool and registry stand before the channels; the store is not opened, and the pool has no thread until somebody has work for it', async t => {
  const { broker } = await startBroker(t)
  t.deepEqual(actor(broker.tree(), 'core')?.children.map(({ id }) => id), ['store', 'pool', 'registry', 'channels'])
  t.like(actor(broker.tree(), 'registry'), { kind: 'registry', phase: 'run', detail: 'no instance' })
  t.like(actor(broker.tree(), 'store'), { kind: 'store', phase: 'run', detail: 'embedded, not opened: no queue needs it' })
  t.like(actor(broker.tree(), 'pool'), { kind: 'pool', phase: 'run', detail: 'no thread yet, 0 queued, wait p50 0 ms p99 0 ms, 0 tasks done, 0 inline' })
})

test('tree: a pool that ends is made anew; what it had to do is done all the same', async t => {
  const { pipeline } = new PipelineRig()
  const { pool } = pipeline.core
  const tree = new Tree({ settings: defaultSettings, paths: homePaths(temporaryDirectory(t)), environment: actorEnvironment(), pipeline, fleet: noAgents, listeners: {} })
  t.teardown(() => tree.root.kill())
  t.is(await tree.root.start(), 'ok')
  await pool.compress(share(new Uint8Array(1024)))
  t.is(pool.threads.length, 1)
  const packed = Promise.all(Array.from({ length: 20 }, () => pool.compress(share(new Uint8Array(200_000)))))
  find(tree.root, 'core').find('pool')!.kill()
  t.true((await packed).every(({ length }) => length > 0))
  await until(() => actor(tree.info(), 'pool')?.incarnation === 2 && actor(tree.info(), 'pool')?.phase === 'run')
  const before = pool.doneTasks
  await pool.compress(share(new Uint8Array(1024)))
  t.is(pool.doneTasks, before + 1)
})

function find(parent: Supervisor, id: string): Supervisor {
  const child = parent.find(id)
  if (!(child instanceof Supervisor)) throw new Error(`no supervisor ${id} runs`)
  return child
}

function actor(info: ActorInfo, id: string): ActorInfo | undefined {
  if (info.id === id) return info
  for (const child of info.children) {
    const found = actor(child, id)
    if (found !== undefined) return found
  }
  return undefined
}
