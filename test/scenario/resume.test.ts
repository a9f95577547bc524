// A connection breaks, not the broker: the session goes on, and nobody can tell from what came.

import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import type { Client, ConnectOptions, Gap } from '../../client/index.ts'
import { startBroker, startBrokerProcess, type BrokerAccess } from '../support/broker.ts'
import { BreakablePath } from '../support/breakable-path.ts'
import { values } from '../support/collect.ts'
import { nextEvent } from '../support/scripted-client.ts'
import { until } from '../support/until.ts'

const BACK_SOON = { sessionTtlMs: 60_000, retry: { maxRetries: Infinity, retryDelayMs: 2, backoffMultiplier: 1 } }

interface Broken {
  readonly path: BreakablePath
  readonly client: Client
}

type Breakable = (t: ExecutionContext, broker: BrokerAccess, options?: ConnectOptions) => Promise<Broken>

const transports: Record<'the Unix socket' | 'WebSocket', Breakable> = {
  'the Unix socket': async (t, broker, options) => {
    const { path, socket } = await BreakablePath.toSocket(t, broker.socket)
    return { path, client: await broker.connect({ ...BACK_SOON, ...options, socket }) }
  },
  WebSocket: async (t, broker, options) => {
    const { path, url } = await BreakablePath.toGateway(t, broker.gateway)
    return { path, client: await broker.connect({ ...BACK_SOON, ...options, url, token: broker.token }) }
  },
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

for (const [transport, breakable] of Object.entries(transports)) {
  test(`resume: over ${transport}, a stream both ways survives cut after cut: nothing lost, nothing twice, in order`, async t => {
    const broker = await startBroker(t)
    const { path, client } = await breakable(t, broker)
    const steady = await broker.connect()
    const count = 3000
    const up: number[] = []
    const down: number[] = []
    const asked: number[] = []
    let cuts = 0
    await steady.subscribe<{ n: number }>('up', { onMessage: ({ value }) => void up.push(value.n) }).ready
    await steady.subscribe<number>('ask', {
      onMessage: async message => {
        asked.push(message.value)
        await message.respond(message.value * 2)
      },
    }).ready
    await client.subscribe<{ n: number }>('down', {
      onMessage: ({ value }) => {
        down.push(value.n)
        if (down.length % 400 === 0) {
          cuts++
          path.cut()
        }
      },
    }).ready
    client.on('reconnected', ({ resumed }) => t.true(resumed === true))
    client.on('resumed', ({ lost }) => t.is(lost, 0))
    client.on('error', error => t.fail(error.message))
    const padding = 'x'.repeat(500)
    const sendDown = async (): Promise<void> => {
      for (const n of numbers(count)) {
        await steady.publish('down', { n, padding })
        // What a session keeps has a bound; this story stays within it.
        if (n % 100 === 99) await until(() => down.length > n - 500)
      }
    }
    const sendUp = async (): Promise<void> => {
      for (const n of numbers(count)) {
        await client.publish('up', { n, padding })
        if (n % 100 === 99) await until(() => up.length > n - 500)
      }
    }
    const ask = async (): Promise<number[]> => {
      const answers: number[] = []
      for (const n of numbers(200)) answers.push((await client.request<number>('ask', n, { timeoutMs: 30_000 })).value)
      return answers
    }
    const [answers] = await Promise.all([ask(), sendDown(), sendUp()])
    await until(() => up.length >= count && down.length >= count)
    t.deepEqual(up, numbers(count))
    t.deepEqual(down, numbers(count))
    t.deepEqual(asked, numbers(200), 'each request was handled once')
    t.deepEqual(answers, numbers(200).map(n => n * 2))
    t.true(cuts >= 7)
    t.true((await steady.call('stats')).balanced)
  })
}

test('resume: wherever in the bytes a connection breaks, nothing is lost or comes twice', async t => {
  const broker = await startBroker(t)
  const steady = await broker.connect()
  let breakCount = 0
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.values(transports)), fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 6 }), async (breakable, breaks) => {
      const { path, client } = await breakable(t, broker)
      const [up, down]: [number[], number[]] = [[], []]
      const heard = steady.subscribe<{ n: number }>('up', { onMessage: ({ value }) => void up.push(value.n) })
      const own = client.subscribe<{ n: number }>('down', { onMessage: ({ value }) => void down.push(value.n) })
      await Promise.all([heard.ready, own.ready])
      const later = breaks.slice(1)
      path.cutAfter(breaks[0]!)
      client.on('resumed', () => {
        breakCount++
        const next = later.shift()
        if (next !== undefined) path.cutAfter(next)
      })
      client.on('reconnected', ({ resumed }) => t.true(resumed === true))
      client.on('error', error => t.fail(error.message))
      for (const n of numbers(500)) {
        const message = { n, padding: 'x'.repeat(n % 300) }
        await Promise.all([client.publish('up', message), steady.publish('down', message)])
      }
      await until(() => up.length >= 500 && down.length >= 500)
      t.deepEqual([up, down], [numbers(500), numbers(500)])
      await client.close()
      await heard.unsubscribe()
    }),
    { numRuns: 12 },
  )
  t.true(breakCount >= 12)
})

