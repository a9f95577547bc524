// Starts nats-server, when it is installed, on a free loopback port.

import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { delimiter } from 'node:path'
import { endProcess, spawnServer, untilListening, type BenchServer } from './server.ts'

// Debian installs daemons where a user's PATH does not look.
const searchPath = [process.env['PATH'] ?? '', '/usr/sbin', '/usr/local/sbin'].join(delimiter)
const env = { ...process.env, PATH: searchPath }

/** Version text of the nats-server found; undefined when there is none. */
export function natsVersion(): string | undefined {
  const found = spawnSync('nats-server', ['--version'], { env, encoding: 'utf8' })
  return found.status === 0 ? found.stdout.trim() : undefined
}

/** TCP loopback: nats-server has no Unix socket. Default settings. */
export async function startNats(): Promise<BenchServer> {
  const port = await freePort()
  const server = spawnServer('nats-server', ['--addr', '127.0.0.1', '--port', String(port)], env)
  const stop = (): Promise<void> => endProcess(server.child)
  try {
    await untilListening(server, { port, host: '127.0.0.1' })
  } catch (error) {
    await stop()
    throw error
  }
  return { name: 'nats', target: { dialect: 'nats', address: `tcp:${port}`, credential: { principal: '', token: '' }, pid: server.child.pid!, bystanderPatterns: [] }, stop }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}
