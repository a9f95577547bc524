import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { WebSocket } from 'ws'
import { Line } from '../../../bench/load/line.ts'
import { patternBytes } from '../../../bench/load/payload.ts'
import { binaryMessage, webSocketReader } from '../../../bench/relay/websocket.ts'
import { closed } from '../../support/closed.ts'

/** A relay's end of sockets that sends back what it reads. */
async function echoing(t: ExecutionContext): Promise<number> {
  const sockets: Socket[] = []
  const server = createServer(socket => {
    sockets.push(socket)
    const read = webSocketReader(socket, stretch => socket.write(binaryMessage(stretch)))
    socket.on('data', read).on('error', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as { port: number }).port
}

test('relay: an ordinary WebSocket client is upgraded, gets its messages back, and is let go', async t => {
  const client = new WebSocket(`ws://127.0.0.1:${await echoing(t)}`)
  await once(client, 'open')
  for (const bytes of [1, 125, 126, 40_000]) {
    const received = Buffer.alloc(bytes)
    client.send(patternBytes(bytes))
    // What spans reads comes back in parts.
    for (let got = 0; got < bytes; ) {
      const [part] = (await once(client, 'message')) as [Buffer]
      part.copy(received, got)
      got += part.length
    }
    t.deepEqual(received, Buffer.from(patternBytes(bytes)))
  }
  client.close()
  await once(client, 'close')
  t.pass()
})

test('relay: the load\'s line reaches it, in whatever pieces its request comes', async t => {
  const port = await echoing(t)
  const line = await Line.open(`ws:${port}`)
  t.teardown(() => line.close())
  const back = new Promise<Buffer>(resolve => (line.onBytes = bytes => resolve(Buffer.from(bytes))))
  line.send(patternBytes(300))
  t.deepEqual(await back, Buffer.from(patternBytes(300)))

  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  let answer = ''
  socket.on('data', data => (answer += data.toString('latin1')))
  for (const piece of ['GET / HTTP/1.1\r\nSec-WebSoc', 'ket-Key: dGhlIHNhbXBsZSBub25jZQ==\r', '\n\r\n']) {
    socket.write(piece)
    await new Promise(resolve => setImmediate(resolve))
  }
  while (!answer.includes('\r\n\r\n')) await once(socket, 'data')
  // RFC 6455 1.3 has this key and this answer.
  t.regex(answer, /s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/)
})

test('relay: who is no WebSocket client is turned away', async t => {
  const socket = connect(await echoing(t), '127.0.0.1')
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await closed(socket)
  t.pass()
})
