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
  t.deepEqual(series.map(({ name }) => name).toSorted(), ['connections', 'messages_accepted_total', 'messages_rejected_total'])
  t.like(series.find(({ name }) => name === 'connections'), { kind: 'gauge', value: 1, peak: 1 })
})

test('sampler: a metric that there is not is refused with those that there are', async t => {
  const client = rigWithView().native()
  const error = (await call(client, 'history', { periodMs: 1000, metrics: ['message'] })) as unknown as { message: string }
  t.regex(error.message, /no metric "message"; there are .*deliveries.*messages/)
})

test('sampler: health looks back a minute, so a loss is not told for ever', async t => {
  const rig = rigWithView()
  await rig.advance(100)
  const client = rig.native()
  await rig.advance(1000)
  rig.core.accounts.outside.dropped['slow-consumer'] += 4
  rig.core.accounts.outside.deliveries += 4
  const bus = async () => (await call(client, 'health', {})).parts.find(({ part }) => part === 'bus')!
  t.like(await bus(), { state: 'warn', text: 'lost in the last minute: 4 slow-consumer' })
  await rig.advance(1000)
  t.like(rig.log.records.find(({ text }) => text === 'messages dropped'), { level: 'warn', fields: { channel: 'none', reason: 'slow-consumer', count: 4 } })
  await rig.advance(65_000)
  t.like(await bus(), { state: 'ok' })
})
