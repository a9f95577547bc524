// Starts the bare relay.

import { join } from 'node:path'
import { endProcess, freePort, isNats, makeHome, removeHome, spawnServer, untilListening, type BenchServer, type Way } from './server.ts'

const relayFile = join(import.meta.dirname, '../relay.ts')

/** @throws Error for the NATS protocol, which it does not speak */
export async function startRelay(way: Way): Promise<BenchServer> {
  if (isNats(way)) throw new Error('the relay forwards native frames alone')
  const home = await makeHome()
  const path = join(home, 'relay.sock')
  const port = await freePort()
  const address = way === 'ws' ? (`ws:${port}` as const) : (`unix:${path}` as const)
  const server = spawnServer(process.execPath, [relayFile, address])
  const stop = async (): Promise<void> => {
    await endProcess(server.child)
    await removeHome(home)
  }
  try {
    await untilListening(server, way === 'ws' ? { port, host: '127.0.0.1' } : { path })
  } catch (error) {
    await stop()
    throw error
  }
  return { name: 'relay', target: { dialect: 'callboard', address, credential: { principal: 'bench', token: '' }, pid: server.child.pid!, bystanderPatterns: [] }, stop }
}
