// Hands work to threads: signatures, compression. Knows bytes and keys, no frame and no connection.
//
//   verify ─▶ [ batch, one per turn ] ─┐
//   compress, decompress, deflate ─────┴▶ [ bounded queue ] ─▶ worker ─▶ done
//                                   full, closed, lost twice ─▶ done here
//
// Nothing is loaded and no thread runs before the first task. Tasks are pure, so that one whose worker died is done
// again. Bytes are in shared memory: one copy out of the chunk that they came in serves both threads.

import type { KeyObject } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { extname, join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import type { Piscina } from 'piscina'
import { BrokerError } from '../ground/errors.ts'
import type { Log } from '../ground/types.ts'
import perform, { share, Verdict, type Done, type NumberedKey, type SignedBytes, type Task } from './work.ts'

export interface CpuPoolOptions {
  /** Threads at most; 0 = one less than the machine has cores, at least 1. */
  readonly threads: number
  readonly log: Log
  /** Told how long a task waited for a thread and its result for this one. µs */
  readonly onWait: (micros: number) => void
}

/** What is signed and by whose key. */
export interface Signed {
  /** A view of shared memory. */
  readonly bytes: Uint8Array<SharedArrayBuffer>
  /** Start and end of each covered piece in `bytes`. */
  readonly ranges: readonly number[]
  readonly signatureAt: number
  readonly key: KeyObject
}

interface KeyNumber {
  readonly number: number
  /** It was sent to some worker, so most of them have it. */
  isSent: boolean
}

interface Batch {
  readonly signed: Signed[]
  readonly verdicts: Promise<readonly boolean[]>
  readonly send: () => void
}

/** Signatures of one task; 64 of 1 KiB cost as much as one of 64 KiB. */
const MAX_BATCH = 64
/** Tasks and bytes that may be out at a time; what is more is done here. */
const MAX_TASKS = 4096
const MAX_BYTES = 64 * 1024 * 1024
/** Tries before a task is done here. */
const MAX_TRIES = 2
/** An idle thread beyond the first ends. ms */
const IDLE_MS = 30_000

export class CpuPool {
  readonly maxThreads: number
  /** Tasks that threads have done; a batch is one. */
  doneTasks = 0
  /** Done on the main thread, because they are small, or the pool is full or closed, or they lost two workers. */
  inlineTasks = 0
  /** Tries whose worker died under them. */
  lostTries = 0
  /** Tasks that are out. */
  depth = 0
  #bytes = 0
  readonly #options: CpuPoolOptions
  readonly #keys = new WeakMap<KeyObject, KeyNumber>()
  #lastKey = 0
  #batch: Batch | undefined
  #piscina: Promise<Piscina> | undefined
  #threads: Piscina | undefined
  /** Grows with each close: what was still loading then is of no use any more. */
  #generation = 0
  #isClosed = true
  #onFailure: (error: unknown) => void = () => {}

  constructor(options: CpuPoolOptions) {
    this.#options = options
    this.maxThreads = options.threads > 0 ? options.threads : Math.max(1, availableParallelism() - 1)
  }

  /** Threads that run. */
  get threads(): readonly Worker[] {
    return this.#threads?.threads ?? []
  }

  /** It takes no more at the moment: whoever comes does it on the main thread. */
  get isFull(): boolean {
    return this.#isClosed || this.depth >= MAX_TASKS || this.#bytes >= MAX_BYTES
  }

  /** From now on threads are used; `onFailure` is told when they cannot be. */
  open(onFailure: (error: unknown) => void): void {
    this.#isClosed = false
    this.#onFailure = onFailure
  }

  /** Ends the threads; what they had not done is done here. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#generation++
    const threads = this.#threads
    this.#threads = this.#piscina = undefined
    await threads?.destroy()
  }

  /** True when the signature is that of the key. Those of one turn go together. */
  async verify(signed: Signed): Promise<boolean> {
    const batch = (this.#batch ??= this.#newBatch())
    const at = batch.signed.push(signed) - 1
    if (batch.signed.length >= MAX_BATCH) this.#closeBatch(batch)
    return (await batch.verdicts)[at]!
  }

  /** zstd of `bytes`, which are in shared memory. */
  async compress(bytes: Uint8Array): Promise<Uint8Array> {
    return (await this.#run({ kind: 'compress', bytes }, bytes.length)).bytes
  }

  /**
   * The `size` bytes that a zstd frame in shared memory holds.
   * @throws BrokerError `payload.malformed` when it is no zstd or does not come to `size`
   */
  async decompress(bytes: Uint8Array, size: number): Promise<Uint8Array> {
    return checked(await this.#run({ kind: 'decompress', bytes, size }, size))
  }

  /** Raw deflate as permessage-deflate sends it (RFC 7692 7.2.1): sync flush, its last four bytes taken off, no context from before. `bytes` are copied. */
  async deflate(bytes: Uint8Array): Promise<Uint8Array> {
    return (await this.#run({ kind: 'deflate', bytes: share(bytes) }, bytes.length)).bytes
  }

  /** The same as `compress`, at once and on this thread. */
  compressNow(bytes: Uint8Array): Uint8Array {
    return this.#inline({ kind: 'compress', bytes }).bytes
  }

  /** The same as `decompress`, at once and on this thread. */
  decompressNow(bytes: Uint8Array, size: number): Uint8Array {
    return checked(this.#inline({ kind: 'decompress', bytes, size }))
  }

  #inline(task: Task): Done {
    this.inlineTasks++
    return perform(task)
  }

  #newBatch(): Batch {
    const signed: Signed[] = []
    const { promise: sent, resolve: send } = Promise.withResolvers<void>()
    const batch: Batch = { signed, send, verdicts: sent.then(() => this.#verdicts(signed)) }
    // Behind the chunk that is being read: what else of it is to be verified joins.
    queueMicrotask(() => this.#closeBatch(batch))
    return batch
  }

  #closeBatch(batch: Batch): void {
    if (this.#batch === batch) this.#batch = undefined
    batch.send()
  }

  async #verdicts(signed: readonly Signed[]): Promise<readonly boolean[]> {
    const numbers = signed.map(({ key }) => this.#keyNumber(key))
    const items = signed.map(({ bytes, ranges, signatureAt }, i): SignedBytes => {
      const { byteOffset } = bytes
      return { memory: bytes.buffer, ranges: ranges.map((at) => at + byteOffset), signatureAt: signatureAt + byteOffset, key: numbers[i]!.number }
    })
    const size = signed.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const { bytes: verdicts } = await this.#verify(items, this.#unsentKeys(signed, numbers), size)
    // A worker that has not met a key says so; it gets all keys of the batch then.
    if (!verdicts.includes(Verdict.unknownKey)) return Array.from(verdicts, (verdict) => verdict === Verdict.valid)
    const all = signed.map(({ key }, i): NumberedKey => [numbers[i]!.number, key])
    return Array.from((await this.#verify(items, all, size)).bytes, (verdict) => verdict === Verdict.valid)
  }

  #verify(signed: readonly SignedBytes[], keys: readonly NumberedKey[], size: number): Promise<Done> {
    return this.#run({ kind: 'verify', signed, keys }, size)
  }

  #keyNumber(key: KeyObject): KeyNumber {
    let known = this.#keys.get(key)
    if (known === undefined) this.#keys.set(key, (known = { number: ++this.#lastKey, isSent: false }))
    return known
  }

  #unsentKeys(signed: readonly Signed[], numbers: readonly KeyNumber[]): NumberedKey[] {
    const unsent: NumberedKey[] = []
    for (const [i, known] of numbers.entries()) {
      if (known.isSent) continue
      known.isSent = true
      unsent.push([known.number, signed[i]!.key])
    }
    return unsent
  }

  async #run(task: Task, size: number): Promise<Done> {
    if (this.isFull) return this.#inline(task)
    this.depth++
    this.#bytes += size
    const submittedMs = performance.now()
    try {
      for (let tries = 0; tries < MAX_TRIES && !this.#isClosed; tries++) {
        try {
          const done = (await (await this.#start()).run(task)) as Done
          this.doneTasks++
          this.#options.onWait((performance.now() - submittedMs) * 1000 - done.micros)
          return done
        } catch (error) {
          // Tasks do not throw: this is the worker.
          if (this.#isClosed) break
          this.lostTries++
          this.#options.log.warn({ err: error, task: task.kind }, 'a pool thread died under a task, which is done again')
        }
      }
      return this.#inline(task)
    } finally {
      this.depth--
      this.#bytes -= size
    }
  }

  #start(): Promise<Piscina> {
    return (this.#piscina ??= this.#load())
  }

  async #load(): Promise<Piscina> {
    const generation = this.#generation
    try {
      const { Piscina } = await import('piscina')
      const threads = new Piscina({ filename: join(import.meta.dirname, `work${extname(import.meta.filename)}`), minThreads: 1, maxThreads: this.maxThreads, idleTimeout: IDLE_MS, recordTiming: false })
      // A worker that dies without a task: the next is made when there is one.
      threads.on('error', (error: unknown) => this.#options.log.warn({ err: error }, 'an idle pool thread died'))
      // Told before the worker is taken from the list, and before another is made.
      threads.on('workerDestroy', () => queueMicrotask(() => this.#replaceWhenEmpty(threads)))
      if (generation === this.#generation) this.#threads = threads
      else await threads.destroy()
      return threads
    } catch (error) {
      if (generation === this.#generation) {
        this.#piscina = undefined
        this.#onFailure(error)
      }
      throw error
    }
  }

  // A worker that dies while it starts is not replaced, and what is queued behind it would wait for ever: ended, the
  // queue comes back to #run, which begins anew.
  #replaceWhenEmpty(threads: Piscina): void {
    if (this.#threads !== threads || threads.threads.length > 0) return
    this.#threads = this.#piscina = undefined
    void threads.destroy()
  }
}

function checked({ bytes, problem }: Done): Uint8Array {
  if (problem !== undefined) throw new BrokerError('payload.malformed', { kind: 'zstd', problem })
  return bytes
}
