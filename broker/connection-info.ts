// What is told of a connection to those who ask. Reads it, and changes nothing.

import type { Connection } from './connection.ts'
import type { ConnectionInfo, ConsumptionInfo, DeviceInfo } from './ground/api.ts'
import { patternsOverlap } from './ground/subject.ts'
import type { ChannelSpec, Link } from './ground/types.ts'
import type { Device } from './protocol/bodies.ts'
import type { Consumption } from './queues/consumption.ts'

/** Share of a limit that the ceiling lies above it; see delivery/marks.ts. */
const RESERVE = 0.25

/** `nowMs` is monotonic. */
export function connectionInfo(connection: Connection, nowMs: number): ConnectionInfo {
  const { outbound, program, agent, link, device } = connection
  const { pid, uid, address } = link.peer
  const { overflow, hardBytes, ceilingMessages } = outbound.load.limits
  return {
    id: connection.id,
    client: connection.client,
    principal: connection.permissions!.name,
    roles: connection.permissions!.roles,
    ...(program === undefined ? {} : { program }),
    ...(agent === undefined ? {} : { agent }),
    transport: transportOf(link),
    dialect: connection.dialect!.name,
    ...(device === undefined ? {} : { device: deviceInfo(device) }),
    flow: { overflow, maxPendingBytes: hardBytes, ...(ceilingMessages === Infinity ? {} : { maxPendingMessages: Math.round(ceilingMessages / (1 + RESERVE)) }) },
    phase: connection.isReady ? 'run' : connection.isPresent ? 'maintain' : 'terminate',
    address,
    ...(pid === undefined ? {} : { pid }),
    ...(uid === undefined ? {} : { uid }),
    ageMs: Math.round(nowMs - connection.openedAtMs),
    subscriptions: connection.subscriptions?.size ?? 0,
    in: { messages: connection.receivedMessages, bytes: connection.receivedBytes },
    out: { messages: outbound.writtenMessages, bytes: outbound.writtenBytes, pendingMessages: outbound.pendingMessages, pendingBytes: outbound.pendingBytes },
    dropped: outbound.droppedMessages,
    ...(outbound.dropped === undefined ? {} : { droppedBy: { ...outbound.dropped } }),
    openRequests: connection.openRequests?.size ?? 0,
    ...(connection.consumers === undefined ? {} : { consumes: [...connection.consumers.values()].map(consumptionInfo) }),
    stalled: connection.stallDeadline !== undefined,
  }
}

function consumptionInfo({ queue, subscription, consumer }: Consumption): ConsumptionInfo {
  return { queue: queue.name, subscription, credit: consumer.credit, inFlight: consumer.leases.size, isOpen: consumer.isOpen }
}

// NATS over WebSocket is a stream too, whose bytes are wrapped; a Unix socket wraps what goes by shared memory.
export function transportOf({ framing, wrap, protocol, peer, transport }: Link): ConnectionInfo['transport'] {
  if (transport !== undefined) return transport
  if (framing !== 'stream' || (protocol !== undefined && wrap !== undefined)) return 'websocket'
  return peer.network === undefined ? 'unix' : 'tcp'
}

/** Names of the channels with messages that a connection gets: by a subscription, or since they go to everybody. */
export function channelsOf(connection: Connection, channels: readonly ChannelSpec[]): string[] {
  const patterns = [...(connection.subscriptions?.values() ?? [])].map(({ tokens }) => tokens)
  return channels
    .filter(({ name, mode }) => {
      const own = name.split('.')
      return (mode === 'broadcast' && connection.mayReceive(own)) || patterns.some((tokens) => patternsOverlap(tokens, own) || patternsOverlap(tokens, [...own, '>']))
    })
    .map(({ name }) => name)
}

/** What a device said of itself, without what it did not say. */
export function deviceInfo({ role, nodeType, version, capabilities }: Device): DeviceInfo {
  return { ...(role === undefined ? {} : { role }), ...(nodeType === undefined ? {} : { nodeType }), ...(version === undefined ? {} : { version }), capabilities }
}
