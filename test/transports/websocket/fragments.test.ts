// RFC 6455 sections 5.4 and 5.5: messages in fragments, control frames between them and beside them.

import test from 'ava'
import { EchoServer } from '../../support/websocket-echo.ts'
import { BINARY, clientFrame, PING, PONG, TEXT, type SentFrame } from '../../support/websocket-frames.ts'
import { WebSocketPeer } from '../../support/websocket-peer.ts'

const CONTINUATION = 0

/** The frames of a message that is cut into `parts`. */
function fragments(opcode: number, parts: readonly (string | Buffer)[]): SentFrame[] {
  return parts.map((payload, i) => ({ opcode: i === 0 ? opcode : CONTINUATION, fin: i === parts.length - 1, payload }))
}

function wire(frames: readonly SentFrame[]): Buffer {
  return Buffer.concat(frames.map(frame => clientFrame(frame)))
}

test('websocket fragments: a message in any number of them comes back whole, empty ones included', async t => {
  const { port } = await EchoServer.open(t)
  const cuts = [['a', 'b'], ['', 'b'], ['a', ''], ['', ''], ['', '', ''], ['a', '', 'c'], Array.from('abcdefgh'), ['x'.repeat(70_000), 'y'.repeat(126), 'z']]
  for (const opcode of [TEXT, BINARY]) {
    const peer = await WebSocketPeer.direct(t, port)
    for (const parts of cuts) {
      peer.write(wire(fragments(opcode, parts)))
      t.is(String(await peer.message()), parts.join(''))
      // In a write of its own for each.
      for (const frame of fragments(opcode, parts)) peer.send(frame)
      t.is(String(await peer.message()), parts.join(''))
    }
    peer.socket.destroy()
  }
})

test('websocket fragments: pings between them are answered before the message, each by its own payload', async t => {
  const { port } = await EchoServer.open(t)
  for (const isChopped of [false, true]) {
    const peer = await WebSocketPeer.direct(t, port)
    const [first, second, third] = fragments(BINARY, ['one ', 'two ', 'three']) as [SentFrame, SentFrame, SentFrame]
    const bytes = wire([first, { opcode: PING, payload: 'p1' }, second, { opcode: PING, payload: 'p2' }, { opcode: PONG, payload: 'unasked' }, third])
    if (isChopped) for (const byte of bytes) peer.write(Buffer.from([byte]))
    else peer.write(bytes)
    const got = [await peer.next(), await peer.next(), await peer.next()].map(frame => [frame?.opcode, String(frame?.payload)])
    t.deepEqual(got, [[PONG, 'p1'], [PONG, 'p2'], [BINARY, 'one two three']])
  }
})

test('websocket fragments: pings of every size are answered, in the order in which they came', async t => {
  const { port } = await EchoServer.open(t)
  const peer = await WebSocketPeer.direct(t, port)
  for (const length of [0, 1, 5, 124, 125]) {
    peer.send({ opcode: PING, payload: Buffer.alloc(length, 'p') })
    const pong = await peer.next()
    t.deepEqual([pong?.opcode, pong?.fin, pong?.payload.length], [PONG, true, length])
  }
  peer.write(wire(Array.from({ length: 10 }, (_, i) => ({ opcode: PING, payload: `ping ${i}` }))))
  for (let i = 0; i < 10; i++) t.is(String((await peer.next())?.payload), `ping ${i}`)
  peer.send({ opcode: PONG, payload: 'unasked' })
  peer.send({ payload: 'still here' })
  t.is(String(await peer.message()), 'still here')
})

test('websocket fragments: of a flood of pings the last is answered for sure, and not each of them', async t => {
  const { port } = await EchoServer.open(t)
  const peer = await WebSocketPeer.direct(t, port)
  const count = 5000
  peer.write(wire(Array.from({ length: count }, (_, i) => ({ opcode: PING, payload: String(i) }))))
  let pongs = 0
  for (let last = ''; last !== String(count - 1); pongs++) last = String((await peer.next())?.payload)
  t.true(pongs < count / 4, `${pongs} pongs`)
})

const wrong: readonly [string, SentFrame[]][] = [
  ['text within text', [{ opcode: TEXT, fin: false, payload: 'a' }, { opcode: TEXT, payload: 'b' }]],
  ['binary within binary', [{ fin: false, payload: 'a' }, { payload: 'b' }]],
  ['the beginning of text within text', [{ opcode: TEXT, fin: false, payload: 'a' }, { opcode: TEXT, fin: false, payload: 'b' }]],
  ['binary within text', [{ opcode: TEXT, fin: false, payload: 'a' }, { opcode: BINARY, payload: 'b' }]],
  ['a continuation after the end', [...fragments(TEXT, ['a', 'b']), { opcode: CONTINUATION, payload: 'c' }]],
  ['a continuation after a whole message', [{ opcode: TEXT, payload: 'a' }, { opcode: CONTINUATION, payload: 'b' }]],
  ['a continuation with a reserved bit', [{ opcode: TEXT, fin: false, payload: 'a' }, { opcode: CONTINUATION, rsv: 4, payload: 'b' }]],
]

test('websocket fragments: those out of order end with 1002', async t => {
  const { port } = await EchoServer.open(t)
  for (const [what, frames] of wrong) {
    for (const isOneWrite of [true, false]) {
      const peer = await WebSocketPeer.direct(t, port)
      if (isOneWrite) peer.write(wire(frames))
      else for (const frame of frames) peer.send(frame)
      t.deepEqual(await peer.ending(), { code: 1002, reason: 'websocket.protocol' }, what)
    }
  }
})

test('websocket fragments: the limit is that of the message, and their number has one too', async t => {
  const { port } = await EchoServer.open(t, { maxMessageBytes: 100_000, isAdmitted: true })
  const long = await WebSocketPeer.direct(t, port)
  long.write(wire(fragments(BINARY, ['x'.repeat(50_000), 'y'.repeat(50_000)])))
  t.is((await long.message()).length, 100_000)
  long.write(wire([{ fin: false, payload: 'x'.repeat(50_000) }, { opcode: CONTINUATION, fin: false, payload: 'y'.repeat(50_001) }]))
  t.deepEqual(await long.ending(), { code: 1009, reason: 'websocket.too_large' })

  const many = await WebSocketPeer.direct(t, port)
  const empty = clientFrame({ opcode: CONTINUATION, fin: false })
  many.write(Buffer.concat([clientFrame({ fin: false }), ...Array.from({ length: 65_536 }, () => empty)]))
  t.deepEqual(await many.ending(), { code: 1002, reason: 'websocket.protocol' })

  // Who is not let in yet has fewer.
  const guest = await WebSocketPeer.direct(t, (await EchoServer.open(t)).port)
  guest.write(Buffer.concat([clientFrame({ fin: false }), ...Array.from({ length: 256 }, () => empty)]))
  t.deepEqual(await guest.ending(), { code: 1002, reason: 'websocket.protocol' })
})

test('websocket fragments: the first message decides between text and binary', async t => {
  const server = await EchoServer.open(t)
  for (const [first, other] of [[TEXT, BINARY], [BINARY, TEXT]]) {
    const peer = await WebSocketPeer.direct(t, server.port)
    peer.send({ opcode: first!, payload: 'a' })
    t.is(String(await peer.message()), 'a')
    peer.send({ opcode: other!, payload: 'b' })
    t.deepEqual(await peer.ending(), { code: 4004, reason: 'frame.unsupported' })
  }
})
