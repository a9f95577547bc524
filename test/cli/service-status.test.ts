import { spawn } from 'node:child_process'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { ServiceStatus } from '../../cli/service-status.ts'
import { ChildOutput } from '../support/child-output.ts'
import { pythonTest } from '../support/python.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

/** systemd's end of the socket: Node has no datagrams of Unix sockets. */
async function receiver(t: ExecutionContext, address: string): Promise<() => Promise<string>> {
  const script = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', '\\0', 1))
print('ready', flush=True)
while True: print(repr(s.recv(4096).decode()), flush=True)`
  const child = spawn('python3', ['-c', script, address])
  t.teardown(() => child.kill('SIGKILL'))
  const output = new ChildOutput(child)
  t.is(await output.next(), 'ready')
  return () => output.next()
}

pythonTest('service status: systemd hears that the broker serves, lives and stops; what it starts does not learn where', async t => {
  const socket = join(temporaryDirectory(t), 'notify')
  for (const address of [socket, `@${socket}`]) {
    const next = await receiver(t, address)
    const environment: NodeJS.ProcessEnv = { NOTIFY_SOCKET: address, WATCHDOG_USEC: '60000', WATCHDOG_PID: String(process.pid), OTHER: '1' }
    const status = new ServiceStatus(environment)
    t.deepEqual(environment, { OTHER: '1' })
    status.serving('serves')
    t.is(await next(), String.raw`'READY=1\nSTATUS=serves'`)
    t.is(await next(), "'WATCHDOG=1'")
    status.stopping()
    for (let said = await next(); said !== String.raw`'STOPPING=1\nSTATUS=finishing what was accepted'`; said = await next()) t.is(said, "'WATCHDOG=1'")
    status.ended()
  }
})

test('service status: where systemd did not start it nothing is said, and a socket that is gone is no error', t => {
  t.notThrows(() => new ServiceStatus({}).serving('serves'))
  t.notThrows(() => new ServiceStatus({ NOTIFY_SOCKET: '/nowhere/at/all' }).serving('serves'))
})
