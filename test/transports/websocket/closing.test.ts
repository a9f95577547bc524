// RFC 6455 sections 5.5.1, 7 and 8.1: UTF-8, close frames, their codes, and what comes after them.

import test from 'ava'
import { once } from 'node:events'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { EchoServer } from '../../support/websocket-echo.ts'
import { clientFrame, CLOSE, closePayload, TEXT } from '../../support/websocket-frames.ts'
import { WebSocketPeer } from '../../support/websocket-peer.ts'
import { until } from '../../support/until.ts'

test('websocket closing: a close frame is answered with its own code, and the stream ends', async t => {
  const { port, problems } = await EchoServer.open(t)
  for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]) {
    const peer = await WebSocketPeer.direct(t, port)
    peer.close(code, 'for a reason')
    t.is((await peer.ending()).code, code)
  }
  const silent = await WebSocketPeer.direct(t, port)
  silent.send({ opcode: CLOSE })
  t.is((await silent.ending()).code, 1005)
  const talkative = await WebSocketPeer.direct(t, port)
  talkative.close(1000, 'x'.repeat(123))
  t.is((await talkative.ending()).code, 1000)
  t.deepEqual(problems, [])
})

test('websocket closing: codes that must not be sent, one byte, and text that is none end with 1002 or 1007', async t => {
  const { port } = await EchoServer.open(t)
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]) {
    const peer = await WebSocketPeer.direct(t, port)
    peer.close(code)
    t.is((await peer.ending()).code, 1002, String(code))
  }
  const short = await WebSocketPeer.direct(t, port)
  short.send({ opcode: CLOSE, payload: Buffer.from([3]) })
  t.is((await short.ending()).code, 1002)
  const garbled = await WebSocketPeer.direct(t, port)
  garbled.send({ opcode: CLOSE, payload: closePayload(1000, Buffer.from([0xce, 0xba, 0xed, 0xa0, 0x80])) })
  t.deepEqual(await garbled.ending(), { code: 1007, reason: 'websocket.invalid_data' })
})

test('websocket closing: what comes behind a close frame is passed over', async t => {
  const { port, messages } = await EchoServer.open(t)
  const peer = await WebSocketPeer.direct(t, port)
  peer.write(Buffer.concat([clientFrame({ payload: 'before' }), clientFrame({ opcode: CLOSE, payload: closePayload(1000) }), clientFrame({ payload: 'behind' }), clientFrame({ opcode: 9 }), clientFrame({ opcode: 15 })]))
  t.is(String(await peer.message()), 'before')
  t.is((await peer.ending()).code, 1000)
  t.deepEqual(messages.map(String), ['before'])
})

test('websocket closing: in the middle of a message a close frame ends it', async t => {
  const { port, messages } = await EchoServer.open(t)
  const peer = await WebSocketPeer.direct(t, port)
  peer.write(Buffer.concat([clientFrame({ opcode: TEXT, fin: false, payload: 'half' }), clientFrame({ opcode: CLOSE, payload: closePayload(1000) })]))
  t.is((await peer.ending()).code, 1000)
  t.deepEqual(messages, [])
})

test('websocket closing: a stream that ends without close frame is closed, with what was echoed', async t => {
  const { port } = await EchoServer.open(t)
  const peer = await WebSocketPeer.direct(t, port)
  peer.socket.end(Buffer.concat([clientFrame({ payload: 'last words' }), Buffer.from([0x82])]))
  t.is(String(await peer.message()), 'last words')
  t.is((await peer.ending()).code, 1005)
})

test('websocket closing: an owner that closes says why, waits for the answer, and reads nothing more', async t => {
  const server = await EchoServer.open(t)
  const peer = await WebSocketPeer.direct(t, server.port)
  peer.send({ payload: 'hello' })
  await peer.message()
  server.links[0]!.close(new BrokerError('session.taken_over', { client: 'me' }))
  peer.send({ payload: 'too late' })
  await once(peer.socket, 'data')
  t.is(server.kind.links.size, 1)
  peer.close(4041)
  t.deepEqual(await peer.ending(), { code: 4041, reason: 'session.taken_over' })
  peer.socket.end()
  await until(() => server.kind.links.size === 0)
  t.deepEqual(server.messages.map(String), ['hello'])
})

const valid = ['', 'plain', 'κόσμε', '߿ࠀ�', '\u{10000}\u{10ffff}', '퟿', '￾￿', 'a\u0000b']
const invalid = ['ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64', 'f8 88 80 80 80', 'fc 84 80 80 80 80', 'ed a0 80', 'ed bf bf', 'f4 90 80 80', 'c0 af', 'e0 80 af', 'f0 80 80 af', '80', 'bf', 'fe', 'ff', 'c2', 'e0 a0', 'f0 90 80', '61 c3']

test('websocket closing: text is UTF-8, whole or in fragments that cut its characters', async t => {
  const { port } = await EchoServer.open(t)
  const peer = await WebSocketPeer.direct(t, port)
  for (const text of valid) {
    peer.send({ opcode: TEXT, payload: text })
    t.is(String(await peer.message()), text)
    const bytes = Buffer.from(text)
    bytes.forEach((byte, i) => peer.send({ opcode: i === 0 ? TEXT : 0, fin: i === bytes.length - 1, payload: Buffer.from([byte]) }))
    if (bytes.length > 0) t.is(String(await peer.message()), text)
  }
})

test('websocket closing: text that is not UTF-8 ends with 1007, whole or in fragments', async t => {
  const { port } = await EchoServer.open(t)
  for (const hex of invalid) {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')
    for (const isCut of [false, true]) {
      const peer = await WebSocketPeer.direct(t, port)
      if (isCut) bytes.forEach((byte, i) => peer.send({ opcode: i === 0 ? TEXT : 0, fin: i === bytes.length - 1, payload: Buffer.from([byte]) }))
      else peer.send({ opcode: TEXT, payload: bytes })
      t.deepEqual(await peer.ending(), { code: 1007, reason: 'websocket.invalid_data' }, hex)
    }
  }
})
