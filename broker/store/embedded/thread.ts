// The thread of a store: hands the engine what has come and what is due, and sends its answers. Run as a worker.

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Engine, EngineOptions } from './engine.ts'
import type { FromThread, ToThread } from './messages.ts'
import { storeError } from './store-errors.ts'

/** Worked off by one transaction at most. bytes */
const MAX_GROUP_BYTES = 16 * 1024 * 1024

/** What the thread is started with. */
export type ThreadData = EngineOptions

const port = parentPort!
const post = (message: FromThread, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)
const data = workerData as ThreadData
let engine: Engine | undefined
let timer: NodeJS.Timeout | undefined
let isNextTurn = false

function run(first?: ToThread): void {
  const messages = first === undefined ? [] : [first]
  let bytes = 0
  for (let last = first; last?.kind !== 'end' && bytes < MAX_GROUP_BYTES; ) {
    const received = receiveMessageOnPort(port)
    if (received === undefined) break
    last = received.message as ToThread
    messages.push(last)
    if (last.kind === 'batch') bytes += last.length
  }
  const waitMs = engine!.run(messages)
  if (messages.at(-1)?.kind === 'end') return end()
  clearTimeout(timer)
  if (waitMs > 0 && waitMs < Infinity) timer = setTimeout(run, waitMs)
  else if (waitMs === 0 && !isNextTurn) {
    isNextTurn = true
    setImmediate(() => {
      isNextTurn = false
      if (engine !== undefined) run()
    })
  }
}

function end(): void {
  clearTimeout(timer)
  engine!.close()
  engine = undefined
  port.close()
}

try {
  engine = await openEngine()
  port.on('message', (message: ToThread) => run(message))
  post({ kind: 'ready' })
} catch (error) {
  const { code, details } = storeError(error, { backend: data.backend, path: data.directory ?? ':memory:' })
  post({ kind: 'failed', error: { code, details } })
}

async function openEngine(): Promise<Engine> {
  const [{ Engine }, { LogWriterThread }] = await Promise.all([import('./engine.ts'), import('./log-writer.ts')])
  return new Engine(data, post, undefined, (path) => new LogWriterThread(path))
}
