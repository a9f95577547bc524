import test from 'ava'
import { Flusher, type Flushable } from '../../../broker/delivery/flusher.ts'
import { outboundLimits } from '../../../broker/delivery/marks.ts'
import { settle } from '../../support/fake-clock.ts'

const limits = outboundLimits(16 * 1024 * 1024, 0, 'disconnect')

function flushable(onFlush: () => void): Flushable {
  const flush = (): boolean => {
    onFlush()
    return true
  }
  return { flush, hold: () => {} }
}

test('flusher: everything of a turn is flushed once, when the turn ends', async t => {
  const flushed: string[] = []
  const times: number[][] = []
  let nowMs = 5
  const flusher = new Flusher(limits, 8192, () => nowMs, (...at) => times.push(at))
  flusher.add(flushable(() => flushed.push('one')))
  nowMs = 7.5
  flusher.add(flushable(() => flushed.push('two')))
  t.deepEqual(flushed, [])
  await settle()
  t.deepEqual(flushed, ['one', 'two'])
  t.deepEqual(times, [[5, 7.5, 7.5]])
  await settle()
  t.is(flushed.length, 2)
})

test('flusher: what is added while it flushes goes into the next turn', async t => {
  const flushed: string[] = []
  const flusher = new Flusher(limits, 8192, () => 0, () => {})
  flusher.add(flushable(() => {
    flushed.push('first')
    flusher.add(flushable(() => flushed.push('second')))
  }))
  flusher.flush()
  t.deepEqual(flushed, ['first'])
  await settle()
  t.deepEqual(flushed, ['first', 'second'])
})

test('marks: between high-water and the hard limit there are at least 1 MiB for what was read before the pause', t => {
  const { lowBytes, highBytes, hardBytes, ceilingBytes } = outboundLimits(4 * 1024 * 1024, 0, 'disconnect')
  t.true(lowBytes < highBytes && highBytes < hardBytes && hardBytes < ceilingBytes)
  t.true(hardBytes - highBytes >= 1024 * 1024)
})

test('flusher: a turn that has brought much is written before its end, never while its bytes are read', async t => {
  const flushed: string[] = []
  const flusher = new Flusher(limits, 8192, () => 0, () => {})
  const chunks = Array.from({ length: 8 }, () => new Uint8Array(64 * 1024))
  for (const chunk of chunks) {
    flusher.add(flushable(() => flushed.push('written')))
    flusher.lend(chunk)
    t.deepEqual(flushed, [])
    t.is(chunk.byteLength, 64 * 1024, 'whoever lent it may read on')
  }
  const order: string[] = []
  setImmediate(() => order.push('end of the turn'))
  await new Promise<void>(resolve => process.nextTick(resolve))
  order.push(`${flushed.length} written`)
  t.deepEqual(chunks.map(({ byteLength }) => byteLength), Array<number>(8).fill(0), 'given back')
  await settle()
  t.deepEqual(order, ['8 written', 'end of the turn'])
})

test('flusher: a large chunk of which nobody was delivered anything is given back at the turn\'s end, too', async t => {
  const flusher = new Flusher(limits, 8192, () => 0, () => t.fail('nothing was written'))
  const [large, small] = [new Uint8Array(16 * 1024), new Uint8Array(1024)]
  flusher.lend(large)
  t.is(large.byteLength, 16 * 1024, 'whoever lent it may read on')
  await settle()
  t.is(large.byteLength, 0)
  flusher.lend(small)
  await settle()
  t.is(small.byteLength, 1024, 'not worth a task')
})
