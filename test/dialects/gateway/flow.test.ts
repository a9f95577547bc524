import test from 'ava'
import { PipelineRig } from '../../support/pipeline.ts'

test('gateway flow: a receipt of delivery comes when the fates are known, as the res of its publish', t => {
  const rig = new PipelineRig()
  const [client, receiver] = [rig.gateway(), rig.native()]
  receiver.subscribe(1, 'a')
  receiver.frames()
  receiver.link.kernelBytes = 0
  t.deepEqual(client.call('p', 'publish', { subject: 'a', payload: 1, receipt: 'delivered' }), [])
  t.like(client.call('p', 'publish', { subject: 'a' })[0], { ok: false, error: { code: 'request.id_open' } })
  receiver.link.kernelBytes = Infinity
  t.is(receiver.messages().length, 1)
  t.like(client.lines()[0], { type: 'res', id: 'p', ok: true, payload: { receivers: 1, written: 1 } })
  client.send({ type: 'event', id: 'e', subject: 'a', payload: 2, receipt: 'delivered' })
  receiver.messages()
  t.like(client.lines()[0], { type: 'receipt', ref: 'e', payload: { receivers: 1, written: 1 } })
})

test('gateway flow: what a receiver lost is told as an event where it is missing', async t => {
  const rig = new PipelineRig({ ipc: { limits: { maxPendingBytes: 128 * 1024, stallMs: 200 } } })
  const [client, sender] = [rig.gateway({ flow: { overflow: 'drop-oldest' } }), rig.native()]
  client.call(1, 'subscribe', { subject: 'a' })
  client.link.kernelBytes = 0
  for (let i = 0; i < 100; i++) {
    sender.publish('a', new Uint8Array(3000))
    sender.turn()
    if (sender.link.isPaused) await rig.advance(220)
  }
  client.link.kernelBytes = Infinity
  const lines = client.lines()
  const gaps = lines.filter(({ event }) => event === 'gap')
  t.is(gaps.length, 1)
  t.like(gaps[0], { type: 'event', payload: { reason: 'overflow', ranges: [{ origin: sender.connection.number, subject: 'a' }], more: false } })
  const { count } = gaps[0]!['payload'] as { count: number }
  t.true(count > 0)
  t.is(count + lines.filter(({ event }) => event === 'a').length, 100)
})

test('gateway flow: what is too old when its turn comes is not delivered', async t => {
  const rig = new PipelineRig()
  const [client, sender] = [rig.gateway(), rig.gateway()]
  client.call(1, 'subscribe', { subject: 'a' })
  client.link.kernelBytes = 0
  t.like(sender.call(1, 'publish', { subject: 'a', payload: 'first' })[0], { ok: true })
  t.like(sender.call(2, 'publish', { subject: 'a', payload: 'old', ttl: 50 })[0], { ok: true })
  await rig.advance(100)
  client.link.kernelBytes = Infinity
  const lines = client.lines()
  t.deepEqual(lines.filter(({ event }) => event === 'a').map(({ payload }) => payload), ['first'])
  t.is(rig.core.accounts.totals().dropped['expired'], 1)
})

test('gateway flow: a kind that only the broker sends is none that a client may', t => {
  const client = new PipelineRig().gateway()
  for (const type of ['gap', 'credit', 'ok', 'receipt', 'end', 'welcome']) {
    client.send({ type, id: type })
    t.like(client.lines()[0], { type: 'res', id: type, ok: false, error: { code: 'envelope.malformed' } })
  }
})
