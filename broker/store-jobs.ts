// Long work on the store that somebody asked for: begun by one call, looked at by the next ones. Knows neither bytes nor threads.

import { readFileSync } from 'node:fs'
import { basename, isAbsolute, join } from 'node:path'
import type { Core } from './core.ts'
import { BrokerError } from './ground/errors.ts'
import { homePaths } from './ground/home.ts'
import type { StoreJob, StoreJobQuery } from './ground/queue-api.ts'
import type { BackupReport, QueueStore, VerifyReport } from './ground/store.ts'

/** Jobs that are still known, with what came of them. */
const MAX_JOBS = 32

interface Work<Report> {
  state: StoreJob<Report>
}

/** What is asked of one kind of job: what it is about, so that two calls of the same do not work twice; and how it is begun. */
interface Wanted<Report> {
  readonly key: string
  readonly run: (onProgress: (done: number, total: number) => void) => Promise<Report>
}

export class StoreJobs {
  readonly #core: Core
  readonly #home: string
  readonly #byId = new Map<number, Work<unknown>>()
  readonly #running = new Map<string, Work<unknown>>()
  #lastId = 0

  constructor(core: Core, home: string) {
    this.#core = core
    this.#home = home
  }

  /** @throws BrokerError `queue.unsupported`, `store.*`, `method.bad_params` for a job that is not known */
  async verify(query: StoreJobQuery & { readonly name?: string }): Promise<StoreJob<VerifyReport>> {
    if (query.job !== undefined) return this.#known(query.job)
    const { name } = query
    const store = await this.#store()
    const verify = store.verify ?? this.#cannot(store, 'verify its messages: it has no checksums of its own')
    return this.#begin({ key: `verify ${name ?? ''}`, run: onProgress => verify(name, onProgress) })
  }

  /** `onBegun` is called for a backup that this call begins. @throws BrokerError as verify */
  async backup(query: StoreJobQuery & { readonly file?: string }, onBegun: (file: string) => void): Promise<StoreJob<BackupReport>> {
    if (query.job !== undefined) return this.#known(query.job)
    const { file } = query
    if (file === undefined || !isAbsolute(file)) throw new BrokerError('method.bad_params', { method: 'store.backup', problem: 'params.file must be an absolute path, on the machine of the broker' })
    const store = await this.#store()
    const backup = store.backup ?? this.#cannot(store, store.backend === 'memory' ? 'be backed up: what it holds ends with the broker' : 'be backed up from here: use its own tools')
    const about = { broker: this.#core.broker, files: this.#files() }
    return this.#begin({
      key: `backup ${file}`,
      run: onProgress => {
        onBegun(file)
        return backup(file, about, onProgress)
      },
    })
  }

  #begin<Report>({ key, run }: Wanted<Report>): StoreJob<Report> {
    const same = this.#running.get(key)
    if (same !== undefined) return same.state as StoreJob<Report>
    const id = ++this.#lastId
    const work: Work<Report> = { state: { job: id, state: 'running', done: 0, total: 0 } }
    this.#byId.set(id, work)
    this.#running.set(key, work)
    for (const [old, { state }] of this.#byId) if (this.#byId.size > MAX_JOBS && state.state !== 'running') this.#byId.delete(old)
    const end = (state: Partial<StoreJob<Report>>): void => {
      work.state = { ...work.state, ...state }
      this.#running.delete(key)
    }
    run((done, total) => (work.state = { ...work.state, done, total })).then(
      report => end({ state: 'done', report }),
      (error: unknown) => end({ state: 'failed', error: BrokerError.from(error).toBody() }),
    )
    return work.state
  }

  #known<Report>(id: number): StoreJob<Report> {
    const work = this.#byId.get(id)
    if (work === undefined) throw new BrokerError('method.bad_params', { method: 'a job of the store', problem: `no job ${id}: the broker was started again, or it ended long ago` })
    return work.state as StoreJob<Report>
  }

  async #store(): Promise<QueueStore> {
    const { queues, settings } = this.#core
    const store = queues.store ?? (await queues.source?.())
    if (store === undefined) throw new BrokerError('store.unavailable', { backend: settings.store.backend, problem: 'it is not running' })
    return store
  }

  #cannot(store: QueueStore, feature: string): never {
    throw new BrokerError('queue.unsupported', { backend: store.backend, feature })
  }

  /** What a restore needs of the home beside the store. No secrets: a new token is made where it is restored. */
  #files(): Record<string, string> {
    const files: Record<string, string> = {}
    for (const path of [homePaths(this.#home).channels, join(this.#home, 'broker.json')]) {
      try {
        files[basename(path)] = readFileSync(path, 'utf8')
      } catch {
        // A home without channels of its own has no file of them.
      }
    }
    return files
  }
}
