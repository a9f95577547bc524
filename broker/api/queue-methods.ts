// The methods of queues: who may call each, what it takes, what it answers.

import { BrokerError } from '../ground/errors.ts'
import type { Fields } from '../ground/fields.ts'
import type { InspectQuery, QueueChange, QueueInfo, QueueInspection, QueueMethods, QueuePart, QueueSelection, StoreInfo, StoreJob, StoreJobQuery } from '../ground/queue-api.ts'
import type { BackupReport, VerifyReport } from '../ground/store.ts'
import type { Caller } from './caller.ts'

export type { Caller } from './caller.ts'

/** What the methods ask of the queues. @throws BrokerError `channel.not_found`, `queue.not_a_queue`, `store.*` */
export interface QueuesView {
  store(): StoreInfo
  list(): Promise<readonly QueueInfo[]>
  show(name: string): Promise<QueueInfo>
  /** @throws BrokerError `filter.invalid` besides */
  inspect(query: InspectQuery): Promise<QueueInspection>
  replay(selection: QueueSelection, caller: Caller): Promise<QueueChange>
  purge(selection: QueueSelection & { readonly which?: QueuePart }, caller: Caller): Promise<QueueChange>
  pause(name: string, isPaused: boolean, caller: Caller): Promise<QueueInfo>
  /** @throws BrokerError `queue.unsupported` besides */
  verify(query: StoreJobQuery & { readonly name?: string }): Promise<StoreJob<VerifyReport>>
  backup(query: StoreJobQuery & { readonly file?: string }, caller: Caller): Promise<StoreJob<BackupReport>>
}

interface QueueMethod<Answer> {
  /** As in methods.ts. */
  readonly isOpen: boolean
  readonly run: (view: { readonly queues: QueuesView }, params: Fields, caller: Caller) => Promise<Answer>
}

const MAX_NAME = { max: 255 }
const MAX_FILTER = { max: 1024 }
const MAX_PATH = { max: 4096 }
const MAX_LIMIT = 1000
const MAX_POSITIONS = 1000
const parts = ['waiting', 'dead'] as const satisfies readonly QueuePart[]

// Reading messages is for `admin`: what is in them is not held against what the caller may receive.
export const queueMethods: { readonly [M in keyof QueueMethods]: QueueMethod<QueueMethods[M][1]> } = {
  'queue.list': { isOpen: true, run: async ({ queues }) => ({ queues: await queues.list(), store: queues.store() }) },
  'queue.show': { isOpen: true, run: async ({ queues }, params) => ({ ...(await queues.show(params.required('name', MAX_NAME))), store: queues.store() }) },
  'queue.inspect': { isOpen: false, run: ({ queues }, params) => queues.inspect(readInspect(params)) },
  'queue.replay': { isOpen: false, run: ({ queues }, params, caller) => queues.replay(readSelection('queue.replay', params), caller) },
  'queue.purge': {
    isOpen: false,
    run: ({ queues }, params, caller) => queues.purge({ ...readSelection('queue.purge', params), which: params.choice('which', parts) ?? 'waiting' }, caller),
  },
  'queue.pause': { isOpen: false, run: ({ queues }, params, caller) => queues.pause(params.required('name', MAX_NAME), true, caller) },
  'queue.resume': { isOpen: false, run: ({ queues }, params, caller) => queues.pause(params.required('name', MAX_NAME), false, caller) },
  'queue.verify': { isOpen: false, run: ({ queues }, params) => queues.verify({ ...readJob(params), ...readOptional(params, 'name', MAX_NAME) }) },
  'store.backup': { isOpen: false, run: ({ queues }, params, caller) => queues.backup({ ...readJob(params), ...readOptional(params, 'file', MAX_PATH) }, caller) },
}

function readJob(params: Fields): StoreJobQuery {
  const job = params.integer('job', 1, Number.MAX_SAFE_INTEGER)
  return job === undefined ? {} : { job }
}

function readOptional<Name extends string>(params: Fields, name: Name, limits: { readonly max: number }): { readonly [N in Name]?: string } {
  const text = params.text(name, limits)
  return text === undefined ? {} : ({ [name]: text } as { readonly [N in Name]: string })
}

function readInspect(params: Fields): InspectQuery {
  const filter = params.text('filter', MAX_FILTER)
  return {
    name: params.required('name', MAX_NAME),
    which: params.choice('which', parts) ?? 'waiting',
    after: readAfter(params),
    limit: params.integer('limit', 1, MAX_LIMIT) ?? 10,
    ...(filter === undefined ? {} : { filter }),
    payload: params.flag('payload') ?? false,
  }
}

function readSelection(method: string, params: Fields): QueueSelection {
  const name = params.required('name', MAX_NAME)
  const positions = params.numbers('positions', MAX_POSITIONS, 1, Number.MAX_SAFE_INTEGER)
  const filter = params.text('filter', MAX_FILTER)
  const all = params.flag('all') === true
  // What is meant must be said: nobody purges a queue by leaving a word out.
  if ([positions !== undefined, filter !== undefined, all].filter(Boolean).length !== 1) throw new BrokerError('method.bad_params', { method, problem: 'params must have one of positions, filter and all: true' })
  if (all) return { name, all }
  return positions === undefined ? { name, filter: filter!, after: readAfter(params) } : { name, positions }
}

function readAfter(params: Fields): number {
  return params.integer('after', 0, Number.MAX_SAFE_INTEGER) ?? 0
}
