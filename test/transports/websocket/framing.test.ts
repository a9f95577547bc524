// RFC 6455 sections 5.1 to 5.3: lengths, masks, reserved bits, opcodes, as they come in chunks of any size.

import test from 'ava'
import { EchoServer } from '../../support/websocket-echo.ts'
import { BINARY, clientFrame, CLOSE, closePayload, PING, TEXT, type SentFrame } from '../../support/websocket-frames.ts'
import { WebSocketPeer } from '../../support/websocket-peer.ts'

const LENGTHS = [0, 1, 4, 125, 126, 127, 128, 1000, 65_535, 65_536, 200_000]

function bytes(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff))
}

for (const opcode of [TEXT, BINARY]) {
  const kind = opcode === TEXT ? 'text' : 'binary'
  test(`websocket framing: ${kind} of every form of length comes back as it was`, async t => {
    const { port } = await EchoServer.open(t)
    const peer = await WebSocketPeer.direct(t, port)
    for (const length of LENGTHS) {
      const payload = opcode === TEXT ? Buffer.alloc(length, 'aé') : bytes(length)
      // Cut in the middle of a character it would be no text.
      const whole = opcode === TEXT && length > 0 ? Buffer.concat([payload.subarray(0, length - (length % 3)), Buffer.alloc(length % 3, 'x')]) : payload
      peer.send({ opcode, payload: whole })
      const frame = await peer.next()
      t.deepEqual([frame?.opcode, frame?.fin, frame?.rsv, frame?.payload.equals(whole)], [opcode, true, 0, true], `${length} bytes`)
    }
  })

  test(`websocket framing: ${kind} sent byte by byte comes back whole`, async t => {
    const { port } = await EchoServer.open(t)
    const peer = await WebSocketPeer.direct(t, port)
    for (const length of [0, 5, 126, 300]) {
      for (const byte of clientFrame({ opcode, payload: Buffer.alloc(length, 'b') })) {
        peer.write(Buffer.from([byte]))
        await new Promise(resolve => setImmediate(resolve))
      }
      t.is((await peer.message()).length, length)
    }
  })
}

test('websocket framing: a length written longer than it need be is taken', async t => {
  const { port } = await EchoServer.open(t)
  for (const opcode of [TEXT, BINARY]) {
    const peer = await WebSocketPeer.direct(t, port)
    for (const lengthForm of [2, 8] as const) {
      peer.send({ opcode, payload: 'hello', lengthForm })
      t.is(String(await peer.message()), 'hello')
    }
  }
})

test('websocket framing: every mask is taken off, the one of zeros too', async t => {
  const { port } = await EchoServer.open(t)
  for (const mask of [[0, 0, 0, 0], [255, 255, 255, 255], [1, 2, 3, 4], [0x80, 0, 0, 0], [0, 0, 0, 0x80]]) {
    for (const opcode of [TEXT, BINARY]) {
      const peer = await WebSocketPeer.direct(t, port)
      for (const length of [1, 2, 3, 4, 5, 6, 7, 8, 511, 512, 513, 1027]) {
        const payload = Buffer.alloc(length, 'abcdefg')
        peer.send({ opcode, payload, mask })
        t.true((await peer.message()).equals(payload), `mask ${mask.join()}, ${length} bytes`)
      }
      peer.socket.destroy()
    }
  }
})

test('websocket framing: many messages in one chunk each come back, in order', async t => {
  const { port, messages } = await EchoServer.open(t)
  const peer = await WebSocketPeer.direct(t, port)
  const sent = Array.from({ length: 2000 }, (_, i) => Buffer.from(`message ${i}`))
  peer.write(Buffer.concat(sent.map(payload => clientFrame({ payload }))))
  for (const payload of sent) t.true((await peer.message()).equals(payload))
  t.is(messages.length, sent.length)
})

