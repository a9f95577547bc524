import test from 'ava'
import fc from 'fast-check'
import { formatDuration, formatRate, formatSize, parseDuration, parseRate, parseSize } from '../../config/units.ts'

const anyCount = fc.maxSafeInteger().map(Math.abs)

test('duration: every unit, decimals and bare numbers', t => {
  const cases: [unknown, number][] = [['200ms', 200], ['5s', 5000], ['5m', 300_000], ['12h', 43_200_000], ['30d', 2_592_000_000], ['1.5s', 1500], ['1.1s', 1100], ['0.001s', 1], [250, 250], ['250', 250], [0, 0], ['0s', 0]]
  for (const [input, ms] of cases) t.is(parseDuration(input), ms, String(input))
})

test('duration: what is none is undefined', t => {
  for (const input of ['', 's', '5 s', '-1s', '5M', '5S', '1.5ms', '1.0001s', '5s5m', '1e3', '0x10', ' 5s', '5s\n', '9007199254740993', '999999999999999d', -1, 1.5, Number.NaN, Infinity, null, undefined, true, ['5s'], {}]) t.is(parseDuration(input), undefined, JSON.stringify(input))
})

test('size: 1kb is 1024 bytes, capital or small', t => {
  const cases: [unknown, number][] = [['16kb', 16_384], ['1mb', 1_048_576], ['2gb', 2_147_483_648], ['512b', 512], ['1.5KB', 1536], ['1MB', 1_048_576], [8192, 8192], ['8192', 8192]]
  for (const [input, bytes] of cases) t.is(parseSize(input), bytes, String(input))
})

test('size: what is none is undefined', t => {
  for (const input of ['', 'kb', '1 kb', '1Kb', '1kib', '0.1kb', '-1kb', '1tb', '999999999999999gb', -1, 0.5, null, false]) t.is(parseSize(input), undefined, String(input))
})

test('rate: per minute and per second, never bare', t => {
  t.deepEqual(parseRate('100rpm'), { count: 100, periodMs: 60_000 })
  t.deepEqual(parseRate('10rps'), { count: 10, periodMs: 1000 })
  for (const input of ['100', 100, '0rpm', 'rpm', '1.5rps', '10 rps', '10RPS', '-1rps', '', null]) t.is(parseRate(input), undefined, String(input))
})

test('duration and size: what is formatted is parsed to the same', t => {
  fc.assert(fc.property(anyCount, count => {
    t.is(parseDuration(formatDuration(count)), count)
    t.is(parseSize(formatSize(count)), count)
  }))
})

test('duration and size: round values get a large unit', t => {
  t.deepEqual([0, 200, 5000, 90_000, 300_000, 86_400_000].map(formatDuration), ['0ms', '200ms', '5s', '90s', '5m', '1d'])
  t.deepEqual([0, 1000, 8192, 1_048_576, 1_073_741_824].map(formatSize), ['0b', '1000b', '8kb', '1mb', '1gb'])
})

test('duration: so many of a unit are so many times its milliseconds', t => {
  const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
  fc.assert(fc.property(fc.nat(1_000_000), fc.constantFrom(...Object.entries(units)), (count, [unit, ms]) => parseDuration(`${count}${unit}`) === count * ms))
  t.pass()
})

test('rate: what is formatted is parsed to the same', t => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 999_999_999_999 }), fc.constantFrom(1000 as const, 60_000 as const), (count, periodMs) => t.deepEqual(parseRate(formatRate({ count, periodMs })), { count, periodMs })))
})

test('units: any text and any value gives a count or undefined, and never throws', t => {
  fc.assert(fc.property(fc.anything(), input => {
    for (const value of [parseDuration(input), parseSize(input)]) if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0)) return false
    const rate = parseRate(input)
    return rate === undefined || rate.count > 0
  }))
  t.pass()
})
