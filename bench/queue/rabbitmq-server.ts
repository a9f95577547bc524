// Starts RabbitMQ, when it is installed, as a process of the bench's own: its database, its logs, and the name server that Erlang needs.

import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endProcess, freePort, makeHome, removeHome, spawnServer, untilListening, type SpawnedServer } from '../server/server.ts'
import { daemonEnv, firstLine } from './installed.ts'
import type { QueueServer } from './server.ts'

// Not the one in PATH: Debian's goes on as user rabbitmq, with the directories of the system's own server.
const script = '/usr/lib/rabbitmq/bin/rabbitmq-server'
/** It takes seconds on an idle machine. ms */
const READY_MS = 60_000
/** Its own SIGTERM handling takes longer than that of the others. ms */
const STOP_MS = 10_000

export function rabbitVersion(): string | undefined {
  if (!existsSync(script)) return undefined
  const version = firstLine('dpkg-query', ['--show', '--showformat=${Version}', 'rabbitmq-server'])
  return `rabbitmq-server: v${version ?? ' unknown'}`
}

export async function startRabbit(directory: string): Promise<QueueServer> {
  const home = await makeHome(directory)
  const [port, distPort, namePort] = [await freePort(), await freePort(), await freePort()]
  await writeFile(join(home, 'rabbitmq.conf'), `listeners.tcp.1 = 127.0.0.1:${port}\n`)
  await writeFile(join(home, 'plugins'), '[].\n')
  // Begun by us, in the foreground: the one that Erlang begins itself would outlive the bench.
  const names = spawnServer('epmd', ['-port', String(namePort), '-address', '127.0.0.1'], daemonEnv)
  const server = spawnServer(script, [], environment(home, distPort, namePort))
  const stop = async (): Promise<void> => {
    await endServer(server, home)
    await endProcess(names.child)
    await removeHome(home)
  }
  try {
    await untilListening(names, { port: namePort, host: '127.0.0.1' })
    await untilListening(server, { port, host: '127.0.0.1' }, READY_MS)
    return { target: { kind: 'rabbitmq', port }, pid: (await pidIn(home))!, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function environment(home: string, distPort: number, namePort: number): NodeJS.ProcessEnv {
  return {
    ...daemonEnv,
    HOME: home,
    ERL_EPMD_PORT: String(namePort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: 'bench@localhost',
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_CONFIG_FILE: join(home, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'plugins'),
    RABBITMQ_MNESIA_BASE: join(home, 'mnesia'),
    RABBITMQ_LOG_BASE: join(home, 'log'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(home, 'config'),
    RABBITMQ_PID_FILE: join(home, 'pid'),
  }
}

async function pidIn(home: string): Promise<number | undefined> {
  const pid = Number(await readFile(join(home, 'pid'), 'utf8').catch(() => ''))
  return pid > 0 ? pid : undefined
}

// The child is a shell that waits for Erlang: it is Erlang that must go.
async function endServer({ child }: SpawnedServer, home: string): Promise<void> {
  const pid = await pidIn(home)
  if (pid === undefined) return endProcess(child)
  signal(pid, 'SIGTERM')
  const deadline = performance.now() + STOP_MS
  while (isRunning(child)) {
    if (performance.now() > deadline) signal(pid, 'SIGKILL')
    await sleep(20)
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // Gone already.
  }
}
