// The queues as the broker's methods see them: what they hold, and what an operator may do to them.

import type { Caller, QueuesView } from './api/queue-methods.ts'
import type { Core } from './core.ts'
import type { AuditAction } from './ground/audit.ts'
import { BrokerError } from './ground/errors.ts'
import { compileFilter } from './ground/filter.ts'
import type { InspectQuery, QueueChange, QueuedInfo, QueueInfo, QueueInspection, QueuePart, QueueSelection, QueuesStatus, StoreInfo, StoreJob, StoreJobQuery } from './ground/queue-api.ts'
import type { BackupReport, StoredQueue, VerifyReport } from './ground/store.ts'
import { StoredView } from './queued-info.ts'
import type { Queue } from './queues/queue.ts'
import { StoreJobs } from './store-jobs.ts'

/** Messages that are read at a time. */
const PAGE = 500
/** Messages that one call looks at for a filter: the caller goes on from there, and can stop. */
const MAX_LOOKED_AT = 5000
/** Whole payloads in one answer, but for the first, so that a large one can be seen at all. bytes */
const MAX_PAYLOAD_BYTES = 512 * 1024
const MAX_FIRST_BYTES = 4 * 1024 * 1024

export class QueueView implements QueuesView {
  readonly #core: Core

  readonly #jobs: StoreJobs

  /** @param home of the broker, for backups */
  constructor(core: Core, home: string) {
    this.#core = core
    this.#jobs = new StoreJobs(core, home)
  }

  store(): StoreInfo {
    const { queues, settings } = this.#core
    const { store } = queues
    return store === undefined ? { backend: settings.store.backend } : { backend: store.backend, features: store.features }
  }

  /** All of them together, as of a second ago. */
  totals(): { readonly damaged: number; readonly count: number; readonly failed: readonly string[]; readonly waiting: number; readonly deadLetters: number } {
    const queues = this.#core.queues.list()
    let [waiting, deadLetters] = [0, 0]
    for (const [, counts] of this.#core.queueFigures.all()) {
      waiting += counts.ready + counts.delayed + counts.held + counts.inFlight
      deadLetters += counts.deadLetters
    }
    return { damaged: this.#core.queues.store?.damages?.length ?? 0, count: queues.length, failed: queues.filter(({ problem }) => problem !== undefined).map(({ name }) => name), waiting, deadLetters }
  }

  status(): QueuesStatus {
    return { backend: this.store().backend, ...this.totals() }
  }

  async list(): Promise<readonly QueueInfo[]> {
    const queues = [...this.#core.queues.list()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
    return Promise.all(queues.map((queue) => this.#info(queue)))
  }

  async show(name: string): Promise<QueueInfo> {
    return this.#info(this.#queue(name))
  }

  async inspect({ name, which = 'waiting', after = 0, limit = 10, filter, payload = false }: InspectQuery): Promise<QueueInspection> {
    const stored = this.#stored(name)
    const messages: QueuedInfo[] = []
    let payloadBytes = 0
    let isCut = false
    const next = await this.#pages(stored, which, after, filter, (view) => {
      // One more is looked for, to know whether there is one.
      if (messages.length === limit) return false
      const fits = payload && payloadBytes + view.payloadBytes <= (messages.length === 0 ? MAX_FIRST_BYTES : MAX_PAYLOAD_BYTES)
      if (fits) payloadBytes += view.payloadBytes
      else if (payload) isCut = true
      messages.push(view.info(fits))
      return true
    }, filter === undefined ? Math.min(PAGE, limit + 1) : PAGE)
    return { messages, next, isCut }
  }

  async replay(selection: QueueSelection, caller: Caller): Promise<QueueChange> {
    const stored = this.#stored(selection.name)
    return this.#change('queue.replayed', selection, 'dead', caller, stored, (which) => stored.replay(which))
  }

  async purge({ which = 'waiting', ...selection }: QueueSelection & { readonly which?: QueuePart }, caller: Caller): Promise<QueueChange> {
    const stored = this.#stored(selection.name)
    return this.#change('queue.purged', selection, which, caller, stored, (selected) => stored.purge(which, selected))
  }

  async pause(name: string, isPaused: boolean, caller: Caller): Promise<QueueInfo> {
    const stored = this.#stored(name)
    if (stored.isPaused !== isPaused) {
      await stored.pause(isPaused)
      this.#record(isPaused ? 'queue.paused' : 'queue.resumed', caller, { queue: name })
    }
    return this.show(name)
  }

  async verify(query: StoreJobQuery & { readonly name?: string }): Promise<StoreJob<VerifyReport>> {
    if (query.name !== undefined) this.#queue(query.name)
    return this.#jobs.verify(query)
  }

  async backup(query: StoreJobQuery & { readonly file?: string }, caller: Caller): Promise<StoreJob<BackupReport>> {
    return this.#jobs.backup(query, file => this.#record('store.backed-up', caller, { file }))
  }

  async #change(action: AuditAction, selection: QueueSelection, which: QueuePart, caller: Caller, stored: StoredQueue, act: (which: 'all' | readonly number[]) => Promise<number>): Promise<QueueChange> {
    const { name, positions, filter, after = 0 } = selection
    let changed = 0
    let next = 0
    if (filter === undefined) changed = await act(positions ?? 'all')
    else {
      const found: number[] = []
      next = await this.#pages(stored, which, after, filter, (view) => found.push(view.position) > 0, PAGE)
      changed = found.length === 0 ? 0 : await act(found)
    }
    const how = filter !== undefined ? { filter } : positions === undefined ? {} : { positions: positions.length }
    if (changed > 0) this.#record(action, caller, { queue: name, which, messages: changed, ...how })
    return { changed, next }
  }

  /** Hands what passes the filter to `take` until that wants no more; gives where to go on, 0 at the end. */
  async #pages(stored: StoredQueue, which: QueuePart, after: number, filter: string | undefined, take: (view: StoredView) => boolean, page: number): Promise<number> {
    const test = filter === undefined ? undefined : compileFilter(filter)
    let last = after
    for (let lookedAt = 0; lookedAt < MAX_LOOKED_AT; ) {
      const messages = await stored.list({ which, after: last, limit: page })
      for (const message of messages) {
        const view = new StoredView(this.#core, message)
        if (test?.test(view.message()) !== false && !take(view)) return last
        last = message.position
      }
      // A page of large messages may be shorter than it might be: behind the last one comes an empty one.
      if (messages.length === 0) return 0
      lookedAt += messages.length
    }
    return last
  }

  async #info(queue: Queue): Promise<QueueInfo> {
    const { name, stored, problem, settings, consumers } = queue
    const counts = await stored?.counts().catch(() => this.#core.queueFigures.counts(name))
    return {
      name,
      isPaused: stored?.isPaused ?? false,
      consumers: consumers.count,
      ...(counts === undefined ? {} : { counts }),
      rates: this.#core.queueFigures.rates(name),
      settings,
      ...(problem === undefined ? {} : { problem: problem.toBody() }),
    }
  }

  #queue(name: string): Queue {
    const queue = this.#core.queues.find(name)
    if (queue !== undefined) return queue
    throw new BrokerError('queue.not_a_queue', { channel: name, mode: this.#core.channels.get(name).mode })
  }

  #stored(name: string): StoredQueue {
    return this.#queue(name).present
  }

  #record(action: AuditAction, { principal, connection, client }: Caller, fields: Readonly<Record<string, string | number>>): void {
    this.#core.audit.record(action, principal, { connection, client, ...fields })
  }
}
