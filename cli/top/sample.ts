// One look at everything `callboard top` shows. Knows the broker's methods, not how rows are made of their answers.

import type { AgentInfo, ApiAnswer, ChannelInfo, Client, ConnectionInfo, QueueInfo } from '../../client/index.ts'
import type { ActorInfo } from '../../broker/ground/types.ts'

export interface TopSample {
  /** On a clock of this process that never steps back. */
  readonly atMs: number
  /** Client id of whoever looks: what it asks is no traffic. */
  readonly observer: string
  readonly status: ApiAnswer<'status'>
  readonly stats: ApiAnswer<'stats'>
  readonly latency: ApiAnswer<'latency'>
  readonly connections: readonly ConnectionInfo[]
  readonly agents: readonly AgentInfo[]
  readonly channels: readonly ChannelInfo[]
  readonly queues: readonly QueueInfo[]
  /** Control events that wait, by actor; of many connections not all are known. */
  readonly mailboxes: ReadonlyMap<string, number>
}

/** Asks for all of it at once. */
export async function takeSample(client: Client): Promise<TopSample> {
  const [status, stats, latency, { connections }, { agents }, channels, tree, { queues }] = await Promise.all([
    client.call('status'),
    client.call('stats'),
    client.call('latency', { groups: true }),
    client.call('connections'),
    client.call('agents'),
    client.channels.list(),
    client.call('tree'),
    client.call('queue.list'),
  ])
  return { atMs: performance.now(), observer: client.id, status, stats, latency, connections, agents, channels, queues, mailboxes: new Map(mailboxesOf(tree)) }
}

function* mailboxesOf(actor: ActorInfo): Generator<[string, number]> {
  yield [actor.id, actor.mailbox]
  for (const child of actor.children) yield* mailboxesOf(child)
}
