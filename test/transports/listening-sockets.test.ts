import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { duplicate } from '../../native/duplicate.ts'
import { ListeningSockets } from '../../transports/listening-sockets.ts'
import { bindTcp } from '../../transports/tcp/bind.ts'
import { bindUnix, unbindUnix } from '../../transports/unix/bind.ts'
import { recordedLog } from '../support/recorded-log.ts'
import { reservedPort } from '../support/reserved-port.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const greeting = (server: Server, text: string): Server => server.on('connection', socket => socket.end(text))

async function greeted(address: { port: number } | { path: string }): Promise<string> {
  const socket = connect({ ...address, host: '127.0.0.1' })
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await once(socket, 'close')
  return text
}

for (const kind of ['tcp', 'unix'] as const) {
  test(`listening sockets: over ${kind}, who connects while nobody accepts waits, and is served by whoever goes on`, async t => {
    const path = join(temporaryDirectory(t), 'board.sock')
    const before = new ListeningSockets()
    const first = greeting(createServer(), 'first')
    const bind = (server: Server, sockets: ListeningSockets): Promise<unknown> => (kind === 'tcp' ? bindTcp(server, '127.0.0.1', 0, 'gateway', sockets) : bindUnix(server, path, 'ipc.socket', recordedLog(), sockets))
    await bind(first, before)
    const address = kind === 'tcp' ? { port: (first.address() as AddressInfo).port } : { path }
    t.is(await greeted(address), 'first')
    t.true(before.suspend())
    const waiting = greeted(address)
    await before.resume()
    t.is(await waiting, 'first', 'taken back')
    // As the child gets them: descriptors of its own.
    const inherited = new ListeningSockets(before.descriptors.map(([key, fd]) => [key, duplicate(fd)!]))
    t.true(before.suspend())
    const late = greeted(address)
    const second = greeting(createServer(), 'second')
    await bind(second, inherited)
    before.leave()
    t.is(await late, 'second')
    t.is(await greeted(address), 'second')
    if (kind === 'unix') {
      await unbindUnix(first, path)
      t.is(await greeted(address), 'second', 'who has handed over takes the path away from nobody')
      await unbindUnix(second, path)
      t.false(existsSync(path))
      t.deepEqual(readdirSync(join(path, '..')), [])
    }
    second.close()
  })
}

test('listening sockets: what was inherited for another address is closed', async t => {
  const before = new ListeningSockets()
  const server = createServer()
  // Not one that the system gives: it is asked again when it is free.
  const port = await bindTcp(server, '127.0.0.1', await reservedPort(t), 'gateway', before)
  const inherited = new ListeningSockets(before.descriptors.map(([key, fd]) => [key, duplicate(fd)!]))
  t.is(inherited.take('tcp nats 127.0.0.1:4222'), undefined)
  inherited.closeUntaken()
  server.close()
  await once(server, 'close')
  const [error] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException]
  t.is(error.code, 'ECONNREFUSED')
})
