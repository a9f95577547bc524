import test from 'ava'
import { Deadlines } from '../../../../broker/ground/deadlines.ts'
import { BrokerError } from '../../../../broker/ground/errors.ts'
import { parseServerAddress } from '../../../../broker/ground/nats-address.ts'
import { ServerSearch } from '../../../../broker/upstream/nats/server-search.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { recordedLog } from '../../../support/recorded-log.ts'

interface Rig {
  readonly search: ServerSearch
  readonly clock: FakeClock
  readonly tried: string[]
  readonly edges: string[]
  /** Ends the try that is under way. */
  readonly settle: (isJoined: boolean) => Promise<void>
}

function rig(): Rig {
  const clock = new FakeClock()
  const [tried, edges]: [string[], string[]] = [[], []]
  let end = (_isJoined: boolean): void => {}
  const search = new ServerSearch({
    servers: () => ['a', 'b'].map(parseServerAddress),
    joinAt: ({ host }) => {
      tried.push(host)
      return new Promise((resolve, reject) => (end = isJoined => (isJoined ? resolve() : reject(new BrokerError('bus.unreachable', { server: host, problem: 'test' })))))
    },
    deadlines: new Deadlines(clock, { onError: error => { throw error } }),
    backoffMs: failures => failures * 1000,
    log: recordedLog(),
    onRefused: () => void edges.push('refused'),
    onRetry: () => void edges.push('retry'),
  })
  return { search, clock, tried, edges, settle: async isJoined => {
    end(isJoined)
    await clock.advance(0)
  } }
}

test('server search: servers are tried one after the other, and again when the backoff is over', async t => {
  const { search, clock, tried, edges, settle } = rig()
  search.begin()
  await settle(false)
  await settle(false)
  t.deepEqual([tried, edges], [['a', 'b'], ['refused']])
  await clock.advance(1100)
  t.deepEqual([tried, edges], [['a', 'b', 'a'], ['refused', 'retry']])
  await settle(true)
  search.joined()
  await clock.advance(60_000)
  t.is(tried.length, 3)
})

test('server search: while it is held no server is tried, neither after a loss nor when the backoff is over, and then at once', async t => {
  const { search, clock, tried, edges, settle } = rig()
  search.begin()
  await settle(false)
  await settle(false)
  search.hold()
  await clock.advance(60_000)
  t.deepEqual([tried, edges], [['a', 'b'], ['refused']])
  search.goOn(false)
  t.deepEqual([tried, edges], [['a', 'b', 'a'], ['refused', 'retry']])
  await settle(true)
  search.joined()
  search.hold()
  search.lost('gone', false)
  await clock.advance(60_000)
  t.is(tried.length, 3)
  search.goOn(false)
  t.deepEqual([tried, edges], [['a', 'b', 'a', 'a'], ['refused', 'retry']])
})

test('server search: a try that was under way when it was held is the last, and goes on where it is not held any more', async t => {
  const { search, tried, edges, settle } = rig()
  search.begin()
  search.hold()
  search.goOn(false)
  t.deepEqual(tried, ['a'], 'one at a time')
  search.hold()
  await settle(false)
  t.deepEqual([tried, edges], [['a'], []])
  search.goOn(true)
  t.deepEqual(tried, ['a'], 'it is joined')
})
