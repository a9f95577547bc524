import test from 'ava'
import { StoreKeeper } from '../../actors/store-keeper.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { defaultStore } from '../../broker/ground/store-settings.ts'
import type { StoreContext } from '../../broker/ground/store.ts'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { settle } from '../support/fake-clock.ts'
import { FakeStore } from '../support/fake-store.ts'
import { QueuePipeline } from '../support/queue-pipeline.ts'

class KeeperRig extends QueuePipeline {
  readonly stores: FakeStore[] = []
  readonly contexts: StoreContext[] = []
  readonly edges: string[] = []
  /** What opening fails with. */
  failure: BrokerError | undefined
  /** What opening queues of the next stores fails with. */
  queueFailure: BrokerError | undefined
  readonly keeper = new StoreKeeper({
    queues: this.core.queues,
    context: { settings: defaultStore, directory: '/nowhere', log: this.log, broker: 'home' },
    load: () =>
      Promise.resolve(async (context: StoreContext) => {
        if (this.failure !== undefined) throw this.failure
        const store = new FakeStore()
        if (this.queueFailure !== undefined) store.opening = Promise.reject(this.queueFailure)
        store.opening?.catch(() => {})
        this.stores.push(store)
        this.contexts.push(context)
        return store
      }),
    backoff: { initialMs: 100, maxMs: 1000, multiplier: 2, jitter: 0 },
    deadlines: this.core.deadlines,
    log: this.log,
    onEdge: edge => void this.edges.push(edge),
  })

  constructor() {
    super()
    this.core.queues.source = () => this.keeper.open()
    this.openChannel({ name: 'jobs', mode: 'queue' })
  }

  openJobs(): Promise<unknown> {
    const { queues, settings, accounts } = this.core
    return queues.open('jobs', settings.queue.defaults, accounts.channel('jobs')!)
  }

  /** What a publish to the queue is answered with. */
  async publish(): Promise<string> {
    const client = this.native()
    client.send({ kind: Kind.publish, subject: 'jobs', flags: Flag.receipt })
    await this.settle()
    const [answer] = client.frames()
    return answer!.kind === Kind.receipt ? 'stored' : (answer!.body as { code: string }).code
  }
}

test('store keeper: the store is opened with the first queue, once for all that want it', async t => {
  const rig = new KeeperRig()
  t.is(rig.stores.length, 0)
  await Promise.all([rig.openJobs(), rig.keeper.open(), rig.keeper.open()])
  t.is(rig.stores.length, 1)
  t.deepEqual(rig.edges, ['OPENED'])
  t.is(await rig.publish(), 'stored')
})

test('store keeper: one that cannot be opened is an error by name, and is tried again by whoever asks next', async t => {
  const rig = new KeeperRig()
  rig.failure = new BrokerError('store.key', { problem: 'it is not 32 bytes' })
  t.is((await t.throwsAsync(rig.openJobs(), { instanceOf: BrokerError })).code, 'store.key')
  rig.failure = undefined
  await t.notThrowsAsync(rig.openJobs())
})

test('store keeper: one that fails is closed and another opened, with backoff; queues refuse by its reason meanwhile', async t => {
  const rig = new KeeperRig()
  await rig.openJobs()
  rig.failure = new BrokerError('store.failed', { backend: 'embedded', problem: 'no luck' })
  rig.contexts[0]!.onFailed!(new BrokerError('store.failed', { backend: 'embedded', problem: 'its thread ended' }))
  rig.contexts[0]!.onFailed!(new BrokerError('store.failed', { backend: 'embedded', problem: 'told twice' }))
  await settle()
  t.true(rig.stores[0]!.queues.get('jobs')!.isClosed)
  t.is(await rig.publish(), 'store.failed')
  await rig.advance(100)
  await settle()
  t.is(rig.stores.length, 1, 'it could not be opened')
  rig.failure = undefined
  await rig.advance(150)
  await settle()
  t.is(rig.stores.length, 1, 'the next try waits twice as long')
  await rig.advance(100)
  await settle()
  t.is(rig.stores.length, 2)
  t.is(await rig.publish(), 'stored')
  t.deepEqual(rig.edges, ['OPENED', 'LOST', 'OPENED'])
})

test('store keeper: a queue that could not be opened with its store is opened later', async t => {
  const rig = new KeeperRig()
  await rig.openJobs()
  rig.queueFailure = new BrokerError('store.no_space', { path: '/store' })
  rig.contexts[0]!.onFailed!(new BrokerError('store.failed', { backend: 'embedded', problem: 'its thread ended' }))
  await settle()
  await rig.advance(100)
  await settle()
  t.is(await rig.publish(), 'store.no_space')
  rig.stores[1]!.opening = undefined
  await rig.advance(250)
  await settle()
  t.is(await rig.publish(), 'stored')
  t.is(rig.stores.length, 2, 'of the same store')
})

test('store keeper: a store that fails while it is closed for good is not opened again', async t => {
  const rig = new KeeperRig()
  await rig.openJobs()
  await rig.keeper.close()
  rig.contexts[0]!.onFailed!(new BrokerError('store.failed', { backend: 'embedded', problem: 'its thread ended' }))
  await rig.advance(5000)
  t.is(rig.stores.length, 1)
  t.deepEqual(rig.edges, ['OPENED'])
})
