// A link under pressure: writes that the kernel does not take, reading that stops, ends behind both.

import test from 'ava'
import { once } from 'node:events'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { EchoServer } from '../../support/websocket-echo.ts'
import { clientFrame, PING } from '../../support/websocket-frames.ts'
import { WebSocketPeer } from '../../support/websocket-peer.ts'
import { until } from '../../support/until.ts'

const MIB = 1024 * 1024

test('websocket flow: what the kernel does not take is told later, and comes whole and in order', async t => {
  const { port } = await EchoServer.open(t)
  const peer = await WebSocketPeer.direct(t, port)
  peer.socket.pause()
  const sent = Array.from({ length: 12 }, (_, i) => Buffer.alloc(MIB, i + 1))
  const writing = (async () => {
    for (const payload of sent) if (!peer.socket.write(clientFrame({ payload }))) await once(peer.socket, 'drain')
  })()
  await writing
  peer.socket.resume()
  for (const payload of sent) t.true((await peer.message()).equals(payload))
})

test('websocket flow: a paused link reads nothing, and everything afterwards', async t => {
  const server = await EchoServer.open(t)
  const peer = await WebSocketPeer.direct(t, server.port)
  peer.send({ payload: 'first' })
  await peer.message()
  const [link] = server.links
  link!.pause()
  t.true(link!.isPaused)
  // More than the kernel holds for one who does not read: the writer is held up.
  const payload = Buffer.alloc(16 * MIB, 'x')
  const isTaken = peer.socket.write(clientFrame({ payload }))
  t.false(isTaken)
  let drained = false
  peer.socket.once('drain', () => (drained = true))
  const other = await WebSocketPeer.direct(t, server.port)
  for (let i = 0; i < 50; i++) {
    other.send({ payload: 'others go on' })
    await other.message()
  }
  t.false(drained)
  t.is(server.messages.filter(message => message.length === payload.length).length, 0)
  link!.resume()
  t.is((await peer.message()).length, payload.length)
})

test('websocket flow: a pong waits behind what is in flight, for the latest ping alone, between frames', async t => {
  const { port } = await EchoServer.open(t)
  const peer = await WebSocketPeer.direct(t, port)
  peer.socket.pause()
  const payload = Buffer.alloc(8 * MIB, 'x')
  peer.send({ payload })
  for (let i = 0; i < 2000; i++) peer.send({ opcode: PING, payload: `ping ${i}` })
  peer.socket.resume()
  const first = await peer.next()
  t.is(first?.payload.length, payload.length)
  let pongs = 0
  for (let last = ''; last !== 'ping 1999'; pongs++) last = String((await peer.next())?.payload)
  t.true(pongs < 2000)
})

test('websocket flow: the close frame comes behind what was written', async t => {
  const server = await EchoServer.open(t)
  const peer = await WebSocketPeer.direct(t, server.port)
  peer.socket.pause()
  const payload = Buffer.alloc(8 * MIB, 'y')
  peer.write(Buffer.concat([clientFrame({ payload }), clientFrame({ opcode: 8, payload: Buffer.from([3, 232]) })]))
  await until(() => server.messages.length === 1)
  peer.socket.resume()
  t.is((await peer.message()).length, payload.length)
  t.is((await peer.ending()).code, 1000)
})

test('websocket flow: a client that is gone ends its link once, whatever was in flight', async t => {
  const server = await EchoServer.open(t)
  const peer = await WebSocketPeer.direct(t, server.port)
  peer.socket.pause()
  peer.send({ payload: Buffer.alloc(8 * MIB) })
  await until(() => server.messages.length === 1)
  peer.socket.resetAndDestroy()
  await until(() => server.kind.links.size === 0)
  const [link] = server.links
  t.false(link!.write([Buffer.from('x')]))
  t.notThrows(() => {
    link!.ping()
    link!.close(new BrokerError('connection.killed'))
    link!.close()
    link!.destroy()
  })
})
