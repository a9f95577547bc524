// Looks at a made-up broker, for tests of what `callboard top` makes of them.

import type { AgentInfo, BrokerStats, BrokerStatus, ChannelInfo, ConnectionInfo } from '../../broker/ground/api.ts'
import type { TopSample } from '../../cli/top/sample.ts'

const percentiles = { p50: 0, p95: 0, p99: 0, max: 0 }

export function connectionInfo(more: Partial<ConnectionInfo> & { readonly id: string }): ConnectionInfo {
  return {
    client: more.id, principal: 'owner', roles: ['client'], transport: 'unix', dialect: 'native', phase: 'run', address: 'unix', ageMs: 1, subscriptions: 0, flow: { overflow: 'block', maxPendingBytes: 1 },
    in: { messages: 0, bytes: 0 }, out: { messages: 0, bytes: 0, pendingMessages: 0, pendingBytes: 0 }, dropped: 0, openRequests: 0, stalled: false,
    ...more,
  }
}

export function channelInfo(more: Partial<ChannelInfo> & { readonly name: string }): ChannelInfo {
  return { mode: 'pubsub', direction: 'both', predefined: false, createdAt: 0, accepted: 0, delivered: 0, dropped: 0, pending: 0, subscribers: 0, ...more }
}

export function agentInfo(more: Partial<AgentInfo> & { readonly name: string }): AgentInfo {
  return { agent: more.name, instance: 1, phase: 'run', incarnation: 1, restarts: 0, ageMs: 1, ...more }
}

export function topSample(more: Partial<Omit<TopSample, 'stats' | 'status'>> & { readonly stats?: Partial<BrokerStats>; readonly status?: Partial<BrokerStatus> } = {}): TopSample {
  return {
    atMs: 0,
    observer: 'cli-1',
    latency: { delivery: { count: 0, ...percentiles }, eventLoop: percentiles },
    connections: [],
    agents: [],
    channels: [],
    queues: [],
    mailboxes: new Map(),
    ...more,
    stats: { accepted: 0, deliveries: 0, written: 0, forwarded: 0, stored: 0, pending: 0, dropped: {}, rejected: 0, duplicates: 0, balanced: true, channels: [], ...more.stats },
    status: { broker: 'abc', incarnation: 1, uptimeMs: 60_000, connections: 0, rssBytes: 0, heapBytes: 1024, ...more.status } as BrokerStatus,
  }
}
