// Runs of PUBs, of which members of a group get a part each.

import test from 'ava'
import { Slice } from '../../../broker/ground/slice.ts'
import { decodeFrame } from '../../../broker/wire/frame.ts'
import { NatsRun } from '../../../dialects/nats/nats-run.ts'

const COUNT = 300
const FIRST_ID = 17

/** A run of `PUB a.b` whose payloads are of several lengths, behind something else; and where each of them begins. */
function runOf(): { run: NatsRun; all: Slice; starts: number[]; ends: number[] } {
  const before = 'PING\r\n'
  const texts = Array.from({ length: COUNT }, (_, i) => `PUB a.b ${i}\r\n${'x'.repeat(i)}\r\n`)
  const ends: number[] = []
  for (const text of texts) ends.push((ends.at(-1) ?? before.length) + text.length)
  const starts = [before.length, ...ends.slice(0, -1)]
  const bytes = Buffer.from(before + texts.join(''))
  const at = before.length
  const run = new NatsRun(bytes, at, bytes.length, COUNT, at + 4, at + 7, 0, 0, -1, 0, 1)
  run.origin = 3
  run.firstId = FIRST_ID
  const all = new Slice(bytes, at, bytes.length, COUNT, undefined as never)
  all.foreign = run
  return { run, all, starts, ends }
}

function idOf(slice: Slice): number {
  return decodeFrame(slice.bytes, slice.start, slice.end).id
}

test('nats run: each message has its own id as a native frame, in whatever order they are asked for', t => {
  const { run, all, starts, ends } = runOf()
  for (const i of [0, 1, 5, 299, 4, 4, 0, 298]) {
    const native = run.native(all.part(all.bytes, starts[i]!, ends[i]!, 1))
    t.is(idOf(native), FIRST_ID + i)
    t.is(decodeFrame(native.bytes, native.start, native.end).payload.length, i)
  }
})

test('nats run: its parts in their order take a walk through it, and not one from its front for each', t => {
  const { run, all, starts, ends } = runOf()
  let steps = 0
  const messageEnd = run.messageEnd.bind(run)
  run.messageEnd = (bytes, start) => {
    steps++
    return messageEnd(bytes, start)
  }
  for (let i = 0; i < COUNT; i++) run.native(all.part(all.bytes, starts[i]!, ends[i]!, 1))
  t.true(steps <= 4 * COUNT, `${steps} steps for ${COUNT} messages`)
})
