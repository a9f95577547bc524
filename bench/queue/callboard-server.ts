// Starts the broker with every feature on and a queue in its embedded store.

import type { ChildProcess } from 'node:child_process'
import { connect, type Client } from '../../client/index.ts'
import type { Durability } from '../../broker/ground/store-settings.ts'
import { BENCH_PRINCIPAL, brokerPid, fullConfig, socketPath, spawnBroker } from '../server/broker.ts'
import { endProcess, freePort, makeHome, removeHome, untilListening, type SpawnedServer } from '../server/server.ts'
import { QUEUE, type LaneTarget } from './job.ts'
import type { QueueServer } from './server.ts'

/** More than any run leaves in the queue. */
const MAX_MESSAGES = 1_000_000_000

/** A broker of which one may know its home, and end it to begin it anew there. */
export interface CallboardServer extends QueueServer {
  readonly target: Extract<LaneTarget, { kind: 'callboard' }>
  readonly child: ChildProcess
}

export async function startCallboard(directory: string, durability: Durability, nodeArgs: readonly string[] = []): Promise<CallboardServer> {
  const home = await makeHome(directory)
  const server = await spawnIn(home, nodeArgs)
  const stop = async (): Promise<void> => {
    await endProcess(server.child)
    await removeHome(home)
  }
  try {
    await untilListening(server, { path: socketPath(home) })
    const owner = await ownerOf(home)
    // With its 10,000 messages a queue would be full at once; the limit is counted all the same.
    await owner.call('channel.create', { name: QUEUE, mode: 'queue', queue: { durability, maxMessages: MAX_MESSAGES, maxBytes: 0 } })
    await owner.close()
    const { principal, token } = BENCH_PRINCIPAL
    return { target: { kind: 'callboard', home, principal, token }, pid: await brokerPid(home, server.child.pid!), child: server.child, stop }
  } catch (error) {
    await stop()
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${server.output()}`, { cause: error })
  }
}

/** A broker in a home that may have a queue already; nobody waits for it. */
export async function spawnIn(home: string, nodeArgs: readonly string[] = []): Promise<SpawnedServer> {
  const [port, natsPort] = [await freePort(), await freePort()]
  return spawnBroker(home, ['--config', fullConfig], { CALLBOARD_GATEWAY_PORT: String(port), CALLBOARD_NATS_PORT: String(natsPort) }, nodeArgs)
}

/** A client that may ask for everything; the load's principal may not. */
export function ownerOf(home: string): Promise<Client> {
  return connect({ home, principal: 'owner', program: 'bench-owner', agent: false })
}
