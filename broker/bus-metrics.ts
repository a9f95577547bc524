// Counters and gauges of the link to other brokers, as the status tells them; under names of their own, as there is one link.

import type { BusStatus } from './ground/api.ts'

/** All names, from the first look on: histories and exporters ask once which there are. `bus` undefined: the link has not begun. */
export function busMetrics(bus: BusStatus | undefined): Record<string, number> {
  return {
    bus_peers: bus?.peers ?? 0,
    bus_brokers: bus?.cluster.brokers.length ?? 0,
    bus_clients: bus?.cluster.clients ?? 0,
    bus_patterns: bus?.patterns ?? 0,
    bus_groups: bus?.groups ?? 0,
    bus_rtt_seconds: (bus?.rttMs ?? 0) / 1000,
    bus_held: bus?.held ?? 0,
    bus_forwarded_total: bus?.forwarded ?? 0,
    bus_lost_down_total: bus?.lost.down ?? 0,
    bus_lost_unknown_total: bus?.lost.unknown ?? 0,
    bus_strays_total: bus?.strays ?? 0,
    bus_late_total: bus?.late ?? 0,
    bus_unsent_total: bus?.unsent ?? 0,
  }
}
