import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { WebSocketServer, type WebSocket } from 'ws'
import { Chunk } from '../../../bench/load/chunk.ts'
import { callboardDialect } from '../../../bench/load/callboard-dialect.ts'
import { Line } from '../../../bench/load/line.ts'
import { maskedFrame, Opcode } from '../../../bench/load/masking.ts'
import { natsDialect } from '../../../bench/load/nats-dialect.ts'
import { patternBytes } from '../../../bench/load/payload.ts'
import { Unframer } from '../../../bench/load/unframer.ts'
import { sameBytes } from '../../support/same-bytes.ts'

/** An ordinary WebSocket server with one line at it, and the messages that reached it. */
async function connected(t: ExecutionContext): Promise<{ line: Line; peer: WebSocket; message: () => Promise<Buffer> }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await new Promise(resolve => server.once('listening', resolve))
  const accepted = new Promise<WebSocket>(resolve => server.once('connection', resolve))
  const line = await Line.open(`ws:${(server.address() as { port: number }).port}`)
  const peer = await accepted
  t.teardown(() => {
    line.close()
    server.close()
  })
  const waiting: Buffer[] = []
  let wake: (() => void) | undefined
  peer.on('message', data => {
    waiting.push(data as Buffer)
    wake?.()
  })
  const message = async (): Promise<Buffer> => {
    while (waiting.length === 0) await new Promise<void>(resolve => (wake = resolve))
    return waiting.shift()!
  }
  return { line, peer, message }
}

test('line: what it sends is a message at an ordinary WebSocket server, at every length of length', async t => {
  const { line, message } = await connected(t)
  for (const bytes of [0, 1, 125, 126, 65_535, 65_536]) {
    line.send(patternBytes(bytes))
    sameBytes(t, await message(), patternBytes(bytes))
  }
})

test('chunk: masked together it is one message, masked each it is one message per message, and both say what the bare one says', async t => {
  const { line, message } = await connected(t)
  for (const dialect of [callboardDialect, natsDialect]) {
    // An odd length, so that every message meets the key in another phase.
    const { bytes, numbering } = dialect.publish('bench.00.00', patternBytes(127))
    const bare = new Chunk(Array<Uint8Array>(5).fill(bytes), numbering)
    bare.renumber(1_000_000)
    const together = new Chunk(Array<Uint8Array>(5).fill(bytes), numbering, 'together')
    const each = new Chunk(Array<Uint8Array>(5).fill(bytes), numbering, 'each')
    for (const chunk of [together, each, together.copy(), each.copy()]) {
      chunk.renumber(7)
      chunk.renumber(1_000_000)
      line.socket.write(chunk.bytes)
      const got = chunk.framing === 'together' ? await message() : Buffer.concat([await message(), await message(), await message(), await message(), await message()])
      sameBytes(t, got, bare.bytes)
    }
    line.socket.write(each.slice(1, 2))
    sameBytes(t, await message(), bare.slice(1, 1))
    sameBytes(t, await message(), bare.slice(2, 1))
  }
})

test('chunk: what an answer takes over from its request is masked like the rest', async t => {
  const { line, message } = await connected(t)
  const { bytes, numbering } = callboardDialect.response('bench.exchange', patternBytes(9))
  for (const framing of ['each', 'together'] as const) {
    const chunk = new Chunk([bytes, bytes], numbering, framing)
    chunk.patch(1, 3, Uint8Array.of(9, 1, 2, 3, 4, 5), 1, 5)
    line.socket.write(chunk.bytes)
    const got = framing === 'each' ? Buffer.concat([await message(), await message()]) : await message()
    const expected = Buffer.concat([bytes, bytes])
    expected.set([1, 2, 3, 4, 5], bytes.length + 3)
    sameBytes(t, got, expected)
  }
})

test('line: it hands over what stands in binary messages, passes text over, answers pings and says why it was closed', async t => {
  const { line, peer } = await connected(t)
  const received: Buffer[] = []
  line.onBytes = bytes => received.push(Buffer.from(bytes))
  const lost = new Promise<string>(resolve => (line.onLost = resolve))
  const pong = new Promise<Buffer>(resolve => peer.once('pong', resolve))
  peer.send('a greeting nobody reads')
  peer.send(patternBytes(70_000))
  peer.send(patternBytes(10), { fin: false })
  peer.ping('are you there')
  peer.send(patternBytes(20), { fin: true })
  t.is((await pong).toString(), 'are you there')
  peer.close(4016, 'session.taken_over')
  t.is(await lost, 'closed by the server: 4016 session.taken_over')
  sameBytes(t, Buffer.concat(received), Buffer.concat([patternBytes(70_000), patternBytes(10), patternBytes(20)]))
})

test('line: a server that speaks no WebSocket is told of in its own words', async t => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', verifyClient: () => false })
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  await t.throwsAsync(Line.open(`ws:${(server.address() as { port: number }).port}`), { message: /401 Unauthorized/ })
})

test('unframer: payload and control frames come out whole, however the bytes are cut', t => {
  const message = fc.record({ opcode: fc.constantFrom(Opcode.text, Opcode.binary, Opcode.ping), size: fc.oneof(fc.nat(300), fc.constantFrom(125, 126, 65_535, 65_536)) })
  fc.assert(
    fc.property(fc.array(message, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 40 }), (messages, cuts) => {
      const frames = messages.map(({ opcode, size }, i) => ({ opcode, payload: Buffer.alloc(opcode >= Opcode.close ? size % 126 : size, i) }))
      const data: Buffer[] = []
      const controls: string[] = []
      const unframer = new Unframer({ data: bytes => data.push(Buffer.from(bytes)), control: (opcode, payload) => controls.push(`${opcode} ${Buffer.from(payload).toString('hex')}`) })
      const wire = Buffer.concat(frames.map(({ opcode, payload }) => serverFrame(payload, opcode)))
      let at = 0
      for (const cut of [...cuts, wire.length]) {
        unframer.receive(wire.subarray(at, at + cut))
        at += cut
      }
      t.deepEqual(Buffer.concat(data), Buffer.concat(frames.filter(({ opcode }) => opcode === Opcode.binary).map(({ payload }) => payload)))
      t.deepEqual(controls, frames.filter(({ opcode }) => opcode >= Opcode.close).map(({ opcode, payload }) => `${opcode} ${payload.toString('hex')}`))
    }),
    { numRuns: 60 },
  )
})

test('line: a greeting in text right behind the handshake does not reach the dialect', async t => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  server.once('connection', peer => {
    peer.send('challenge')
    peer.on('message', data => peer.send(data))
  })
  const line = await Line.open(`ws:${(server.address() as { port: number }).port}`)
  t.teardown(() => line.close())
  const echoed = new Promise<Buffer>(resolve => (line.onBytes = bytes => resolve(Buffer.from(bytes))))
  line.send(Uint8Array.of(1, 2, 3))
  t.deepEqual(await echoed, Buffer.of(1, 2, 3))
})

/** As a server sends it: a client's frame without the key. */
function serverFrame(payload: Uint8Array, opcode: number): Buffer {
  const masked = maskedFrame(payload, opcode)
  const headBytes = masked.length - payload.length - 4
  const head = Buffer.from(masked.subarray(0, headBytes))
  head[1]! &= 0x7f
  return Buffer.concat([head, payload])
}
