// The main thread's side of a store's thread: gathers the operations of a turn, sends them as one message, and hands answers out.

import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { BrokerError } from '../../ground/errors.ts'
import type { Append, AppendWatch, Durability, Forward, Leased, QueueListener, QueueSettings, SettleOutcome, Settlement } from '../../ground/store.ts'
import type { Log } from '../../ground/types.ts'
import { Answer, type Answers, type SentError } from './answers.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import type { AnyCall, CallName, CallOf, FromThread, ResultOf, ToThread } from './messages.ts'
import { writeAppend, writeDemand, writeForward, writeSettle } from './operations.ts'
import { Pending } from './pending.ts'
// By this type the built package has the thread's file.
import type { ThreadData } from './thread.ts'

/** Batches that came back are written again, so many at most and none that is larger. */
const MAX_SPARE = 4
const MAX_SPARE_BYTES = 4 * 1024 * 1024

/** Of the thread's heap: rows live for a transaction, and with V8's 48 the process has 70 MB more. MiB */
const YOUNG_MIB = 12

/** A disk that hangs does not keep the broker from ending. ms */
const END_MS = 30_000

type Waiting = { readonly watch: AppendWatch; left: number } | { readonly done: ((outcome: SettleOutcome) => void) | undefined }

interface Call {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: BrokerError) => void
  /** Called at once, before the next message of the thread. */
  readonly onValue: ((value: never) => void) | undefined
}

export interface ThreadListener {
  damaged(queue: string, position: number, problem: string): void
  stateChanged(problem: BrokerError | undefined): void
  /** The thread is gone and was not asked to: nothing works any more. */
  died(error: BrokerError): void
}

export class StoreThread {
  readonly #data: ThreadData
  readonly #worker: Worker
  readonly #listener: ThreadListener
  readonly #log: Log
  readonly #listeners = new Map<number, QueueListener>()
  readonly #waiting = new Pending<Waiting>()
  readonly #calls = new Map<number, Call>()
  readonly #started = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<void>()
  readonly #spare: ArrayBuffer[] = []
  #lastCall = 0
  #writer: ByteWriter | undefined
  #first = 0
  #durability: Durability = 'memory'
  #isScheduled = false
  #isEnding = false
  /** Why nothing works any more. */
  #failure: BrokerError | undefined

