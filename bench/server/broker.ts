// Starts the broker by its command line, as an operator does, with every feature on.

import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { connect, type Client } from '../../client/index.ts'
import type { Credential } from '../load/job.ts'
import type { Address } from '../load/line.ts'
import { endProcess, freePort, isNats, makeHome, removeHome, spawnServer, untilListening, type BenchServer, type SpawnedServer, type Way } from './server.ts'

const root = join(import.meta.dirname, '../..')
const command = join(root, 'bin/callboard.mjs')
/** Every feature on. */
export const fullConfig = join(root, 'bench/full.yaml')

/** As `full.yaml` has it: every run goes by its ten patterns. */
export const BENCH_PRINCIPAL: Credential = { principal: 'bench', token: 'callboard-bench-is-public' }

/** Unrelated wildcards that somebody subscribes to while the broker is measured (DESIGN 9: every feature on). */
const BYSTANDER_PATTERNS = 100

/** The broker by its command line; without `config` as an operator without one has it. `nodeArgs`: for Node itself. */
export function spawnBroker(home: string, config: readonly string[] = [], env: NodeJS.ProcessEnv = {}, nodeArgs: readonly string[] = []): SpawnedServer {
  return spawnServer(process.execPath, [...nodeArgs, command, 'start', ...config], { ...process.env, ...env, CALLBOARD_HOME: home })
}

export function socketPath(home: string): string {
  return join(home, 'callboard.sock')
}

/** The token that the broker made at its first start in `home`. */
export async function readToken(home: string): Promise<string> {
  return (await readFile(join(home, 'token'), 'utf8')).trim()
}

export async function startBroker(way: Way, nodeArgs: readonly string[] = []): Promise<BenchServer> {
  const [home, port, natsPort] = [await makeHome(), await freePort(), await freePort()]
  const server = spawnBroker(home, ['--config', fullConfig], { CALLBOARD_GATEWAY_PORT: String(port), CALLBOARD_NATS_PORT: String(natsPort) }, nodeArgs)
  const stop = async (): Promise<void> => {
    await endProcess(server.child)
    await removeHome(home)
  }
  try {
    const addresses: Readonly<Record<Way, Address>> = { own: `unix:${socketPath(home)}`, ws: `ws:${port}`, nats: `tcp:${natsPort}`, 'nats-ws': `ws:${port}/nats` }
    const address = addresses[way]
    await untilListening(server, way === 'own' ? { path: socketPath(home) } : { port: way === 'nats' ? natsPort : port, host: '127.0.0.1' })
    const target = { dialect: isNats(way) ? 'nats' : 'callboard', address, credential: BENCH_PRINCIPAL, pid: await brokerPid(home, server.child.pid!), bystanderPatterns: bystanderPatterns() } as const
    return { name: 'broker', target, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A client of a broker on its own socket that may ask for everything; the load's principal may not. */
export function connectOwner({ target }: BenchServer): Promise<Client> {
  return connect({ home: dirname(target.address.slice('unix:'.length)), principal: 'owner', program: 'bench', agent: false })
}

// The command may have handed over to another process: the pid file says who holds the home.
export async function brokerPid(home: string, spawned: number): Promise<number> {
  const text = await readFile(join(home, 'callboard.pid'), 'utf8').catch(() => '')
  return Number(/\d+/.exec(text)?.[0] ?? spawned)
}

function bystanderPatterns(): readonly string[] {
  return Array.from({ length: BYSTANDER_PATTERNS }, (_, i) => (i % 2 === 0 ? `unrelated.${i}.*.state` : `unrelated.*.${i}.>`))
}
