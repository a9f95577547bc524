// A process that answers requests under a name, after a moment, with its process id: for tests that kill some of them.
// Usage: node instance-program.ts HOME NAME; prints a line when it is registered.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { isMainThread } from 'node:worker_threads'
import { connect } from '../../client/index.ts'
import type { Teardown } from './temporary-directory.ts'

/** Time that an answer takes, so that some are always open. ms */
const WORK_MS = 2

const path = import.meta.filename

/** Starts one; its process, once it is registered. */
export async function startInstance(t: Teardown, home: string, name: string): Promise<{ readonly pid: number; stop(): void; kill(): Promise<void> }> {
  const child = spawn(process.execPath, [path, home, name], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return {
    pid: child.pid!,
    /** It answers no more: what it is asked from here on stays open. */
    stop: () => void child.kill('SIGSTOP'),
    async kill() {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

async function main(home: string, name: string): Promise<void> {
  const client = await connect({ home, retry: false })
  client.subscribe(`$CB.to.service.${name}`, {
    onMessage: async message => {
      await setTimeout(WORK_MS)
      await message.respond(process.pid)
    },
  })
  await client.call('registry.register', { name, metadata: { pid: String(process.pid) } })
  process.stdout.write('registered\n')
}

if (isMainThread && process.argv[1] === path) await main(process.argv[2]!, process.argv[3]!)
