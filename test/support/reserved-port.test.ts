import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import test from 'ava'
import { reservedPort } from './reserved-port.ts'
import { until } from './until.ts'

test('reserved port: nobody listens there, and several of one test differ', async t => {
  const ports = await Promise.all(Array.from({ length: 20 }, () => reservedPort(t)))
  t.is(new Set(ports).size, 20)
  const socket = connect(ports[0]!, '127.0.0.1')
  const error = await t.throwsAsync<NodeJS.ErrnoException>(once(socket, 'connect'))
  t.is(error.code, 'ECONNREFUSED')
})

test('reserved port: another test cannot get the number until the first one has ended', async t => {
  const teardowns: (() => unknown)[] = []
  const port = await reservedPort({ teardown: (done: () => unknown): void => void teardowns.push(done) })
  const bind = async (): Promise<unknown> => {
    const socket = createSocket('udp4')
    t.teardown(() => socket.close())
    const bound = once(socket, 'listening')
    socket.bind({ port, address: '127.0.0.1', exclusive: true })
    return bound
  }
  const refused = await t.throwsAsync<NodeJS.ErrnoException>(bind())
  t.is(refused.code, 'EADDRINUSE')
  for (const done of teardowns) await done()
  // What another thread spawns at this moment has the socket too until it runs its program.
  await until(() => bind().then(() => true, () => false))
  t.pass()
})
