// A process of its own that connects to a broker and says how that went: for tests in which it matters who asks.
// Usage: node client-script.ts HOME; prints {"welcome": principal} or {"error": code}.

import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { isMainThread } from 'node:worker_threads'
import { BrokerError, connect } from '../../client/index.ts'
import type { Teardown } from './temporary-directory.ts'

const path = import.meta.filename

async function run(t: Teardown, home: string): Promise<unknown> {
  const child = spawn(process.execPath, [path, home], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  return JSON.parse(await text(child.stdout))
}

/** Runs it to its end; what it printed. */
export const runClientScript = Object.assign(run, { path })

async function main(home: string): Promise<object> {
  try {
    const client = await connect({ home })
    await client.close()
    return { welcome: client.welcome.principal }
  } catch (error) {
    return { error: BrokerError.from(error).code }
  }
}

if (isMainThread && process.argv[1] === path) process.stdout.write(JSON.stringify(await main(process.argv[2]!)))
