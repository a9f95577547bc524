import test from 'ava'
import fc from 'fast-check'
import { LastLines, MAX_BYTES, MAX_LINES } from '../../agents/last-lines.ts'

const read = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

function lastLines() {
  const lines = new LastLines('weather/2', () => 1_700_000_000_123_456)
  lines.begin()
  const say = (text: string, more: { cutBytes?: number; isSuppressed?: boolean } = {}): void => lines.add({ stream: 'stdout', bytes: Buffer.from(text), cutBytes: 0, isSuppressed: false, read, ...more })
  return { lines, say, texts: (limit = Infinity, after = 0) => lines.last(limit, after).map(({ text }) => text) }
}

test('last lines: a line says when, by which process, and what it lacks', t => {
  const { lines, say } = lastLines()
  say('up')
  lines.begin()
  say('long', { cutBytes: 9, isSuppressed: true })
  const [first, second] = lines.last(10)
  t.like(first, { time: 1_700_000_000_123, instance: 'weather/2', start: 1, stream: 'stdout', text: 'up' })
  t.like(second, { seq: first!.seq + 1, start: 2, text: 'long', cutBytes: 9, suppressed: true })
  t.deepEqual(Object.keys(first!).toSorted(), ['instance', 'seq', 'start', 'stream', 'text', 'time'])
})

test('last lines: the oldest go, by number and by bytes', t => {
  const { say, texts } = lastLines()
  for (let n = 1; n <= MAX_LINES + 3; n++) say(`line ${n}`)
  t.is(texts().length, MAX_LINES)
  t.is(texts()[0], 'line 4')
  const long = (n: number): string => String(n).padStart(MAX_BYTES / 8, '.')
  for (let n = 0; n < 20; n++) say(long(n))
  const kept = texts()
  t.true(kept.length >= 7 && kept.length <= 8, String(kept.length))
  t.true(kept.every((text, at) => text === long(20 - kept.length + at)))
  say('x'.repeat(MAX_BYTES + 5))
  t.deepEqual(texts(), ['x'.repeat(MAX_BYTES)])
})

test('last lines: so many, and those after a position', t => {
  const { lines, say, texts } = lastLines()
  for (const text of ['a', 'b', 'c', 'd']) say(text)
  const [, b] = lines.last(10)
  t.deepEqual(texts(2), ['c', 'd'])
  t.deepEqual(texts(10, b!.seq), ['c', 'd'])
  t.deepEqual(texts(1, b!.seq), ['d'])
})

test('last lines: those of the latest process alone', t => {
  const { lines, say } = lastLines()
  say('before')
  lines.begin()
  t.deepEqual(lines.ofLatestStart(), [])
  say('after')
  t.deepEqual(lines.ofLatestStart().map(({ text }) => text), ['after'])
})

test('last lines: keeps what it was given, whatever becomes of the memory', t => {
  const { lines, texts } = lastLines()
  const chunk = Buffer.from('kept')
  lines.add({ stream: 'stderr', bytes: chunk.subarray(0, 4), cutBytes: 0, isSuppressed: false, read })
  chunk.fill(0)
  t.deepEqual(texts(), ['kept'])
})

test('last lines: whatever was printed, what is kept are the last lines as they came, no fewer than fit into half', t => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 50, max: 400 }), fc.integer({ min: 4000, max: 8192 }), fc.integer({ min: 20_000, max: MAX_BYTES })), { maxLength: 260 })
  fc.assert(
    fc.property(sizes, lengths => {
      const { say, texts } = lastLines()
      const all = lengths.map((length, n) => String(n).padStart(length, '.'))
      for (const text of all) say(text)
      const kept = texts()
      const bytes = kept.reduce((sum, text) => sum + text.length, 0)
      let [least, sum] = [0, 0]
      for (const text of all.toReversed()) if ((sum += text.length) <= MAX_BYTES / 2 && least < MAX_LINES) least++
      else break
      return kept.length <= MAX_LINES && bytes <= MAX_BYTES && kept.length >= least && kept.every((text, at) => text === all[all.length - kept.length + at])
    }),
    { numRuns: 200 },
  )
  t.pass()
})