const broken: readonly [string, SentFrame][] = [
  ...[1, 2, 3, 4, 5, 6, 7].map((rsv): [string, SentFrame] => [`reserved bits ${rsv} in text`, { opcode: TEXT, rsv, payload: 'x' }]),
  ...[1, 2, 4].map((rsv): [string, SentFrame] => [`reserved bits ${rsv} in binary`, { opcode: BINARY, rsv, payload: 'x' }]),
  ...[1, 2, 4].map((rsv): [string, SentFrame] => [`reserved bits ${rsv} in a ping`, { opcode: PING, rsv }]),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode): [string, SentFrame][] => [
    [`opcode ${opcode}`, { opcode }],
    [`opcode ${opcode} with payload`, { opcode, payload: 'reserved' }],
  ]),
  ['text without mask', { opcode: TEXT, payload: 'x', mask: false }],
  ['binary without mask', { opcode: BINARY, payload: 'x', mask: false }],
  ['a ping without mask', { opcode: PING, mask: false }],
  ['a close without mask', { opcode: CLOSE, payload: closePayload(1000), mask: false }],
  ['a ping in fragments', { opcode: PING, fin: false }],
  ['a close in fragments', { opcode: CLOSE, fin: false, payload: closePayload(1000) }],
  ['a ping of 126 bytes', { opcode: PING, payload: Buffer.alloc(126) }],
  ['a ping of 65,536 bytes', { opcode: PING, payload: Buffer.alloc(65_536) }],
  ['a pong of 126 bytes', { opcode: 10, payload: Buffer.alloc(126) }],
  ['a close of 126 bytes', { opcode: CLOSE, payload: closePayload(1000, 'x'.repeat(124)) }],
  ['a continuation of nothing', { opcode: 0, payload: 'x' }],
  ['a continuation of nothing that goes on', { opcode: 0, fin: false, payload: 'x' }],
]

test('websocket framing: whatever the RFC forbids ends with 1002, by name, after what was right came back', async t => {
  const server = await EchoServer.open(t)
  for (const isChopped of [false, true]) {
    for (const [what, frame] of broken) {
      const peer = await WebSocketPeer.direct(t, server.port)
      const wire = Buffer.concat([clientFrame({ payload: 'fine' }), clientFrame(frame)])
      if (isChopped && wire.length < 1000) for (const byte of wire) peer.write(Buffer.from([byte]))
      else peer.write(wire)
      t.is(String(await peer.message()), 'fine', what)
      t.deepEqual(await peer.ending(), { code: 1002, reason: 'websocket.protocol' }, what)
    }
  }
  t.is(server.problems.length, 2 * broken.length)
  t.deepEqual([...new Set(server.problems)], ['websocket.protocol'])
})

test('websocket framing: nothing is waited for in a frame that is wrong from its second byte on', async t => {
  const { port } = await EchoServer.open(t)
  for (const start of [[0x83, 0x80], [0xf1, 0x80], [0x81, 0x05], [0x89, 0xfe], [0x09, 0x80]]) {
    const peer = await WebSocketPeer.direct(t, port)
    peer.write(Buffer.from(start))
    t.is((await peer.ending()).code, 1002, start.join())
  }
})

test('websocket framing: a message over the limit ends with 1009 when its length is known, before its bytes', async t => {
  const server = await EchoServer.open(t, { maxMessageBytes: 1000 })
  for (const opcode of [TEXT, BINARY]) {
    const peer = await WebSocketPeer.direct(t, server.port)
    peer.send({ opcode, payload: Buffer.alloc(1000, 'x') })
    t.is((await peer.message()).length, 1000)
    peer.write(clientFrame({ opcode, payload: 'x', length: 1001 }))
    t.deepEqual(await peer.ending(), { code: 1009, reason: 'websocket.too_large' })
  }
  for (const length of [2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
    const peer = await WebSocketPeer.direct(t, server.port)
    peer.write(clientFrame({ length }))
    t.is((await peer.ending()).code, 1009, String(length))
  }
})
