// Starts the bare relay.

import { join } from 'node:path'
import { endProcess, makeHome, removeHome, spawnServer, untilListening, type BenchServer } from './server.ts'

const relayFile = join(import.meta.dirname, '../relay.ts')

export async function startRelay(): Promise<BenchServer> {
  const home = await makeHome()
  const path = join(home, 'relay.sock')
  const server = spawnServer(process.execPath, [relayFile, path])
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
  return { name: 'relay', target: { dialect: 'callboard', address: `unix:${path}`, credential: { principal: 'bench', token: '' }, pid: server.child.pid!, bystanderPatterns: [] }, stop }
}
