import { decode, encode } from '@msgpack/msgpack'
import test from 'ava'
import type { ApiAnswer, ApiMethod, ApiParams } from '../../broker/ground/api.ts'
import { Kind, PayloadType } from '../../broker/wire/layout.ts'
import { settle } from '../support/fake-clock.ts'
import type { NativeClient } from '../support/memory-client.ts'
import { rigWithView } from '../support/pipeline-view.ts'

async function call<M extends ApiMethod>(client: NativeClient, method: M, params: ApiParams<M>): Promise<ApiAnswer<M>> {
  const id = client.send({ kind: Kind.request, flags: PayloadType.msgpack, subject: `$CB.api.${method}`, payload: encode(params) })
  await settle()
  return decode(client.frames().find(({ ref }) => ref === id)!.payload) as ApiAnswer<M>
}

test('sampler: history tells growth per second of what was published, second by second', async t => {
  const rig = rigWithView()
  await rig.advance(100)
  const client = rig.native()
  for (let second = 0; second < 10; second++) {
    for (let n = 0; n <= second; n++) client.publish('events.x')
    await rig.advance(1000)
  }
  const { coversMs, resolutionMs, series } = await call(client, 'history', { periodMs: 5000, metrics: ['messages', 'connections'], points: 5 })
  t.is(resolutionMs, 1000)
  t.true(coversMs >= 5000 && coversMs < 6100, String(coversMs))
  const accepted = series.find(({ name }) => name === 'messages_accepted_total')!
  t.is(accepted.points.reduce((sum, each) => sum + each), accepted.value)
  // The last five seconds, and at most the one in which they begin.
  t.true(accepted.value >= 6 + 7 + 8 + 9 + 10 && accepted.value <= 5 + 6 + 7 + 8 + 9 + 10, String(accepted.value))
  t.is(accepted.rate, (accepted.value * 1000) / coversMs)
  t.deepEqual(series.map(({ name }) => name).toSorted(), ['connections', 'messages_accepted_total', 'messages_duplicate_total', 'messages_rejected_total'])
  t.like(series.find(({ name }) => name === 'connections'), { kind: 'gauge', value: 1, peak: 1 })
})

test('sampler: a metric that there is not is refused with those that there are', async t => {
  const client = rigWithView().native()
  const error = (await call(client, 'history', { periodMs: 1000, metrics: ['message'] })) as unknown as { message: string }
  t.regex(error.message, /no metric "message"; there are .*deliveries.*messages/)
})

test('sampler: a loss is in the log, and health tells it for a minute', async t => {
  const rig = rigWithView({ ipc: { limits: { maxPendingBytes: 64 * 1024, stallMs: 100, overflow: 'drop-newest' } } })
  await rig.advance(100)
  const [receiver, feeder, watcher] = [rig.native({ client: 'slow' }), rig.native(), rig.native()]
  receiver.subscribe(1, 'a')
  receiver.frames()
  receiver.link.kernelBytes = 0
  await rig.advance(1000)
  const fill = (): void => {
    for (let n = 0; n < 100; n++) {
      feeder.publish('a', new Uint8Array(1000))
      feeder.turn()
    }
  }
  fill()
  await rig.advance(200)
  fill()
  const lost = receiver.connection.outbound.dropped!.overflow
  t.true(lost > 0)
  const bus = async () => (await call(watcher, 'health', {})).parts.find(({ part }) => part === 'bus')!
  t.like(await bus(), { state: 'warn', text: `lost in the last minute: ${lost} overflow` })
  await rig.advance(1000)
  t.like(rig.log.records.find(({ text }) => text === 'messages dropped'), { level: 'warn', fields: { client: 'slow', reason: 'overflow', count: lost, total: lost } })
  await rig.advance(65_000)
  t.like(await bus(), { state: 'ok' })
})

test('sampler: what waited for a receiver that leaves is said when it leaves', async t => {
  const rig = rigWithView()
  const [receiver, feeder] = [rig.native({ client: 'slow' }), rig.native()]
  receiver.subscribe(1, 'a')
  receiver.frames()
  receiver.link.kernelBytes = 0
  feeder.publish('a')
  feeder.turn()
  receiver.link.hangUp()
  rig.turn()
  t.like(rig.log.records.find(({ text }) => text === 'messages dropped'), { level: 'info', fields: { client: 'slow', reason: 'actor-gone', count: 1 } })
})
