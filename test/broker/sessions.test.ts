import test from 'ava'
import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { Trace } from '../../broker/trace.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { codeOf, type NativeClient, type ReceivedFrame } from '../support/memory-client.ts'
import { OWNER_TOKEN, PipelineRig } from '../support/pipeline.ts'

const SESSION_BYTES = 64 * 1024

interface Welcome {
  readonly origin: number
  readonly client: string
  readonly session: string
  readonly secret?: string
  readonly sessionTtlMs?: number
  readonly resumed?: boolean
  readonly lastId?: number
  readonly lost?: number
}

/** The program behind a session: it counts what it gets, and comes back when its link breaks. */
class Returning {
  readonly rig: PipelineRig
  client!: NativeClient
  welcome!: Welcome
  received = 0
  readonly frames: ReceivedFrame[] = []

  constructor(rig: PipelineRig, hello: object = {}) {
    this.rig = rig
    this.#join({ sessionTtlMs: 10_000, ...hello })
  }

  /** Reads what is there; at most `bytes` of it. */
  read(bytes = Infinity): void {
    this.rig.turn()
    this.#take(this.client.parse(this.client.link.read(bytes)))
    this.rig.turn()
  }

  /** All that comes. */
  readAll(): ReceivedFrame[] {
    this.#take(this.client.frames())
    return this.frames
  }

  ack(): void {
    this.client.send({ kind: Kind.ack, payload: encode({ received: this.received }) })
    this.rig.turn()
  }

  lose(): void {
    this.client.link.hangUp()
    this.rig.turn()
  }

  resume(hello: object = {}): void {
    const { session, secret } = this.welcome
    this.#join({ sessionTtlMs: 10_000, resume: { session, secret, received: this.received }, ...hello })
  }

  #take(frames: readonly ReceivedFrame[]): void {
    this.received += frames.length
    this.frames.push(...frames)
  }

  #join(hello: object): void {
    const client = this.rig.link()
    client.control(Kind.hello, 0, { auth: { token: OWNER_TOKEN }, ...hello })
    const [welcome, ...more] = client.frames()
    if (welcome?.kind !== Kind.welcome) throw new Error(`expected a welcome, got ${JSON.stringify(welcome?.body)}`)
    this.client = client
    this.welcome = welcome.body as Welcome
    if (this.welcome.resumed !== true) this.received = 0
    else client.continueAbove(this.welcome.lastId!)
    this.#take(more)
  }
}

const rigWith = (limits: object = {}): PipelineRig => new PipelineRig({ ipc: { limits: { sessionBytes: SESSION_BYTES, sessionTtlMs: 5000, ...limits } } })
const ids = (frames: readonly ReceivedFrame[]): number[] => frames.filter(({ kind }) => kind === Kind.publish).map(({ id }) => id)

test('sessions: one that was granted goes on over a new link, with all that it missed', async t => {
  const rig = rigWith()
  const subscriber = new Returning(rig)
  t.is(subscriber.welcome.sessionTtlMs, 5000, 'no longer than the configuration allows')
  subscriber.client.subscribe(1, 'a')
  subscriber.readAll()
  const sender = rig.native()
  const first = sender.nextId
  sender.publish('a')
  subscriber.readAll()
  const { origin, client, session } = subscriber.welcome
  subscriber.lose()
  t.is(rig.core.directory.size, 2, 'it is still there')
  t.is(rig.core.directory.client(client)!.state, 'detached')
  sender.publish('a')
  sender.publish('a')
  await rig.advance(4000)
  t.is(rig.core.accounts.totals().pending, 2)
  subscriber.resume()
  t.like(subscriber.welcome, { origin, client, session, resumed: true, lost: 0 })
  sender.publish('a')
  t.deepEqual(ids(subscriber.readAll()), [first, first + 1, first + 2, first + 3])
  const totals = rig.core.accounts.totals()
  t.deepEqual([totals.pending, totals.balanced, totals.written], [0, true, 4])
  t.deepEqual(rig.events.filter(([, event]) => event === 'detached' || event === 'resumed').map(([, event]) => event), ['detached', 'resumed'])
})

test('sessions: what waited for one is traced with the time at which it left, not at which it came', async t => {
  const rig = rigWith()
  const trace = new Trace(rig.core)
  const subscriber = new Returning(rig)
  subscriber.client.subscribe(1, 'a')
  subscriber.readAll()
  subscriber.lose()
  const sender = rig.native()
  const name = `${sender.connection.number}.${sender.publish('a')}`
  rig.turn()
  await rig.advance(3000)
  t.is((await trace.show({ limit: 1, messageId: name })).entries[0]!.fate, 'pending')
  subscriber.resume()
  subscriber.readAll()
  const [entry] = (await trace.show({ limit: 1, messageId: name })).entries
  t.is(entry!.fate, 'written')
  t.true(entry!.steps.written! >= 3_000_000, `${entry!.steps.written} µs`)
  t.is((await trace.show({ limit: 9, slowMs: 2000 })).entries.length, 1)
})

