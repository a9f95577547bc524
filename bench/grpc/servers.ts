// The two servers that are measured: the broker with every feature on, and the bare echo.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { connect } from '../../client/index.ts'
import { BENCH_PRINCIPAL, brokerPid, fullConfig, socketPath, spawnBroker } from '../server/broker.ts'
import { endProcess, freePort, makeHome, removeHome, spawnServer, untilListening } from '../server/server.ts'
import type { LoadTarget } from './load.ts'

/** Messages between two receipts: how far the publisher runs ahead. */
const BATCH = 500
/** Messages that the stream has not brought yet. */
const MAX_AHEAD = 10_000

export interface GrpcServer extends LoadTarget {
  readonly name: 'broker' | 'echo'
  /** Publishes on the subject until it is over. */
  feed(subject: string, isOver: () => boolean, got: () => number): Promise<void>
  stop(): Promise<void>
}

export async function startEcho(): Promise<GrpcServer> {
  const port = await freePort()
  const server = spawnServer(process.execPath, [join(import.meta.dirname, 'echo.ts'), String(port)])
  await untilListening(server, { port, host: '127.0.0.1' })
  return { name: 'echo', address: `127.0.0.1:${port}`, pid: server.child.pid!, credential: undefined, feed: () => Promise.resolve(), stop: () => endProcess(server.child) }
}

export async function startGrpcBroker(): Promise<GrpcServer> {
  const [home, port, gatewayPort, natsPort] = [await makeHome(), await freePort(), await freePort(), await freePort()]
  const config = join(home, 'full.yaml')
  await writeFile(config, `${await readFile(fullConfig, 'utf8')}\ngrpc: {port: ${port}}\n`)
  const server = spawnBroker(home, ['--config', config], { CALLBOARD_GATEWAY_PORT: String(gatewayPort), CALLBOARD_NATS_PORT: String(natsPort) })
  const stop = async (): Promise<void> => {
    await endProcess(server.child)
    await removeHome(home)
  }
  try {
    await untilListening(server, { port, host: '127.0.0.1' })
    return { name: 'broker', address: `127.0.0.1:${port}`, pid: await brokerPid(home, server.child.pid!), credential: BENCH_PRINCIPAL, feed: (subject, isOver, got) => publish(home, subject, isOver, got), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

// No further ahead than a few batches: a stream that cannot keep up is to be measured, not ended as a slow consumer.
async function publish(home: string, subject: string, isOver: () => boolean, got: () => number): Promise<void> {
  const client = await connect({ socket: socketPath(home), ...BENCH_PRINCIPAL, program: 'bench', agent: false })
  const payload = new Uint8Array(100).fill(120)
  for (let published = 0; !isOver(); published += BATCH) {
    for (let i = 1; i < BATCH; i++) void client.publish(subject, payload)
    await client.publish(subject, payload, { receipt: true })
    while (published - got() > MAX_AHEAD && !isOver()) await setImmediate()
  }
  await client.close()
}
