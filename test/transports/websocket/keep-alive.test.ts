import test from 'ava'
import { Deadlines } from '../../../broker/ground/deadlines.ts'
import type { Deflation } from '../../../transports/websocket/deflation.ts'
import { KeepAlive } from '../../../transports/websocket/keep-alive.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { until } from '../../support/until.ts'
import { clientFrame, PING, PONG, TEXT } from '../../support/websocket-frames.ts'
import { WebSocketRig } from '../../support/websocket-rig.ts'

interface Watched {
  readonly clock: FakeClock
  readonly rigs: readonly WebSocketRig[]
  readonly watch: KeepAlive
}

function watched(count: number, times = { pingIntervalMs: 30_000, pingTimeoutMs: 10_000 }, options: ConstructorParameters<typeof WebSocketRig>[0] = {}): Watched {
  const clock = new FakeClock()
  const rigs = Array.from({ length: count }, () => new WebSocketRig(options))
  for (const { link } of rigs) link.resume()
  const deadlines = new Deadlines(clock, { onError: error => { throw error } })
  const watch = new KeepAlive(rigs.map(({ link }) => link), times, deadlines)
  watch.start()
  return { clock, rigs, watch }
}

const pings = (rig: WebSocketRig): number => rig.sent().filter(({ opcode }) => opcode === PING).length

test('websocket keep-alive: a silent link is pinged after the interval, and stale after the time-out', async t => {
  const { clock, rigs } = watched(2)
  const [silent, answering] = rigs as [WebSocketRig, WebSocketRig]
  await clock.advance(29_000)
  t.is(pings(silent), 0)
  await clock.advance(6000)
  t.deepEqual([pings(silent), pings(answering)], [1, 1])
  answering.arrive(clientFrame({ opcode: PONG }))
  await clock.advance(11_000)
  t.is(silent.problem?.code, 'connection.stale')
  t.is(pings(silent), 1)
  t.is(answering.problem, undefined)
  // It is asked again, as often as it takes.
  await clock.advance(30_000)
  t.is(pings(answering), 2)
})

test('websocket keep-alive: any byte is a sign of life', async t => {
  const { clock, rigs } = watched(1)
  for (let i = 0; i < 20; i++) {
    await clock.advance(20_000)
    rigs[0]!.arrive(Buffer.from(clientFrame({ payload: Buffer.alloc(50) }).subarray(i, i + 1)))
  }
  t.is(pings(rigs[0]!), 0)
  t.is(rigs[0]!.problem, undefined)
})

test('websocket keep-alive: whom the broker does not read is neither pinged nor stale, and has its whole time afterwards', async t => {
  const { clock, rigs } = watched(1)
  const [rig] = rigs as [WebSocketRig]
  rig.link.pause()
  await clock.advance(300_000)
  t.is(pings(rig), 0)
  rig.link.resume()
  await clock.advance(29_000)
  t.is(pings(rig), 0)
  await clock.advance(4000)
  t.is(pings(rig), 1)
  t.is(rig.problem, undefined)
})

test('websocket keep-alive: who is not read until what came is inflated is neither pinged nor stale, and has its whole time afterwards', async t => {
  const inflating: ((error: null, bytes: Buffer) => void)[] = []
  const decompress = (_bytes: Uint8Array, _isLast: boolean, done: (error: null, bytes: Buffer) => void): void => void inflating.push(done)
  const deflation = { incoming: () => ({ 'permessage-deflate': { decompress } }) } as unknown as Deflation
  const { clock, rigs } = watched(1, undefined, { isAdmitted: true, deflation })
  const [rig] = rigs as [WebSocketRig]
  rig.arrive(clientFrame({ opcode: TEXT, payload: 'x'.repeat(100_000), rsv: 4 }))
  await clock.advance(300_000)
  t.deepEqual([inflating.length, pings(rig), rig.problem], [1, 0, undefined])
  inflating[0]!(null, Buffer.from('{}'))
  await until(() => rig.messages.length === 1 && !rig.link.isUnread)
  await clock.advance(29_000)
  t.is(pings(rig), 0)
  await clock.advance(4000)
  t.is(pings(rig), 1)
  t.is(rig.problem, undefined)
})

test('websocket keep-alive: 0 is never, and nothing is looked at after its end', async t => {
  const never = watched(1, { pingIntervalMs: 0, pingTimeoutMs: 10_000 })
  await never.clock.advance(1_000_000)
  t.is(pings(never.rigs[0]!), 0)
  const ended = watched(1)
  ended.watch.stop()
  await ended.clock.advance(1_000_000)
  t.is(pings(ended.rigs[0]!), 0)
})