test('sessions: what was written and never arrived is sent again, unless it was confirmed', t => {
  const rig = rigWith()
  const subscriber = new Returning(rig)
  subscriber.client.subscribe(1, 'a')
  subscriber.readAll()
  const sender = rig.native()
  const first = sender.nextId
  for (let i = 0; i < 10; i++) sender.publish('a', new Uint8Array(59))
  rig.turn()
  t.is(rig.core.accounts.totals().written, 10, 'the kernel has them')
  subscriber.read(350)
  t.true(ids(subscriber.frames).length < 10)
  subscriber.ack()
  subscriber.lose()
  subscriber.resume()
  t.deepEqual(ids(subscriber.readAll()), Array.from({ length: 10 }, (_, i) => first + i))
  t.is(rig.core.accounts.totals().written, 10, 'none is accounted twice')
})

test('sessions: past the bound the oldest are lost, counted and told', t => {
  const rig = rigWith()
  const subscriber = new Returning(rig)
  subscriber.client.subscribe(1, 'a')
  subscriber.readAll()
  subscriber.lose()
  const sender = rig.native()
  const first = sender.nextId
  for (let i = 0; i < 100; i++) {
    sender.publish('a', new Uint8Array(2000))
    rig.turn()
    t.false(sender.link.isPaused, 'nobody waits for a session without a link')
  }
  subscriber.resume()
  const got = ids(subscriber.readAll())
  const lost = 100 - got.length
  t.true(lost > 50 && got.length > 10)
  t.deepEqual(got, Array.from({ length: got.length }, (_, i) => first + lost + i))
  t.is(subscriber.welcome.lost, lost)
  t.like(subscriber.frames.find(({ kind }) => kind === Kind.gap)!.body, { reason: 'overflow', count: lost })
  t.is(rig.core.accounts.totals().dropped.overflow, lost)
})

test('sessions: when the time is over it is gone, and what waited is dropped as link-down', async t => {
  const rig = rigWith()
  const subscriber = new Returning(rig)
  subscriber.client.subscribe(1, 'a')
  subscriber.readAll()
  subscriber.lose()
  const sender = rig.native()
  sender.publish('a')
  await rig.advance(5100)
  t.is(rig.core.directory.size, 1)
  t.is(rig.core.accounts.totals().dropped['link-down'], 1)
  const { session } = subscriber.welcome
  subscriber.resume()
  t.like(subscriber.welcome, { resumed: false })
  t.not(subscriber.welcome.session, session)
  t.is(rig.core.endingConnections, 0)
})

test('sessions: a goodbye ends one; so does a new connection of the same client without the secret', async t => {
  const rig = rigWith()
  const leaving = new Returning(rig, { client: 'leaving' })
  leaving.client.control(Kind.goodbye, 0)
  await rig.advance(1100)
  leaving.resume()
  t.like(leaving.welcome, { resumed: false })
  const taken = new Returning(rig, { client: 'taken' })
  taken.lose()
  const other = rig.native({ client: 'taken' })
  t.is(rig.core.directory.client('taken'), other.connection)
  taken.resume({ client: 'taken-2' })
  t.like(taken.welcome, { resumed: false })
})

test('sessions: a wrong secret and another principal resume nothing, and learn nothing', t => {
  const rig = rigWith()
  rig.addPrincipal({ name: 'thief' }, 'lockpick')
  const owner = new Returning(rig)
  owner.lose()
  const { session, secret } = owner.welcome
  for (const hello of [{ resume: { session, secret: 'f'.repeat(32), received: 0 } }, { principal: 'thief', auth: { token: 'lockpick' }, resume: { session, secret, received: 0 } }]) {
    const client = rig.link()
    client.control(Kind.hello, 0, { auth: { token: OWNER_TOKEN }, ...hello })
    t.like(client.frames()[0]!.body, { resumed: false })
  }
  owner.resume()
  t.like(owner.welcome, { resumed: true })
})

test('sessions: one that falls silent has lost its link, not its session', async t => {
  const rig = rigWith({ heartbeatMs: 100, sessionTtlMs: 60_000 })
  const silent = new Returning(rig, { heartbeatMs: 100 })
  silent.client.subscribe(1, 'a')
  silent.readAll()
  for (let i = 0; i < 5; i++) await rig.advance(110)
  t.true(silent.client.link.isClosed)
  const sender = rig.native()
  const id = sender.publish('a')
  silent.resume({ heartbeatMs: 100 })
  t.like(silent.welcome, { resumed: true })
  t.deepEqual(ids(silent.readAll()), [id])
})

