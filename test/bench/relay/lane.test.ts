import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Writable } from 'node:stream'
import test from 'ava'
import * as ws from 'ws'
import { Lane, Outbound } from '../../../bench/relay/lane.ts'
import { Port } from '../../../bench/relay/port.ts'
import { sameBytes } from '../../support/same-bytes.ts'

// The package's own parser of frames; its types do not know it.
const { Receiver } = ws as unknown as { readonly Receiver: new (options: { isServer: boolean }) => Writable }

/** A receiver that keeps what it was given, by reference, and takes it at once or not before `release()`. */
class Sink extends Writable {
  readonly writes: Uint8Array[] = []
  readonly #isSlow: boolean
  release: () => void = () => {}

  constructor(isSlow = false) {
    super()
    this.#isSlow = isSlow
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.writes.push(chunk)
    if (this.#isSlow) this.release = done
    else done()
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: () => void): void {
    this.writes.push(Buffer.concat(chunks.map(one => one.chunk)))
    if (this.#isSlow) this.release = done
    else done()
  }
}

function laneTo(...sinks: Sink[]): Lane {
  const lane = new Lane()
  lane.ports.push(...sinks.map(sink => new Port(sink)))
  return lane
}

test('outbound: the pieces of one turn reach a receiver in one write, in order', async t => {
  for (const bytes of [4, 20_000]) {
    const sink = new Sink()
    const lane = laneTo(sink)
    const outbound = new Outbound()
    for (const fill of [1, 2, 3]) outbound.append(lane, Buffer.alloc(bytes, fill))
    t.is(sink.writes.length, 0)
    await nextTurn()
    t.is(sink.writes.length, 1)
    sameBytes(t, sink.writes[0]!, Buffer.concat([1, 2, 3].map(fill => Buffer.alloc(bytes, fill))))
  }
})

test('outbound: many receivers of the same pieces share one merged buffer', async t => {
  const sinks = Array.from({ length: 10 }, () => new Sink())
  const lane = laneTo(...sinks)
  const outbound = new Outbound()
  outbound.append(lane, Buffer.from('ab'))
  outbound.append(lane, Buffer.from('cd'))
  await nextTurn()
  t.deepEqual(sinks.map(sink => Buffer.from(sink.writes[0]!).toString()), Array<string>(10).fill('abcd'))
  t.is(new Set(sinks.map(sink => sink.writes[0]!.byteOffset)).size, 1)
})

test('outbound: memory of a merged buffer is not used again while a receiver still has to take it', async t => {
  const slow = new Sink(true)
  const quick = new Sink()
  const outbound = new Outbound()
  const lanes = [laneTo(slow), laneTo(quick)]
  for (const text of ['ab', 'cd']) outbound.append(lanes[0]!, Buffer.from(text))
  await nextTurn()
  for (let turn = 0; turn < 3; turn++) {
    for (const text of ['xx', 'yy']) outbound.append(lanes[1]!, Buffer.from(text))
    await nextTurn()
  }
  t.is(Buffer.from(slow.writes[0]!).toString(), 'abcd')
  t.is(quick.writes.length, 3)
})

test('outbound: over WebSocket the pieces of one turn are one message, for few receivers and for many, small and large', async t => {
  for (const [receivers, bytes] of [[1, 4], [1, 20_000], [1, 70_000], [5, 4], [5, 20_000]] as const) {
    const sinks = Array.from({ length: receivers }, () => new Sink())
    const lane = laneTo(...sinks)
    const outbound = new Outbound(true)
    for (const fill of [1, 2, 3]) outbound.append(lane, Buffer.alloc(bytes, fill))
    await nextTurn()
    const message = Buffer.concat([1, 2, 3].map(fill => Buffer.alloc(bytes, fill)))
    for (const sink of sinks) {
      const messages: Buffer[] = []
      const receiver = new Receiver({ isServer: false }).on('message', (data: Buffer) => messages.push(data))
      await once(receiver.end(Buffer.concat(sink.writes)), 'finish')
      t.deepEqual(messages, [message])
    }
  }
})
