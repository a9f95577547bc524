// Starts redis-server on a Unix socket, when it is installed: each command is on the disk before its answer.

import { join } from 'node:path'
import { endProcess, makeHome, removeHome, spawnServer, untilListening } from '../server/server.ts'
import { daemonEnv, firstLine } from './installed.ts'
import type { QueueServer } from './server.ts'

export function redisVersion(): string | undefined {
  return /v=[\d.]+/.exec(firstLine('redis-server', ['--version']) ?? '')?.[0].replace('v=', 'redis-server: v')
}

export async function startRedis(directory: string): Promise<QueueServer> {
  const home = await makeHome(directory)
  const path = join(home, 'redis.sock')
  const server = spawnServer('redis-server', ['--port', '0', '--unixsocket', path, '--dir', home, '--appendonly', 'yes', '--appendfsync', 'always', '--save', ''], daemonEnv)
  const stop = async (): Promise<void> => {
    await endProcess(server.child)
    await removeHome(home)
  }
  try {
    await untilListening(server, { path })
  } catch (error) {
    await stop()
    throw error
  }
  return { target: { kind: 'redis', path }, pid: server.child.pid!, stop }
}
