// The queues that a command names, or all; one that is not there is reported with the nearest name.

import { BrokerError } from '../broker/ground/errors.ts'
import { nearest } from '../broker/ground/nearest.ts'
import type { ApiAnswer, Client } from '../client/index.ts'
import { Failure } from './failure.ts'

/** What is said where there is none. */
export const noQueues = 'there is no queue; make one with: callboard ipc channel create --name NAME --mode queue'

/** @throws Failure `channel.not_found`, `queue.not_a_queue` */
export async function queuesNamed(client: Client, names: readonly string[]): Promise<ApiAnswer<'queue.list'>> {
  const { queues, store } = await client.call('queue.list')
  if (names.length === 0) return { queues, store }
  const found = names.map(name => queues.find(queue => queue.name === name) ?? missing(name, queues.map(queue => queue.name)))
  return { queues: found, store }
}

/** What `work` gives; a queue that is not there is reported with the nearest name. */
export async function withQueue<T>(client: Client, name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof BrokerError) || (error.code !== 'channel.not_found' && error.code !== 'queue.not_a_queue')) throw error
    const { queues } = await client.call('queue.list')
    return missing(name, queues.map(queue => queue.name))
  }
}

function missing(name: string, names: readonly string[]): never {
  const meant = nearest(name, names)
  throw new Failure({
    code: 'channel.not_found',
    message: `no queue "${name}" (channel.not_found)`,
    hint: meant === undefined ? (names.length === 0 ? noQueues : `queues are ${names.join(', ')}`) : `did you mean "${meant}"?`,
    details: { queue: name, ...(meant !== undefined && { meant }) },
  })
}
