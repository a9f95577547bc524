// The store thread's side of the thread that writes the log back: begins it, and says whether it is still at it. Started when it is first needed.

import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { DONE, Task } from './log-task.ts'
// By this type the built package has the thread's file.
import type { LogThreadData } from './log-thread.ts'

/** A disk that hangs is the store's own trouble, not this one's. ms */
const MAX_WAIT_MS = 5000

/** Whoever writes a log back beside the store's thread. */
export interface LogWriter {
  readonly isRunning: boolean
  /** False: it cannot, and whoever asks does it himself. */
  begin(): boolean
  /** Blocks until it is not running any more, or for 5 s. */
  wait(): void
  /** Why the last one failed, with SQLite's `errcode` where it has one; told once. */
  takeFailure(): Error | undefined
  end(): void
}

export class LogWriterThread implements LogWriter {
  readonly #path: string
  readonly #thread: (data: LogThreadData) => Worker
  readonly #shared = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
  #isStarted = false
  /** The thread is gone, or could not be started. */
  #isLost = false

  /**
   * @param path of the database
   * @param thread starts it, or throws
   */
  constructor(path: string, thread: (data: LogThreadData) => Worker = startThread) {
    this.#path = path
    this.#thread = thread
  }

  get isRunning(): boolean {
    return !this.#isLost && Atomics.load(this.#shared, 0) === Task.writeBack
  }

  begin(): boolean {
    if (this.#isLost || Atomics.load(this.#shared, 0) !== Task.none) return false
    if (!this.#isStarted && !this.#start()) return false
    Atomics.store(this.#shared, 0, Task.writeBack)
    Atomics.notify(this.#shared, 0)
    return true
  }

  wait(): void {
    if (this.isRunning) Atomics.wait(this.#shared, 0, Task.writeBack, MAX_WAIT_MS)
  }

  takeFailure(): Error | undefined {
    const code = Atomics.exchange(this.#shared, 1, DONE)
    return code === DONE ? undefined : Object.assign(new Error(`the log could not be written back (SQLite's code ${code})`), { errcode: code })
  }

  end(): void {
    this.wait()
    Atomics.store(this.#shared, 0, Task.end)
    Atomics.notify(this.#shared, 0)
  }

  // False: the system has no thread for it, now and, as far as this store goes, ever.
  #start(): boolean {
    this.#isStarted = true
    const data: LogThreadData = { path: this.#path, shared: this.#shared }
    const lost = (): void => void (this.#isLost = true)
    try {
      const worker = this.#thread(data)
      worker.on('error', lost)
      worker.on('exit', lost)
      worker.unref()
      return true
    } catch {
      lost()
      return false
    }
  }
}

function startThread(data: LogThreadData): Worker {
  // Its heap holds nothing: with V8's own bounds it would take as much memory as the store.
  return new Worker(new URL(`./log-thread${extname(import.meta.url)}`, import.meta.url), { workerData: data, name: 'callboard-log', resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 } })
}
