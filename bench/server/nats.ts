// Starts nats-server, when it is installed, on a free loopback port.

import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { endProcess, freePort, makeHome, removeHome, spawnServer, untilListening, type BenchServer, type Way } from './server.ts'

// Debian installs daemons where a user's PATH does not look.
const searchPath = [process.env['PATH'] ?? '', '/usr/sbin', '/usr/local/sbin'].join(delimiter)
const env = { ...process.env, PATH: searchPath }

/** Version text of the nats-server found; undefined when there is none. */
export function natsVersion(): string | undefined {
  const found = spawnSync('nats-server', ['--version'], { env, encoding: 'utf8' })
  return found.status === 0 ? found.stdout.trim() : undefined
}

/** TCP loopback, as nats-server has no Unix socket, or its WebSocket listener. Default settings otherwise. */
export async function startNats(way: Way): Promise<BenchServer> {
  const [home, port, webSocketPort] = [await makeHome(), await freePort(), await freePort()]
  const config = join(home, 'nats.conf')
  const isWebSocket = way === 'ws' || way === 'nats-ws'
  await writeFile(config, isWebSocket ? `websocket { host: "127.0.0.1", port: ${webSocketPort}, no_tls: true }\n` : '')
  const server = spawnServer('nats-server', ['--addr', '127.0.0.1', '--port', String(port), '--config', config], env)
  const stop = async (): Promise<void> => {
    await endProcess(server.child)
    await removeHome(home)
  }
  const listening = isWebSocket ? webSocketPort : port
  try {
    await untilListening(server, { port: listening, host: '127.0.0.1' })
  } catch (error) {
    await stop()
    throw error
  }
  const address = isWebSocket ? (`ws:${listening}` as const) : (`tcp:${listening}` as const)
  return { name: 'nats', target: { dialect: 'nats', address, credential: { principal: '', token: '' }, pid: server.child.pid!, bystanderPatterns: [] }, stop }
}
