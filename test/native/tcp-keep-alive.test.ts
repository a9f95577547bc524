import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { openTcpKeepAlive, type KeepAliveSystem } from '../../native/tcp-keep-alive.ts'

async function connected(t: ExecutionContext): Promise<{ socket: Socket; asked: unknown[][] }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => {
    socket.destroy()
    server.close()
  })
  await once(socket, 'connect')
  const asked: unknown[][] = []
  socket.setKeepAlive = (...words) => {
    asked.push(words)
    return socket
  }
  return { socket, asked }
}

test('tcp keep-alive: the kernel is told interval and probes, Node nothing', async t => {
  const { socket, asked } = await connected(t)
  const told: number[][] = []
  const setSocketOption: ReturnType<KeepAliveSystem['loadSetSocketOption']> = (_fd, level, option, value) => {
    told.push([level, option, value[0]!])
    return 0
  }
  const system: KeepAliveSystem = { platform: 'linux', loadSetSocketOption: () => setSocketOption }
  openTcpKeepAlive({ intervalMs: 30_000, probes: 3 }, system)(socket)
  t.deepEqual(told, [[1, 9, 1], [6, 4, 30], [6, 5, 30], [6, 6, 3]])
  t.deepEqual(asked, [])
})

test('tcp keep-alive: where the system cannot be told, Node says when to begin', async t => {
  const systems: KeepAliveSystem[] = [
    { platform: 'darwin', loadSetSocketOption: () => t.fail('not asked') },
    { platform: 'linux', loadSetSocketOption: () => { throw new Error('no library') } },
    { platform: 'linux', loadSetSocketOption: () => () => -1 },
  ]
  for (const system of systems) {
    const { socket, asked } = await connected(t)
    openTcpKeepAlive({ intervalMs: 45_000, probes: 3 }, system)(socket)
    t.deepEqual(asked, [[true, 45_000]])
  }
})

test('tcp keep-alive: a socket that is gone already is passed over', async t => {
  const { socket } = await connected(t)
  socket.destroy()
  t.notThrows(() => openTcpKeepAlive({ intervalMs: 1000, probes: 1 })(socket))
})
