import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openPeerCredentials, type PeerSystem } from '../../native/peer-credentials.ts'
import { recordedLog } from '../support/recorded-log.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const isLinux = process.platform === 'linux'

/** The descriptor of an accepted socket, as the broker finds it. */
function descriptorOf(socket: Socket): number {
  return (socket as Socket & { readonly _handle: { readonly fd: number } })._handle.fd
}

async function listen(t: ExecutionContext, where: string | number): Promise<Server> {
  const server = createServer().listen(where)
  t.teardown(() => server.close())
  await once(server, 'listening')
  return server
}

/** Connects from another process, which stays until the test ends; gives the accepted socket and that process's pid. */
async function connectFromChild(t: ExecutionContext, server: Server, target: string): Promise<{ socket: Socket; pid: number }> {
  const child = spawn(process.execPath, ['-e', `require('node:net').connect(${target}).resume()`], { stdio: 'ignore' })
  t.teardown(() => child.kill())
  const [socket] = (await once(server, 'connection')) as [Socket]
  t.teardown(() => socket.destroy())
  return { socket, pid: child.pid! }
}

if (isLinux) {
  test('peer credentials: pid, uid and gid of the process that connected, each of its own', async t => {
    const path = join(temporaryDirectory(t), 's')
    const server = await listen(t, path)
    const log = recordedLog()
    const credentialsOf = openPeerCredentials(log)
    const ids = { uid: process.getuid!(), gid: process.getgid!() }
    const first = await connectFromChild(t, server, JSON.stringify(path))
    const second = await connectFromChild(t, server, JSON.stringify(path))
    const earlier = credentialsOf(descriptorOf(first.socket))
    t.deepEqual(credentialsOf(descriptorOf(second.socket)), { pid: second.pid, ...ids })
    // The buffers are used again: what was given before must not change with them.
    t.deepEqual(earlier, { pid: first.pid, ...ids })
    t.deepEqual(log.records, [])
  })

  test('peer credentials: undefined for a TCP socket and for a number that is no socket', async t => {
    const server = await listen(t, 0)
    const { socket } = await connectFromChild(t, server, String((server.address() as { port: number }).port))
    const credentialsOf = openPeerCredentials(recordedLog())
    t.is(credentialsOf(descriptorOf(socket)), undefined)
    t.is(credentialsOf(1_000_000), undefined)
    t.is(credentialsOf(-1), undefined)
  })
}

const failing: { title: string; system: PeerSystem; problem: RegExp }[] = [
  { title: 'another platform', system: { platform: 'darwin', loadGetSocketOption: () => () => 0 }, problem: /darwin/ },
  { title: 'a library that does not load', system: { platform: 'linux', loadGetSocketOption: () => { throw new Error('no prebuilt binary') } }, problem: /no prebuilt binary/ },
]

for (const { title, system, problem } of failing) {
  test(`peer credentials: undefined on ${title}, said once in the log`, t => {
    const log = recordedLog()
    const credentialsOf = openPeerCredentials(log, system)
    t.deepEqual([credentialsOf(3), credentialsOf(4), credentialsOf(5)], [undefined, undefined, undefined])
    t.is(log.records.length, 1)
    t.is(log.records[0]!.level, 'warn')
    t.regex(String(log.records[0]!.fields['problem']), problem)
  })
}
