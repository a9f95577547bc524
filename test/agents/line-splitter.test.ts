import test from 'ava'
import fc from 'fast-check'
import { LineSplitter } from '../../agents/line-splitter.ts'

/** What a splitter makes of the chunks: each line as text, and how much was cut from it. */
function split(chunks: readonly Uint8Array[], maxLineBytes: number): [string, number][] {
  const lines: [string, number][] = []
  const splitter = new LineSplitter(maxLineBytes, (line, cutBytes) => void lines.push([Buffer.from(line).toString('latin1'), cutBytes]))
  for (const chunk of chunks) splitter.push(chunk)
  splitter.end()
  return lines
}

test('line splitter: lines without their ends, the last one also without an end', t => {
  t.deepEqual(split([Buffer.from('one\ntwo\r\n\nthree')], 100), [['one', 0], ['two', 0], ['', 0], ['three', 0]])
  t.deepEqual(split([], 100), [])
  t.deepEqual(split([Buffer.from('one\n')], 100), [['one', 0]])
})

test('line splitter: a long line is cut, and the cut bytes are counted', t => {
  t.deepEqual(split([Buffer.from('123456789\nnext\n')], 4), [['1234', 5], ['next', 0]])
  t.deepEqual(split([Buffer.from('12'), Buffer.from('34'), Buffer.from('5'), Buffer.from('6\nnext')], 4), [['1234', 2], ['next', 0]])
})

test('line splitter: any chunking of any bytes gives the lines of the whole', t => {
  const byte = fc.constantFrom(0x0a, 0x0d, 0x61, 0xc3, 0xa4)
  fc.assert(fc.property(fc.array(fc.array(byte, { maxLength: 12 })), fc.integer({ min: 1, max: 8 }), (pieces, maxLineBytes) => {
    const whole = Buffer.from(pieces.flat())
    const expected = whole.toString('latin1').split('\n')
    // What follows the last line end is a line only if there is something.
    if (expected.at(-1) === '') expected.pop()
    const naive = expected.map(line => {
      const cutBytes = Math.max(0, line.length - maxLineBytes)
      const kept = line.slice(0, maxLineBytes)
      return [cutBytes === 0 && kept.endsWith('\r') ? kept.slice(0, -1) : kept, cutBytes]
    })
    t.deepEqual(split(pieces.map(piece => Uint8Array.from(piece)), maxLineBytes), naive as [string, number][])
  }))
})

test('line splitter: a line that never ends keeps no more than its limit', t => {
  const lines: number[] = []
  const splitter = new LineSplitter(1024, (line, cutBytes) => void lines.push(line.length, cutBytes, line.buffer.byteLength))
  const chunk = new Uint8Array(64 * 1024).fill(0x61)
  for (let i = 0; i < 1024; i++) splitter.push(chunk)
  splitter.end()
  t.deepEqual(lines, [1024, 64 * 1024 * 1024 - 1024, 1024])
})