  constructor(data: ThreadData, log: Log, listener: ThreadListener) {
    this.#data = data
    this.#log = log
    this.#listener = listener
    // Run as it is in a checkout, and as JavaScript in a package.
    this.#worker = new Worker(join(import.meta.dirname, `thread${extname(import.meta.filename)}`), { workerData: data, name: 'callboard-store', resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB } })
    this.#worker.on('message', (message: FromThread) => this.#received(message))
    this.#worker.on('error', (error) => this.#died(error))
    this.#worker.on('exit', () => {
      this.#died(undefined)
      this.#ended.resolve()
    })
  }

  /** Resolves when the database is open. @throws BrokerError `store.*` */
  get started(): Promise<void> {
    return this.#started.promise
  }

  /** Opens a queue; from then on its listener is told. */
  open(name: string, settings: QueueSettings, listener: QueueListener): Promise<ResultOf<'open'>> {
    return this.call('open', { name, settings }, ({ queue }) => this.#listeners.set(queue, listener))
  }

  /** What is leased from now on, or was and has not come yet, is told to nobody. */
  leaseNoMore(queue: number): void {
    const listener = this.#listeners.get(queue)
    if (listener !== undefined) this.#listeners.set(queue, { leased: () => {}, happened: (events) => listener.happened(events), stateChanged: (problem) => listener.stateChanged(problem) })
  }

  unlisten(queue: number): void {
    this.#listeners.delete(queue)
  }

  append(queue: number, append: Append): void {
    if (this.#failure !== undefined) return append.watch.refused(append.count, this.#failure)
    writeAppend(this.#batch(append.durability), queue, append)
    this.#waiting.add({ watch: append.watch, left: append.count })
  }

  demand(queue: number, more: number): void {
    if (this.#failure === undefined) writeDemand(this.#batch('memory'), queue, more)
  }

  /** @param durability the queue's, which holds for what is settled */
  settle(queue: number, settlements: readonly Settlement[], durability: Durability, done?: (outcome: SettleOutcome) => void): void {
    if (this.#failure !== undefined) return done?.({ lost: [], error: this.#failure })
    writeSettle(this.#batch(durability), queue, settlements)
    this.#waiting.add({ done })
  }

  forward(queue: number, forward: Forward, numberOf: (name: string) => number, done: (outcome: SettleOutcome) => void): void {
    if (this.#failure !== undefined) return done({ lost: [], error: this.#failure })
    writeForward(this.#batch('fsync'), queue, forward, numberOf)
    for (const { append } of forward.to) this.#waiting.add({ watch: append.watch, left: append.count })
    this.#waiting.add({ done })
  }

  /** @throws BrokerError what the thread says */
  async call<Name extends CallName>(name: Name, body: CallOf<Name>, onValue?: (value: ResultOf<Name>) => void): Promise<ResultOf<Name>> {
    if (this.#failure !== undefined) throw this.#failure
    this.#flush()
    const number = ++this.#lastCall
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#calls.set(number, { resolve, reject, onValue })
    this.#post({ kind: 'call', number, call: { name, body } as AnyCall })
    return (await promise) as ResultOf<Name>
  }

  /** Works off what was asked, closes the database, and ends; at once when it does not come to that. */
  async end(): Promise<void> {
    if (!this.#isEnding && this.#failure === undefined) {
      this.#flush()
      this.#post({ kind: 'end' })
      this.#isEnding = true
    }
    const timer = setTimeout(() => void this.kill(), END_MS)
    await this.#ended.promise
    clearTimeout(timer)
  }

  /** Ends the thread where it is, as a crash does: what is under way is lost, what was told is kept. */
  async kill(): Promise<void> {
    await this.#worker.terminate()
  }

  #batch(durability: Durability): ByteWriter {
    if (durability !== 'memory' && this.#durability !== 'fsync') this.#durability = durability
    if (this.#writer === undefined) {
      this.#writer = new ByteWriter(this.#spare.pop())
      this.#first = this.#waiting.next
      if (!this.#isScheduled) {
        this.#isScheduled = true
        // Behind all that was read in this turn of the event loop.
        setImmediate(() => {
          this.#isScheduled = false
          this.#flush()
        })
      }
    }
    return this.#writer
  }

  #flush(): void {
    const writer = this.#writer
    if (writer === undefined) return
    this.#writer = undefined
    const memory = writer.take()
    this.#post({ kind: 'batch', memory, length: writer.length, first: this.#first, durability: this.#durability }, [memory])
    this.#durability = 'memory'
  }

  #post(message: ToThread, transfer: ArrayBuffer[] = []): void {
    if (this.#failure === undefined) this.#worker.postMessage(message, transfer)
  }

  #received(message: FromThread): void {
    switch (message.kind) {
      case 'answers':
        return this.#answered(message)
      case 'result':
        return this.#resulted(message.number, message.value, message.error)
      case 'state':
        return this.#stateChanged(message.problem === undefined ? undefined : received(message.problem))
      case 'damage':
        return this.#listener.damaged(message.queue, message.position, message.problem)
      case 'ready':
        return this.#started.resolve()
      case 'failed':
        this.#isEnding = true
        this.#failure = received(message.error)
        void this.#worker.terminate()
        return this.#started.reject(this.#failure)
    }
  }

  #resulted(number: number, value: unknown, error: SentError | undefined): void {
    const call = this.#calls.get(number)
    this.#calls.delete(number)
    if (error !== undefined) return call?.reject(received(error))
    call?.onValue?.(value as never)
    call?.resolve(value)
  }

  #stateChanged(problem: BrokerError | undefined): void {
    this.#listener.stateChanged(problem)
    for (const listener of this.#listeners.values()) listener.stateChanged(problem)
  }

  #answered({ memory, length, buffers, errors: sent, events }: Answers): void {
    const reader = new ByteReader(memory, length)
    const errors = sent.map(received)
    const batches = buffers.map((buffer) => new Uint8Array(buffer))
    // What happened comes before what was settled by it.
    for (const [queue, happened] of events) this.#listeners.get(queue)?.happened(happened)
    while (!reader.isDone) {
      const kind = reader.u8()
      if (kind === Answer.leased) this.#leased(reader, batches)
      else this.#outcome(kind, reader, errors)
    }
    // Nobody has a view of these any more. Left to the collector they made it go over the whole heap for each 64 MiB of them: a pause of 10 ms and more, several times a second.
    memory.transfer(0)
    for (const buffer of buffers) {
      if (this.#spare.length < MAX_SPARE && buffer.byteLength <= MAX_SPARE_BYTES) this.#spare.push(buffer)
      else buffer.transfer(0)
    }
  }

  #outcome(kind: number, reader: ByteReader, errors: readonly BrokerError[]): void {
    const number = reader.f64()
    const waiting = this.#waiting.get(number)
    if (kind === Answer.settled || kind === Answer.unsettled) {
      const lost = kind === Answer.settled ? Array.from({ length: reader.u32() }, () => reader.f64()) : []
      const error = kind === Answer.unsettled ? errors[reader.u32()] : undefined
      this.#waiting.remove(number)
      if (waiting !== undefined && 'done' in waiting) waiting.done?.(error === undefined ? { lost } : { lost, error })
      return
    }
    const position = kind === Answer.stored || kind === Answer.duplicate ? reader.f64() : 0
    const count = kind === Answer.duplicate ? 1 : reader.u32()
    const error = kind === Answer.refused ? errors[reader.u32()] : undefined
    if (waiting === undefined || 'done' in waiting) return
    waiting.left -= count
    if (waiting.left <= 0) this.#waiting.remove(number)
    if (error !== undefined) waiting.watch.refused(count, error)
    else if (kind === Answer.dropped) waiting.watch.dropped(count)
    else waiting.watch.stored(position, count, kind === Answer.duplicate)
  }

  #leased(reader: ByteReader, batches: readonly Uint8Array[]): void {
    const listener = this.#listeners.get(reader.u32())
    const count = reader.u32()
    const leased: Leased[] = []
    for (let i = 0; i < count; i++) {
      const position = reader.f64()
      const attempt = reader.u32()
      const batch = reader.u32()
      const start = batch === 0 ? reader.at + 4 : reader.u32()
      const size = reader.u32()
      if (batch === 0) reader.at += size
      leased.push({ position, attempt, frame: (batch === 0 ? reader.bytes : batches[batch - 1]!).subarray(start, start + size) })
    }
    listener?.leased(leased)
  }

  // What was sent and not answered may have been stored: nobody knows.
  #died(cause: unknown): void {
    if (this.#failure !== undefined) return
    const { backend } = this.#data
    const problem = cause instanceof Error ? cause.message : 'its thread has ended'
    this.#failure = new BrokerError(this.#isEnding ? 'store.unavailable' : 'store.failed', { backend, problem: this.#isEnding ? 'it is closed' : problem }, { cause })
    if (!this.#isEnding) this.#log.error({ err: cause, backend }, 'the thread of the store died')
    this.#started.reject(this.#failure)
    for (const call of this.#calls.values()) call.reject(this.#failure)
    this.#calls.clear()
    const unknown = new BrokerError('store.unavailable', { backend, problem: `${problem}; whether the message is kept is not known` }, { cause })
    for (const waiting of this.#waiting.takeAll()) {
      if ('done' in waiting) waiting.done?.({ lost: [], error: unknown })
      else waiting.watch.refused(waiting.left, unknown)
    }
    if (!this.#isEnding) this.#listener.died(this.#failure)
  }
}

function received({ code, details }: SentError): BrokerError {
  return new BrokerError(code, details)
}
