import fc from 'fast-check'
import test from 'ava'
import { formatBytes, formatCount, formatDuration, formatTime, plural, printable } from '../../cli/format.ts'
import { anyText } from '../support/any-text.ts'

test('format: durations have one unit, or two that belong together', t => {
  const cases: [number, string][] = [
    [0, '0 ms'], [0.0421, '0.042 ms'], [1.234, '1.23 ms'], [340, '340 ms'], [999.4, '999 ms'], [4200, '4.2 s'], [59_999, '59.9 s'], [60_000, '1 m'],
    [200_000, '3 m 20 s'], [3_600_000, '1 h'], [3_660_000, '1 h 1 m'], [187_200_000, '2 d 4 h'],
  ]
  for (const [ms, text] of cases) t.is(formatDuration(ms), text)
})

test('format: sizes keep three digits', t => {
  const cases: [number, string][] = [[0, '0 B'], [1023, '1023 B'], [1024, '1 KiB'], [1536, '1.5 KiB'], [12 * 1024 * 1024, '12 MiB'], [3.25 * 1024 ** 4, '3.3 TiB'], [2000 * 1024 ** 4, '2000 TiB']]
  for (const [bytes, text] of cases) t.is(formatBytes(bytes), text)
})

test('format: counts and what is counted', t => {
  t.is(formatCount(1_234_567), '1,234,567')
  t.is(plural(1, 'message'), '1 message')
  t.is(plural(0, 'message'), '0 messages')
})

test('format: the time of day is local, to the millisecond', t => {
  t.is(formatTime(new Date(2026, 0, 31, 9, 5, 7, 42).getTime()), '09:05:07.042')
})

test('format: no text steers the terminal', t => {
  t.is(printable('\u001b[2Jgone\r\n\ttab\u009b'), '\\x1b[2Jgone\\x0d\\n\ttab\\x9b')
  fc.assert(fc.property(anyText(), text => !/[\p{Cc}]/u.test(printable(text).replaceAll('\t', ''))))
  t.is(printable('全部 ok'), '全部 ok')
})
