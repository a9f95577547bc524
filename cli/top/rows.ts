// Makes the rows of `callboard top` out of two looks at a broker. Pure.

import type { ConnectionInfo, QueueInfo } from '../../client/index.ts'
import type { TopSample } from './sample.ts'

type TopKind = 'broker' | 'agent' | 'connection' | 'channel' | 'queue'

/** undefined: there is no such figure for a row of this kind. */
export interface TopRow {
  readonly kind: TopKind
  readonly name: string
  /** Messages per second since the look before: into the broker, and out of it. */
  readonly inRate: number
  readonly outRate: number
  /** Deliveries lost per second. */
  readonly lostRate: number
  readonly mailbox: number | undefined
  /** Waits for receivers; of a queue: for consumers. */
  readonly outboundMessages: number
  readonly outboundBytes: number | undefined
  /** From received to written: of a channel's messages, of what a connection or an agent sent. ms */
  readonly p99Ms: number | undefined
  readonly restarts: number | undefined
  /** The broker's heap, resident memory of an agent. bytes */
  readonly memoryBytes: number | undefined
}

export const sortKeys = ['rate', 'mailbox', 'outbound', 'p99', 'restarts', 'heap', 'name'] as const
export type SortKey = (typeof sortKeys)[number]

/** Figures to sort by; undefined is below all. */
const figures: Readonly<Record<Exclude<SortKey, 'name'>, (row: TopRow) => number | undefined>> = {
  rate: row => row.inRate + row.outRate,
  mailbox: row => row.mailbox,
  outbound: row => row.outboundBytes ?? row.outboundMessages,
  p99: row => row.p99Ms,
  restarts: row => row.restarts,
  heap: row => row.memoryBytes,
}

/** The broker, then everything in it: agents with their connection, the other connections, channels. Rates are those between the looks. */
export function rowsOf(before: TopSample, now: TopSample): TopRow[] {
  const rates = new Rates(before, now)
  const p99 = new Map(now.latency.groups?.map(({ kind, name, p99: ms }) => [`${kind} ${name}`, ms]))
  const connectionRow = (each: ConnectionInfo): Omit<TopRow, 'kind' | 'name'> => ({
    inRate: rates.of(each.in.messages, rates.connection(each.id)?.in.messages),
    outRate: rates.of(each.out.messages, rates.connection(each.id)?.out.messages),
    lostRate: rates.of(each.dropped, rates.connection(each.id)?.dropped),
    mailbox: now.mailboxes.get(each.id),
    outboundMessages: each.out.pendingMessages,
    outboundBytes: each.out.pendingBytes,
    p99Ms: p99.get(`connection ${each.id}`),
    restarts: undefined,
    memoryBytes: undefined,
  })
  const agents = now.agents.map((agent): TopRow => {
    const connection = now.connections.find(each => each.agent === agent.name)
    const own = connection === undefined ? nothing : connectionRow(connection)
    return { ...own, kind: 'agent', name: agent.name, mailbox: now.mailboxes.get(`agent.${agent.name}`), restarts: agent.restarts, memoryBytes: agent.residentBytes }
  })
  const agentNames = new Set(now.agents.map(({ name }) => name))
  const connections = now.connections.filter(({ agent, client }) => client !== now.observer && (agent === undefined || !agentNames.has(agent))).map((each): TopRow => ({ ...connectionRow(each), kind: 'connection', name: each.client }))
  const queues = now.queues.map(queue => queueRow(queue, before.queues.find(({ name }) => name === queue.name), rates))
  const channels = now.channels.map((channel): TopRow => {
    const last = before.channels.find(({ name }) => name === channel.name)
    return {
      kind: 'channel',
      name: channel.name,
      inRate: rates.of(channel.accepted, last?.accepted),
      outRate: rates.of(channel.delivered, last?.delivered),
      lostRate: rates.of(lostOf(now, channel.name), last === undefined ? undefined : lostOf(before, channel.name)),
      mailbox: now.mailboxes.get(`channel.${channel.name}`),
      outboundMessages: channel.pending,
      outboundBytes: undefined,
      p99Ms: p99.get(`channel ${channel.name}`),
      restarts: undefined,
      memoryBytes: undefined,
    }
  })
  return [brokerRow(rates, before, now), ...agents, ...connections, ...channels, ...queues]
}

