import test from 'ava'
import { crossover, delayCrossover, type Sized } from '../../../bench/pool/crossover.ts'
import { formatPool } from '../../../bench/pool/report.ts'

function sized(...rows: readonly [kib: number, here: number, pooled: number, delayHere: number, delayPooled: number][]): Sized[] {
  return rows.map(([kib, here, pooled, delayHere, delayPooled]) => ({ bytes: kib * 1024, here: { mainMicros: here, delayMicros: delayHere }, pooled: { mainMicros: pooled, delayMicros: delayPooled } }))
}

test('crossover: the size from which on the pool always takes less', t => {
  const sizes = sized([1, 5, 30, 5, 90], [2, 40, 30, 40, 90], [4, 20, 30, 20, 90], [8, 40, 30, 40, 90], [16, 80, 30, 80, 90])
  t.is(crossover(sizes), 8 * 1024)
  t.is(delayCrossover(sizes), 16 * 1024)
})

test('crossover: from the first size, or from none', t => {
  t.is(crossover(sized([1, 50, 30, 1, 1])), 1024)
  t.is(crossover(sized([1, 50, 30, 1, 1], [2, 1, 30, 1, 1])), undefined)
  t.is(crossover([]), undefined)
})

test('pool report: says what the defaults should be, of those that have a key', t => {
  const text = formatPool([
    { name: 'HMAC', key: 'pool.signatureAbove', sizes: sized([32, 20, 30, 20, 90], [64, 40, 30, 40, 80]) },
    { name: 'batches', key: undefined, sizes: sized([1, 9, 3, 9, 90]) },
    { name: 'zstd', key: 'pool.compressAbove', sizes: sized([32, 20, 30, 20, 90]) },
  ])
  t.regex(text, /HMAC\nsize .*\n.*\n32kb +20\.0 +30\.0 +20\.0 +90\.0\n/)
  t.regex(text, /worth it for the main thread from 64kb; at most twice the delay from 64kb/)
  t.true(text.endsWith('should say:\n  pool.signatureAbove: 64kb\n  pool.compressAbove: no size measured'))
})
