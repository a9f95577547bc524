// Starts nats-server with JetStream on a free loopback port, when it is installed.

import { endProcess, freePort, makeHome, removeHome, spawnServer, untilListening } from '../server/server.ts'
import { daemonEnv, firstLine } from './installed.ts'
import type { QueueServer } from './server.ts'

export function jetstreamVersion(): string | undefined {
  return firstLine('nats-server', ['--version'])
}

export async function startJetStream(directory: string): Promise<QueueServer> {
  const [home, port] = [await makeHome(directory), await freePort()]
  const server = spawnServer('nats-server', ['--jetstream', '--store_dir', home, '--addr', '127.0.0.1', '--port', String(port)], daemonEnv)
  const stop = async (): Promise<void> => {
    await endProcess(server.child)
    await removeHome(home)
  }
  try {
    await untilListening(server, { port, host: '127.0.0.1' })
  } catch (error) {
    await stop()
    throw error
  }
  return { target: { kind: 'jetstream', port }, pid: server.child.pid!, stop }
}
