// What is asked of the store thread by name, beside messages and settlements.

import { BrokerError } from '../../ground/errors.ts'
import type { QueueSettings } from '../../ground/store.ts'
import { countsOf, listOf } from './inspecting.ts'
import { purge, remove, replay, type LongWork } from './long-work.ts'
import type { AnyCall } from './messages.ts'
import { QueueState, type StoreState } from './queue-state.ts'
import { isRemoved } from './removed-name.ts'
import type { StoreSeal } from './row-seal.ts'

/** What calls work on. */
export interface CallHost {
  readonly state: StoreState
  readonly seal: StoreSeal
  readonly queues: ReadonlyMap<number, QueueState>
  /** @throws BrokerError when it is not open */
  queue(id: number): QueueState
  opened(queue: QueueState): void
  closed(queue: QueueState): void
}

/** Does one call. Gives its result, or the steps that lead to it. @throws BrokerError for a mistake of the caller */
export function callQueue(host: CallHost, { name, body }: AnyCall): unknown {
  switch (name) {
    case 'open':
      return open(host, body.name, body.settings)
    case 'close':
      return host.closed(host.queue(body.queue))
    case 'remove':
      return removeNamed(host, body.name)
    case 'names':
      return namesOf(host.state)
    case 'counts':
      return countsOf(host.queue(body.queue))
    case 'list':
      return listOf(host.queue(body.queue), body.query)
    case 'replay':
      return replay(host.queue(body.queue), body.which)
    case 'purge':
      return purge(host.queue(body.queue), body.which, body.selection)
    case 'pause':
      return pause(host.queue(body.queue), body.isPaused)
    case 'change':
      return host.queue(body.queue).change(body.settings)
  }
}

function open(host: CallHost, name: string, settings: QueueSettings): { queue: number; isPaused: boolean } {
  const { state } = host
  for (const queue of host.queues.values()) if (queue.name === name) throw new BrokerError('store.in_use', { path: `${state.database.path} (queue ${name})`, problem: 'the queue is open already' })
  if (state.problem !== undefined && !state.isDraining) throw state.problem
  const { database } = state
  database.write('fsync')
  database.sql.prepare('INSERT OR IGNORE INTO queues (name) VALUES (?)').run(name)
  const queue = new QueueState(state, idOf(host, name)!, name, settings, host.seal.queue(name))
  host.opened(queue)
  return { queue: queue.id, isPaused: queue.isPaused }
}

function removeNamed(host: CallHost, name: string): LongWork<void> | undefined {
  for (const queue of host.queues.values()) if (queue.name === name) throw new BrokerError('store.in_use', { path: `${host.state.database.path} (queue ${name})`, problem: 'the queue is open; close it first' })
  const id = idOf(host, name)
  return id === undefined ? undefined : remove(host.state, id)
}

function namesOf({ database }: StoreState): string[] {
  const queues = database.sql.prepare('SELECT id, name FROM queues ORDER BY name').all() as { id: number; name: string }[]
  return queues.filter((queue) => !isRemoved(queue)).map(({ name }) => name)
}

function idOf({ state }: CallHost, name: string): number | undefined {
  return (state.database.sql.prepare('SELECT id FROM queues WHERE name = ?').get(name) as { id: number } | undefined)?.id
}

function pause(queue: QueueState, isPaused: boolean): void {
  queue.store.database.write('fsync')
  queue.totals.paused = isPaused ? 1 : 0
  queue.touch()
}