test('resume: receipts and many answers that were on their way come after the break', async t => {
  const broker = await startBroker(t)
  const { path, client } = await transports['the Unix socket'](t, broker)
  const steady = await broker.connect()
  const held: (() => void)[] = []
  await steady.subscribe('slow', {
    onMessage: async message => {
      await new Promise<void>(resolve => held.push(resolve))
      await message.part('one')
      await message.respond('two')
    },
  }).ready
  const stream = client.stream('slow', undefined, { timeoutMs: 30_000 })
  const first = stream.next()
  await until(() => held.length === 1)
  const disconnected = nextEvent(client, 'disconnected')
  path.break()
  await disconnected
  // Answered while nobody is there to hear it.
  held[0]!()
  await steady.call('ping')
  const receipt = client.publish('nobody', 1, { receipt: true })
  path.mend()
  t.is((await first).value?.value, 'one')
  t.is((await stream.next()).value?.value, 'two')
  t.deepEqual(await receipt, { receivers: 0 })
})

test('resume: past the bound the oldest are lost, and both number and reason are told', async t => {
  const broker = await startBroker(t)
  const { path, client } = await transports['the Unix socket'](t, broker)
  const steady = await broker.connect()
  const gaps: Gap[] = []
  const down: number[] = []
  client.on('gap', gap => gaps.push(gap))
  await client.subscribe<{ n: number }>('down', { onMessage: ({ value }) => void down.push(value.n) }).ready
  const disconnected = nextEvent(client, 'disconnected')
  const resumed = nextEvent(client, 'resumed')
  path.break()
  await disconnected
  const count = 3000
  const padding = 'x'.repeat(1000)
  for (const n of numbers(count)) await steady.publish('down', { n, padding })
  await steady.publish('down', { n: count }, { receipt: true })
  path.mend()
  const { lost } = await resumed
  await until(() => down.at(-1) === count)
  t.true(lost > 0)
  t.is(gaps.reduce((sum, gap) => sum + gap.count, 0), lost)
  t.is(down.length + lost, count + 1)
  // The newest are there, in order and without a hole.
  t.deepEqual(down, numbers(count + 1).slice(lost))
})

test('resume: a broker that was killed knows no session, and says so', async t => {
  const first = await startBrokerProcess(t)
  const client = await first.connect(BACK_SOON)
  const news = client.subscribe('news')
  await news.ready
  t.true((client.welcome.sessionTtlMs ?? 0) > 0)
  const reconnected = nextEvent(client, 'reconnected')
  client.on('resumed', () => t.fail('it was not'))
  await first.end('SIGKILL')
  const second = await startBrokerProcess(t, { home: first.home })
  t.is((await reconnected).resumed, false)
  await client.call('ping')
  const other = await second.connect()
  t.deepEqual(await other.publish('news', 'again', { receipt: true }), { receivers: 1 })
  t.deepEqual(await values(news, 1), ['again'])
})

test('resume: a session whose time is over is said so, and begins anew', async t => {
  const broker = await startBroker(t)
  const { path, client } = await transports['the Unix socket'](t, broker, { sessionTtlMs: 30, clientId: 'late' })
  t.is(client.welcome.sessionTtlMs, 30)
  const news = client.subscribe('news')
  await news.ready
  const steady = await broker.connect()
  const reconnected = nextEvent(client, 'reconnected')
  path.break()
  await until(async () => (await steady.call('connections')).connections.every(({ client: id }) => id !== 'late'))
  path.mend()
  t.is((await reconnected).resumed, false)
  await client.call('ping')
  await steady.publish('news', 'anew')
  t.deepEqual(await values(news, 1), ['anew'])
})
