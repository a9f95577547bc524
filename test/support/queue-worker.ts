// A worker in a process of its own, for tests that kill it: takes messages of one queue and puts each into another in one step.
// Usage: node queue-worker.ts HOME FROM TO; runs until it is killed.

import { join } from 'node:path'
import { once } from 'node:events'
import { spawn, type ChildProcess } from 'node:child_process'
import { isMainThread } from 'node:worker_threads'
import { connect } from '../../client/index.ts'
import type { Teardown } from './temporary-directory.ts'

const path = import.meta.filename

export class QueueWorker {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#exited = once(child, 'exit')
  }

  /** It ends with the test. */
  static start(t: Teardown, home: string, from: string, to: string): QueueWorker {
    const child = spawn(process.execPath, [path, home, from, to], { stdio: ['ignore', 'ignore', 'inherit'] })
    const worker = new QueueWorker(child)
    t.teardown(() => worker.kill())
    return worker
  }

  /** As kill -9; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }
}

async function work([home, from, to]: readonly string[]): Promise<void> {
  const client = await connect({ home: home!, socket: join(home!, 'callboard.sock'), retry: { maxRetries: Infinity, retryDelayMs: 20 } })
  client.consume<number>(from!, { concurrency: 8, maxInFlight: 16, onMessage: message => message.forward(to!, message.value) })
}

if (isMainThread && process.argv[1] === path) await work(process.argv.slice(2))
