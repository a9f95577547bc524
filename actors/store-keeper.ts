// Keeps the one store of a broker open: opens it when the first queue wants it, and opens another when it cannot go on. Queues
// stay meanwhile, and refuse by name.

import type { Core } from '../broker/core.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { Deadline, type Deadlines } from '../broker/ground/deadlines.ts'
import type { BackoffSettings } from '../broker/ground/backoff-settings.ts'
import type { OpenStore, QueueStore, StoreContext } from '../broker/ground/store.ts'
import type { Log } from '../broker/ground/types.ts'
import { backoffMs } from './backoff.ts'

export interface StoreKeeperOptions {
  readonly queues: Core['queues']
  readonly context: Omit<StoreContext, 'onFailed'>
  /** Loads the backend. */
  readonly load: () => Promise<OpenStore>
  readonly backoff: BackoffSettings
  readonly deadlines: Deadlines
  readonly log: Log
  readonly onEdge: (edge: 'OPENED' | 'LOST') => void
}

export class StoreKeeper {
  readonly #options: StoreKeeperOptions
  readonly #retry = new Deadline(() => void this.#reopen())
  #opening: Promise<QueueStore> | undefined
  /** Why it is not open although it is wanted, for people. */
  problem: BrokerError | undefined
  #failures = 0
  #isClosed = false
  /** It was open when it was suspended. */
  #isSuspended = false

  constructor(options: StoreKeeperOptions) {
    this.#options = options
  }

  /** The store, opened if it is not. @throws BrokerError `store.*` */
  async open(): Promise<QueueStore> {
    if (this.problem !== undefined) throw this.problem
    this.#opening ??= this.#begin()
    try {
      return await this.#opening
    } catch (error) {
      // Whoever asks next tries again.
      this.#opening = undefined
      throw error
    }
  }

  /** Closes the store for now, so that another process can open it: queues refuse for `reason`. Resolves when it is closed. */
  async suspend(reason: BrokerError): Promise<void> {
    const { queues, deadlines } = this.#options
    deadlines.cancel(this.#retry)
    const opening = this.#opening
    this.#opening = undefined
    this.#isSuspended = opening !== undefined
    this.problem = reason
    queues.away(reason)
    const store = await opening?.catch(() => undefined)
    await store?.close()
  }

  /** Opens what was suspended again. Resolves when it is open, or has failed and is tried again. */
  async resume(): Promise<void> {
    this.problem = undefined
    const wasOpen = this.#isSuspended
    this.#isSuspended = false
    if (wasOpen) await this.#reopen()
  }

  /** Resolves when it is closed; what was accepted is stored or refused then. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#options.deadlines.cancel(this.#retry)
    const store = await this.#opening?.catch(() => undefined)
    await store?.close()
  }

  async #begin(): Promise<QueueStore> {
    const { load, context, onEdge } = this.#options
    const open = await load()
    // It may fail before it is known here.
    const state: { opened?: QueueStore; early?: BrokerError } = {}
    const store = await open({
      ...context,
      onFailed: (error) => {
        if (state.opened === undefined) state.early = error
        else this.#failed(state.opened, error)
      },
    })
    if (state.early !== undefined) {
      await store.close()
      throw state.early
    }
    state.opened = store
    onEdge('OPENED')
    return store
  }

  #failed(store: QueueStore, error: BrokerError): void {
    if (this.#isClosed || this.problem !== undefined) return
    const { queues, log, onEdge } = this.#options
    log.error({ code: error.code }, `the store failed and is opened anew: ${error.message}`)
    this.problem = error
    this.#opening = undefined
    onEdge('LOST')
    queues.away(error)
    const again = (): void => this.#again()
    // What it still had is told by its end.
    store.close().then(again, again)
  }

  #again(): void {
    const { backoff, deadlines } = this.#options
    if (!this.#isClosed) deadlines.set(this.#retry, backoffMs(backoff, ++this.#failures, Math.random()))
  }

  async #reopen(): Promise<void> {
    const { queues, log } = this.#options
    try {
      const isAnew = this.#opening === undefined
      const store = await (this.#opening ??= this.#begin())
      if (this.#isClosed) return
      this.problem = undefined
      if (isAnew) log.info({}, 'the store is open again')
      // Nobody else opens a queue whose channel runs.
      if (!(await queues.back(store))) return this.#again()
      this.#failures = 0
    } catch (error) {
      this.#opening = undefined
      this.problem = BrokerError.from(error)
      this.#again()
    }
  }
}
