// What is measured: one row per workload. Knows no server and no socket.

import { UsageError } from './usage.ts'

/** Publishers, subjects and receivers of a stream of messages. */
export interface FlowWorkload {
  readonly kind: 'flow'
  readonly name: string
  readonly title: string
  readonly publishers: number
  /** A publisher goes round its subjects message by message. */
  readonly subjectsPerPublisher: number
  readonly receiversPerSubject: number
  readonly payloadBytes: number
  /** Most bytes of one write; 0: every message is a write of its own. */
  readonly writeBytes: number
  /** Messages of one publisher that may be under way to a receiver. */
  readonly windowMessages: number
  /** A smoke run publishes about this many messages in all. */
  readonly smokeMessages: number
}

/** One requester, one responder. A request and its answer are two deliveries. */
export interface ExchangeWorkload {
  readonly kind: 'exchange'
  readonly name: string
  readonly title: string
  readonly inFlight: number
  /** What one read brought is answered, and asked anew, in one write; otherwise each message is a write of its own, as independent callers make them. */
  readonly isBatched: boolean
  readonly payloadBytes: number
  readonly smokeMessages: number
}

/** Connections that do nothing. */
export interface IdleWorkload {
  readonly kind: 'idle'
  readonly name: string
  readonly title: string
  readonly connections: number
  readonly idleSeconds: number
  readonly smokeConnections: number
}

/** Spawn to first authenticated reply. */
export interface StartWorkload {
  readonly kind: 'start'
  readonly name: string
  readonly title: string
  readonly warmStarts: number
}

export type Workload = FlowWorkload | ExchangeWorkload | IdleWorkload | StartWorkload
/** The workloads that send messages. */
export type MessageWorkload = FlowWorkload | ExchangeWorkload

const KIB = 1024
const small = { kind: 'flow', publishers: 1, subjectsPerPublisher: 1, receiversPerSubject: 1, payloadBytes: 128, writeBytes: 64 * KIB, windowMessages: 2960, smokeMessages: 5000 } as const

export const workloads: readonly Workload[] = [
  { ...small, name: 'A', title: 'one publisher, one subscriber' },
  { ...small, name: 'B100', title: 'fan-out to 100', receiversPerSubject: 100, windowMessages: 1480, smokeMessages: 1500 },
  { ...small, name: 'B1000', title: 'fan-out to 1,000', receiversPerSubject: 1000, windowMessages: 1480, smokeMessages: 750 },
  { ...small, name: 'C', title: '50 pairs', publishers: 50, windowMessages: 370, smokeMessages: 20_000 },
  { ...small, name: 'Cmix', title: 'one publisher, 50 subjects in turn', subjectsPerPublisher: 50 },
  { ...small, name: 'C1', title: '50 pairs, one message per write', publishers: 50, writeBytes: 0, windowMessages: 16 },
  { kind: 'exchange', name: 'D1', title: 'request and reply, 1 in flight', inFlight: 1, isBatched: false, payloadBytes: 128, smokeMessages: 1000 },
  { kind: 'exchange', name: 'D64', title: 'request and reply, 64 in flight', inFlight: 64, isBatched: false, payloadBytes: 128, smokeMessages: 4000 },
  { kind: 'exchange', name: 'D64b', title: 'request and reply, 64 in flight, written together', inFlight: 64, isBatched: true, payloadBytes: 128, smokeMessages: 4000 },
  { ...small, name: 'F', title: 'one publisher, one subscriber, 16 KiB', payloadBytes: 16 * KIB, windowMessages: 32, smokeMessages: 400 },
  { kind: 'idle', name: 'E', title: '10,000 idle connections', connections: 10_000, idleSeconds: 30, smokeConnections: 100 },
  { kind: 'start', name: 'start', title: 'spawn to first authenticated reply', warmStarts: 10 },
]

/**
 * The workloads with these names in the table's order; all of them for an empty list. `B` stands for B100 and B1000, `D` for D1, D64 and D64b.
 * @throws UsageError naming the unknown name and those there are
 */
export function selectWorkloads(names: readonly string[]): readonly Workload[] {
  const matches = (workload: Workload, name: string): boolean => workload.name === name || (/^[BD]$/.test(name) && /^[BD]\d/.test(workload.name) && workload.name.startsWith(name))
  for (const name of names) {
    if (!workloads.some(workload => matches(workload, name))) throw new UsageError(`no workload "${name}"; there are ${workloads.map(workload => workload.name).join(', ')}`)
  }
  return names.length === 0 ? workloads : workloads.filter(workload => names.some(name => matches(workload, name)))
}
