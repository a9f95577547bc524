// Any history of publishers, consumers, full kernels, lost links and settlements, over a store that leases on demand: the
// accounts balance after each step, no message is with two consumers, and in the end each is acked once or still there.

import test from 'ava'
import fc from 'fast-check'
import type { Connection } from '../../broker/connection.ts'
import { Kind } from '../../broker/ground/kind.ts'
import type { Leased, Settlement } from '../../broker/ground/store.ts'
import { frameEnd } from '../../broker/wire/regroup.ts'
import type { FakeQueue } from '../support/fake-store.ts'
import type { NativeClient } from '../support/memory-client.ts'
import { OWNER_TOKEN } from '../support/pipeline.ts'
import { QueuePipeline } from '../support/queue-pipeline.ts'

const QUEUE = 'orders'
const SUBSCRIPTION = 1

/** What a store does that is asked for leases: at once, in order of arrival. */
class Leasing {
  readonly leases = new Map<number, number>()
  readonly acked: number[] = []
  readonly #queue: FakeQueue
  readonly #ready: Leased[] = []
  readonly #all = new Map<number, Leased>()
  #kept = 0
  #settled = 0
  #leased = 0

  constructor(queue: FakeQueue) {
    this.#queue = queue
  }

  get stored(): number[] {
    return [...this.#all.keys()]
  }

  get ready(): number[] {
    return this.#ready.map(({ position }) => position)
  }

  /** Takes note of all that the queue was told, then leases what it may. */
  work(): void {
    const { kept, settled, demanded, listener } = this.#queue
    for (const { bytes, position, count } of kept.slice(this.#kept)) {
      for (let at = 0, i = 0; i < count; i++, at = frameEnd(bytes, at)) this.#free(position + i, 1, bytes.subarray(at, frameEnd(bytes, at)))
    }
    this.#kept = kept.length
    for (const settlement of settled.slice(this.#settled)) this.#settle(settlement)
    this.#settled = settled.length
    const messages = this.#ready.splice(0, Math.max(0, demanded - this.#leased))
    this.#leased += messages.length
    for (const { position, attempt } of messages) this.leases.set(position, attempt)
    if (messages.length > 0) listener.leased(messages)
  }

  #settle({ position, attempt, verdict }: Settlement): void {
    if (this.leases.get(position) !== attempt) throw new Error(`settled ${position} by attempt ${attempt}, which is not on lease`)
    if (verdict === 'working') return
    this.leases.delete(position)
    if (verdict === 'ack') this.acked.push(position)
    else this.#free(position, verdict === 'release' ? attempt : attempt + 1, this.#all.get(position)!.frame)
  }

  #free(position: number, attempt: number, frame: Uint8Array): void {
    const message = { position, attempt, frame }
    this.#all.set(position, message)
    this.#ready.push(message)
  }
}

interface Worker {
  client: NativeClient
  /** The same when its session goes on over another link. */
  readonly connection: Connection
  readonly held: Map<number, number>
  readonly secret: string | undefined
  readonly session: string
  /** Frames that it has read, and messages among them. */
  read: number
  got: number
  /** Messages that it has asked for. */
  pulled: number
  isGone: boolean
}

class World {
  readonly rig = new QueuePipeline({ ipc: { limits: { sessionBytes: 50_000_000 } } })
  readonly workers: Worker[] = []
  leasing!: Leasing
  #publisher!: NativeClient

  async open(): Promise<this> {
    this.leasing = new Leasing(await this.rig.openQueue(QUEUE))
    this.#publisher = this.rig.native()
    return this
  }

  publish(count: number): void {
    for (let i = 0; i < count; i++) this.#publisher.publish(`${QUEUE}.new`, new Uint8Array(20_000 * (1 + (i % 3))))
  }

  join(isLasting: boolean): void {
    const client = this.rig.native({ client: `worker-${this.workers.length}`, flow: { maxPendingBytes: 200_000, overflow: 'drop-oldest' }, ...(isLasting ? { sessionTtlMs: 60_000 } : {}) })
    const { grant, session } = client.connection
    client.control(Kind.subscribe, SUBSCRIPTION, { pattern: QUEUE, consume: true })
    const worker = { client, connection: client.connection, held: new Map<number, number>(), secret: grant?.secret, session, read: 0, got: 0, pulled: 0, isGone: false }
    this.workers.push(worker)
    this.read(worker)
  }

  read(worker: Worker): void {
    worker.client.link.kernelBytes = Infinity
    this.#take(worker, worker.client.frames())
  }

  /** From now on its kernel takes little. */
  stop({ client }: Worker): void {
    client.link.kernelBytes = 30_000
  }

  pull(worker: Worker, messages: number): void {
    worker.pulled += messages
    worker.client.control(Kind.pull, SUBSCRIPTION, { messages })
  }

  /** What all its publishers' patience ends in: it drops what is too much. */
  shed({ connection }: Worker): void {
    connection.outbound.shed()
  }

  resume(worker: Worker): void {
    if (worker.secret === undefined || worker.connection.state !== 'detached') return
    const client = this.rig.link()
    client.control(Kind.hello, 0, { auth: { token: OWNER_TOKEN }, client: worker.connection.client, sessionTtlMs: 60_000, resume: { session: worker.session, secret: worker.secret, received: worker.read } })
    const [welcome, ...frames] = client.frames()
    if ((welcome?.body as { resumed?: boolean } | undefined)?.resumed !== true) throw new Error('the session did not go on')
    client.continueAbove(worker.client.nextId)
    worker.client = client
    this.#take(worker, frames)
  }

  settle(worker: Worker, verdict: 'ack' | 'nak' | 'release' | 'working', count: number): void {
    const some = [...worker.held].slice(0, count)
    if (verdict !== 'working') for (const [position] of some) worker.held.delete(position)
    worker.client.control(Kind.settle, SUBSCRIPTION, { [verdict]: verdict === 'nak' ? some.map(([position, attempt]) => [position, attempt, 0]) : some.flat() })
  }

  // In links with a full kernel some of a frame may be with the client: it is read whole or not at all.
  #take(worker: Worker, frames: ReturnType<NativeClient['frames']>): void {
    worker.read += frames.length
    for (const { kind, ref, headers, body } of frames) {
      if (kind === Kind.error) throw new Error(JSON.stringify(body))
      if (kind !== Kind.leased) continue
      worker.held.set(ref, (headers?.['$attempt'] as number | undefined) ?? 1)
      worker.got++
    }
  }

  async check(): Promise<void> {
    this.rig.turn()
    await this.rig.settle()
    this.leasing.work()
    await this.rig.settle()
    const account = this.rig.core.accounts.channel(QUEUE)!
    if (account.imbalance !== 0) throw new Error(`the account misses ${account.imbalance}`)
    const { dropped } = account
    if (dropped['no-interest'] + dropped.expired > 0) throw new Error(JSON.stringify(dropped))
    const holders = this.workers.flatMap(({ held }) => [...held]).filter(([position, attempt]) => this.leasing.leases.get(position) === attempt)
    if (new Set(holders.map(([position]) => position)).size !== holders.length) throw new Error('a message is with two workers')
  }
}

type Step = readonly [what: 'publish' | 'join' | 'last' | 'pull' | 'read' | 'stop' | 'shed' | 'break' | 'resume' | 'leave' | 'unsubscribe' | 'ack' | 'nak' | 'release' | 'working', who: number, count: number]

async function step(world: World, [what, who, count]: Step): Promise<void> {
  const present = world.workers.filter(({ isGone }) => !isGone)
  const worker = present[who % (present.length || 1)]
  if (what === 'publish') world.publish(count)
  else if (what === 'join' || what === 'last') world.join(what === 'last')
  else if (worker === undefined) return
  else if (what === 'resume') world.resume(worker)
  else if (!worker.connection.isReady) return
  else if (what === 'read') world.read(worker)
  else if (what === 'stop') world.stop(worker)
  else if (what === 'shed') world.shed(worker)
  else if (what === 'pull') world.pull(worker, count)
  else if (what === 'break' || what === 'leave') {
    // Else what was written and not read comes again with the session, or is not done.
    if (count % 2 === 0) world.read(worker)
    worker.isGone = what === 'leave' || worker.secret === undefined
    if (worker.isGone) worker.held.clear()
    if (what === 'leave') worker.client.control(Kind.goodbye, 0)
    else worker.client.link.destroy()
  } else if (what === 'unsubscribe') {
    world.read(worker)
    worker.client.control(Kind.unsubscribe, SUBSCRIPTION)
    worker.isGone = true
    world.settle(worker, 'ack', Infinity)
  } else world.settle(worker, what, count)
  await world.check()
}

const often = (times: number, ...items: readonly Step[0][]): Step[0][] => Array.from({ length: times }, () => items).flat()
const kinds = fc.constantFrom(...often(6, 'publish', 'pull'), ...often(3, 'read', 'stop', 'ack'), ...often(2, 'shed', 'last', 'resume', 'break'), 'join', 'leave', 'unsubscribe', 'nak', 'release', 'working')
const histories = fc.array(fc.tuple(kinds, fc.nat(3), fc.integer({ min: 1, max: 9 })), { minLength: 20, maxLength: 80, size: 'max' })

test('consuming: in any history the accounts balance, and each message is acked once or still there', async t => {
  await fc.assert(
    fc.asyncProperty(histories, async history => {
      const world = await new World().open()
      for (const each of history) await step(world, each)
      // Whoever is still there reads all: what it asked for it has got, or still will.
      for (const worker of world.workers.filter(({ isGone }) => !isGone)) {
        world.resume(worker)
        for (let before = -1; worker.got > before; ) {
          before = worker.got
          await world.check()
          world.read(worker)
        }
        const [consumption] = worker.connection.consumers!.values()
        const { credit } = consumption!.consumer
        same([worker.got + credit], [worker.pulled])
        if (credit > 0) same(world.leasing.ready, [])
      }
      for (const { client } of world.workers) client.link.destroy()
      world.rig.turn()
      await world.rig.advance(60_001)
      await world.check()
      const { leasing, rig } = world
      same([...leasing.leases], [])
      same([...leasing.ready, ...leasing.acked].toSorted((a, b) => a - b), leasing.stored)
      same(rig.core.accounts.channel(QUEUE)!.pending, 0)
      const { count, inFlight } = rig.core.queues.find(QUEUE)!.consumers
      same([count, inFlight], [0, 0])
    }),
    { numRuns: 60, includeErrorInReport: true },
  )
  t.pass()
})

function same(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) throw new Error(`${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`)
}
