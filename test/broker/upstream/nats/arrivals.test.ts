import test from 'ava'
import type { MovedArrival } from '../../../../broker/ground/handover.ts'
import { Arrivals } from '../../../../broker/upstream/nats/arrivals.ts'
import { until } from '../../../support/until.ts'

const INBOX = '_INBOX.x'
const KIB = 1024
const NOTHING = new Uint8Array(0)

const arrival = (subject: string, bytes = 0): MovedArrival => ({ pattern: '>', group: undefined, isOwn: false, subject, reply: undefined, headers: undefined, payload: new Uint8Array(bytes) })

interface Rig {
  readonly arrivals: Arrivals
  /** What was handled here. */
  readonly handled: string[]
  readonly came: (subject: string, bytes?: number, headers?: string) => void
}

function rig(maxBytes: number): Rig {
  const handled: string[] = []
  const arrivals = new Arrivals({
    incoming: { message: (_sid, _isQ, subject) => void handled.push(subject), moved: ({ subject }) => void handled.push(subject), isEcho: (group, headers) => group === undefined && headers !== undefined && Buffer.from(headers).includes('me') },
    interest: { wanted: sid => (sid === 1 ? { sid, pattern: '>', tokens: ['>'], group: undefined, isOwn: false } : undefined) },
    inbox: INBOX,
    maxBytes,
    isKeeping: true,
  })
  return { arrivals, handled, came: (subject, bytes = 0, headers) => arrivals.came(false, 1, subject, undefined, headers === undefined ? undefined : Buffer.from(headers), bytes === 0 ? NOTHING : new Uint8Array(bytes)) }
}

const named = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `n${i + from}`)

test('arrivals: what came to the process before is handled in front of what came here, and then what comes at once', t => {
  const { arrivals, handled, came } = rig(KIB * KIB)
  came('b')
  arrivals.cameBefore([arrival('a')])
  t.deepEqual(handled, [])
  t.is(arrivals.goOn(), 0)
  t.deepEqual(handled, ['a', 'b'])
  came('c')
  arrivals.cameBefore([arrival('d')])
  t.deepEqual(handled, ['a', 'b', 'c', 'd'])
})

test('arrivals: small messages have a bound too, here and of the process before, and one that is lost takes no room', t => {
  const { arrivals, handled, came } = rig(3 * KIB)
  came('large', 3 * KIB)
  for (const name of named(1000)) came(name)
  // Many more than a call takes arguments.
  arrivals.cameBefore(named(200_000).map(name => arrival(name)))
  const lost = arrivals.goOn()
  t.is(handled.length + lost, 201_001)
  // 3 KiB of 256 bytes and a name each, twice.
  t.is(handled.length, 22)
  t.is(handled.filter(name => name === 'n0').length, 2)
  t.is(arrivals.goOn(), 0, 'those are told once')
})

test('arrivals: what is passed on goes piece by piece, as the other process takes it, in order, and what there is no room for meanwhile is told', async t => {
  const { arrivals, handled, came } = rig(300 * KIB)
  for (const name of named(1000)) came(name)
  const passed: string[] = []
  let [pieces, take] = [0, (): void => {}]
  arrivals.forwardTo(piece => {
    t.true(piece.length <= 256)
    pieces++
    passed.push(...piece.map(({ subject }) => subject))
    return new Promise(resolve => (take = resolve))
  })
  t.is(pieces, 1, 'the next one waits')
  came('large', 299 * KIB)
  came('n1000')
  came('mine', 0, 'me')
  let lost: number | undefined
  void arrivals.passedOn(60_000).then(count => (lost = count))
  await until(() => {
    take()
    return lost !== undefined
  })
  t.deepEqual(passed, named(1001))
  t.is(lost, 1)
  t.deepEqual(handled, [])
})

test('arrivals: another process that takes nothing is not waited for', async t => {
  const { arrivals, came } = rig(KIB * KIB)
  for (const name of named(1000)) came(name)
  arrivals.forwardTo(() => new Promise(() => {}))
  t.is(await arrivals.passedOn(1), 1000 - 256)
})
