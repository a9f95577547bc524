// What nats-server answers about parts that are not configured, and that Callboard does not have: routes, gateways,
// leaf nodes, JetStream.

import { timestamp } from './go-format.ts'
import type { Moment } from './moment.ts'

const head = (serverId: string, now: Moment): object => ({ server_id: serverId, now: timestamp(now.wallMicros) })

export function routez(serverId: string, now: Moment): object {
  return { ...head(serverId, now), num_routes: 0, routes: [] }
}

export function gatewayz(serverId: string, now: Moment): object {
  return { ...head(serverId, now), outbound_gateways: {}, inbound_gateways: {} }
}

export function leafz(serverId: string, now: Moment): object {
  return { ...head(serverId, now), leafnodes: 0, leafs: null }
}

export function jsz(serverId: string, now: Moment): object {
  return {
    ...head(serverId, now),
    disabled: true,
    config: { max_memory: 0, max_storage: 0 },
    memory: 0,
    storage: 0,
    reserved_memory: 0,
    reserved_storage: 0,
    accounts: 0,
    ha_assets: 0,
    api: { total: 0, errors: 0 },
    streams: 0,
    consumers: 0,
    messages: 0,
    bytes: 0,
  }
}