test('sessions: a link that is taken over before the broker saw the old one die', t => {
  const rig = rigWith()
  const subscriber = new Returning(rig)
  subscriber.client.subscribe(1, 'a')
  subscriber.readAll()
  const old = subscriber.client.link
  subscriber.resume()
  t.true(old.isClosed)
  rig.turn()
  const sender = rig.native()
  sender.publish('a')
  t.is(ids(subscriber.readAll()).length, 1)
  t.is(rig.core.directory.size, 2)
})

test('sessions: its own requests stay open while it is away, and their answers wait for it', async t => {
  const rig = rigWith()
  const [responder, requester] = [rig.native(), new Returning(rig)]
  responder.subscribe(1, 'work')
  responder.frames()
  const id = requester.client.send({ kind: Kind.request, subject: 'work', to: 4000, payload: encode(1) })
  rig.turn()
  requester.lose()
  const [request] = responder.messages()
  responder.send({ kind: Kind.response, to: request!.origin, ref: request!.id, subject: 'work', payload: encode(2) })
  rig.turn()
  await rig.advance(1000)
  requester.resume()
  t.like(requester.readAll().find(({ kind }) => kind === Kind.response), { ref: id })
})

test('sessions: whoever waits for an answer of one is told at once that it left, and asks nobody without a link', t => {
  const rig = rigWith()
  const [responder, requester] = [new Returning(rig), rig.native()]
  responder.client.subscribe(1, 'work')
  responder.client.subscribe(2, 'work', { group: 'g' })
  responder.readAll()
  const ask = (): string[] => {
    requester.send({ kind: Kind.request, subject: 'work', payload: encode(1) })
    rig.turn()
    return requester.frames().filter(({ kind }) => kind === Kind.error).map(codeOf)
  }
  t.deepEqual(ask(), [])
  responder.lose()
  t.deepEqual(requester.frames().map(codeOf), ['request.responder_gone'])
  t.deepEqual(ask(), ['request.no_responders'])
  responder.resume()
  t.deepEqual(ask(), [])
})

test('sessions: a group gives its messages to members with a link, and to one without when it has no others', t => {
  const rig = rigWith()
  const [away, here] = [new Returning(rig), rig.native()]
  for (const client of [away.client, here]) client.subscribe(1, 'work', { group: 'g' })
  away.readAll()
  here.frames()
  away.lose()
  const sender = rig.native()
  for (let i = 0; i < 4; i++) sender.publish('work')
  t.is(here.messages().length, 4)
  here.link.hangUp()
  rig.turn()
  sender.publish('work')
  away.resume()
  t.is(away.readAll().filter(({ kind }) => kind === Kind.grouped).length, 1)
})

test('sessions: a malformed ack is refused by name, one without a session passed over', t => {
  const rig = rigWith()
  const client = rig.native()
  client.control(Kind.ack, 0, { received: 'many' })
  t.is(codeOf(client.frames().at(-1)!), 'frame.malformed')
  client.control(Kind.ack, 0, { received: 7 })
  t.deepEqual(client.frames(), [])
})

test('sessions: wherever links break, every message comes once, in order, or is told as lost', async t => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 30 }), bytes: fc.integer({ min: 0, max: 1500 }) }),
    fc.record({ kind: fc.constant('read' as const), bytes: fc.integer({ min: 1, max: 4000 }) }),
    fc.record({ kind: fc.constant('kernel' as const), bytes: fc.integer({ min: 0, max: 20_000 }) }),
    fc.constant({ kind: 'ack' as const }),
    fc.constant({ kind: 'lose' as const }),
    fc.constant({ kind: 'resume' as const }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
      const rig = rigWith({ overflow: 'drop-oldest' })
      const subscriber = new Returning(rig)
      subscriber.client.subscribe(1, 'a')
      subscriber.readAll()
      const sender = rig.native()
      const first = sender.nextId
      let isAway = false
      const comeBack = (): void => {
        if (isAway) subscriber.resume()
        isAway = false
      }
      for (const each of steps) {
        if (each.kind === 'publish') for (let i = 0; i < each.count; i++) sender.publish('a', new Uint8Array(each.bytes))
        else if (each.kind === 'resume') comeBack()
        else if (isAway) continue
        else if (each.kind === 'read') subscriber.read(each.bytes)
        else if (each.kind === 'kernel') subscriber.client.link.kernelBytes = each.bytes
        else if (each.kind === 'ack') subscriber.ack()
        else {
          subscriber.lose()
          isAway = true
        }
        rig.turn()
        t.true(rig.core.accounts.totals().balanced)
      }
      comeBack()
      subscriber.client.link.kernelBytes = Infinity
      let next = first
      for (const { kind, id, body } of subscriber.readAll()) {
        if (kind === Kind.gap) next += (body as { count: number }).count
        else if (kind === Kind.publish) t.is(id, next++)
      }
      t.is(next, sender.nextId)
      t.is(rig.core.accounts.totals().pending, 0)
    }),
    { numRuns: 100 },
  )
})