// In: what it took; out: what consumers have done with; lost: what it gave up.
function queueRow({ name, counts }: QueueInfo, last: QueueInfo | undefined, rates: Rates): TopRow {
  const [now, before] = [counts, last?.counts]
  if (now === undefined) return { ...nothing, kind: 'queue', name, outboundMessages: 0, outboundBytes: undefined }
  return {
    ...nothing,
    kind: 'queue',
    name,
    inRate: rates.of(now.stored + now.replayed, before && before.stored + before.replayed),
    outRate: rates.of(now.acked + now.forwarded, before && before.acked + before.forwarded),
    lostRate: rates.of(lostIn(now), before && lostIn(before)),
    outboundMessages: now.ready + now.delayed + now.held + now.inFlight,
    outboundBytes: now.bytes,
  }
}

const lostIn = ({ deadLettered, expired, dropped }: NonNullable<QueueInfo['counts']>): number => deadLettered + expired + dropped

/** The rows in order: the broker first, then by a figure, the largest first, or by name. Equal ones stay as they are. */
export function sorted(rows: readonly TopRow[], key: SortKey): TopRow[] {
  const broker = rows.filter(({ kind }) => kind === 'broker')
  const rest = rows.filter(({ kind }) => kind !== 'broker')
  if (key === 'name') return [...broker, ...rest.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))]
  const figure = figures[key]
  return [...broker, ...rest.toSorted((a, b) => (figure(b) ?? -1) - (figure(a) ?? -1))]
}

const nothing = { inRate: 0, outRate: 0, lostRate: 0, mailbox: undefined, outboundMessages: 0, outboundBytes: undefined, p99Ms: undefined, restarts: undefined, memoryBytes: undefined }

function brokerRow(rates: Rates, before: TopSample, now: TopSample): TopRow {
  return {
    kind: 'broker',
    name: now.status.broker,
    inRate: rates.of(now.stats.accepted, before.stats.accepted),
    outRate: rates.of(now.stats.written, before.stats.written),
    lostRate: rates.of(lostOf(now), lostOf(before)),
    mailbox: now.mailboxes.get('broker'),
    outboundMessages: now.stats.pending,
    outboundBytes: now.connections.reduce((sum, each) => sum + each.out.pendingBytes, 0),
    p99Ms: now.latency.delivery.count === 0 ? undefined : now.latency.delivery.p99,
    restarts: undefined,
    memoryBytes: now.status.heapBytes,
  }
}

/** Deliveries lost so far, of all or of a channel; that nobody was there is no loss. */
function lostOf({ stats }: TopSample, channel?: string): number {
  const sums = channel === undefined ? stats : stats.channels.find(({ name }) => name === channel)
  return Object.entries(sums?.dropped ?? {}).reduce((sum, [reason, count]) => (reason === 'no-interest' ? sum : sum + count), 0)
}

class Rates {
  readonly #seconds: number
  readonly #connections: ReadonlyMap<string, ConnectionInfo>

  constructor(before: TopSample, now: TopSample) {
    // Another incarnation counts from 0 again.
    const isSame = before.status.incarnation === now.status.incarnation && before.status.broker === now.status.broker
    this.#seconds = isSame ? (now.atMs - before.atMs) / 1000 : 0
    this.#connections = new Map(before.connections.map(each => [each.id, each]))
  }

  connection(id: string): ConnectionInfo | undefined {
    return this.#connections.get(id)
  }

  /** Growth per second; of what was not there before, none is known. */
  of(value: number, before: number | undefined): number {
    return before === undefined || this.#seconds <= 0 ? 0 : Math.max(0, value - before) / this.#seconds
  }
}
