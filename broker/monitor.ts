// The broker as the monitoring endpoints of nats-server tell it. Reads the parts where they stand, when somebody asks.

import { availableParallelism } from 'node:os'
import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import type { ConnectionQuery, Monitoring, RequestCounts, SubscriptionQuery } from './ground/monitoring.ts'
import { ownMemory } from './ground/process-memory.ts'
import { parseSubject } from './ground/subject.ts'
import { MonitoredConnection, subscriptionFigures } from './monitored-connection.ts'
import { gatewayz, jsz, leafz, routez } from './monitoring/absent.ts'
import { accountz, accstatz, type AccountFigures } from './monitoring/account.ts'
import { connz } from './monitoring/connz.ts'
import { CpuMeter } from './monitoring/cpu-meter.ts'
import { addTraffic } from './monitoring/departed.ts'
import { wallAt, type Moment } from './monitoring/moment.ts'
import { sublistStats, subsz, type HeldSubscription, type RoutingFigures } from './monitoring/subsz.ts'
import { varz, type Endpoint, type ServerIdentity } from './monitoring/varz.ts'
import { Group, type Subscription } from './routing/subscription.ts'

export interface MonitorOptions {
  readonly core: Core
  /** Connections that there may be. */
  readonly maxConnections: number
  readonly identity: ServerIdentity
  readonly endpoints: () => MonitorEndpoints
}

/** URLs of where it listens at the moment. */
export interface MonitorEndpoints {
  readonly nats: string | undefined
  /** NATS over WebSocket. */
  readonly webSocket: string | undefined
  readonly http: string | undefined
}

export class Monitor implements Monitoring {
  readonly #options: MonitorOptions
  readonly #core: Core
  readonly #epochMicros: number
  readonly #cpu: CpuMeter

  constructor(options: MonitorOptions) {
    this.#options = options
    this.#core = options.core
    const { clock } = options.core
    this.#epochMicros = clock.wallMicros() - Math.round(clock.monotonicMs() * 1000)
    this.#cpu = new CpuMeter(clock.monotonicMs(), cpuMicros())
  }

  varz(requests: RequestCounts): object {
    const { identity, maxConnections } = this.#options
    const { nats, webSocket, http } = this.#options.endpoints()
    const figures = {
      ...this.#figures(),
      residentBytes: ownMemory().rss,
      cores: availableParallelism(),
      cpuPercent: this.#cpu.percent(this.#core.clock.monotonicMs(), cpuMicros()),
      maxConnections,
      settingsMicros: wallAt(this.#now(), this.#core.settingsAtMs),
      nats: endpointOf(nats),
      webSocket: endpointOf(webSocket),
      http: endpointOf(http),
    }
    return varz(identity, this.#core.settings, figures, requests, this.#now())
  }

  connz(query: ConnectionQuery): object {
    // As nats-server does: whoever asks gets the round trips of those that were never asked for one the next time.
    for (const connection of this.#core.directory.all()) if (connection.isReady && answersPings(connection) && connection.activity.isUnasked) this.#core.ping(connection)
    return connz(this.#id, this.#connections(), this.#core.departed.closed.all(), query, this.#now())
  }

  subsz(query: SubscriptionQuery): object {
    const { subject } = query
    const held = subject === undefined ? this.#allSubscriptions() : this.#matching(parseSubject(subject))
    return subsz(this.#id, this.#routing(), held, query, this.#now())
  }

  routez(): object {
    return routez(this.#id, this.#now())
  }

  gatewayz(): object {
    return gatewayz(this.#id, this.#now())
  }

  leafz(): object {
    return leafz(this.#id, this.#now())
  }

  jsz(): object {
    return jsz(this.#id, this.#now())
  }

  accountz(account: string | undefined): object | undefined {
    return accountz(this.#id, account, this.#figures(), sublistStats(this.#routing()), this.#now())
  }

  accstatz(isUnusedToo: boolean): object {
    return accstatz(this.#id, this.#figures(), isUnusedToo, this.#now())
  }

  get #id(): string {
    return this.#options.identity.id
  }

  #now(): Moment {
    const { clock } = this.#core
    return { wallMicros: clock.wallMicros(), monotonicMs: clock.monotonicMs(), epochMicros: this.#epochMicros }
  }

  // A session without a link is no connection.
  *#connections(): Iterable<MonitoredConnection> {
    for (const connection of this.#core.directory.all()) if (connection.state !== 'detached') yield new MonitoredConnection(connection)
  }

  #figures(): AccountFigures {
    const { departed } = this.#core
    const { inMessages, outMessages, inBytes, outBytes, slowConsumers } = departed
    const sum = { inMessages, outMessages, inBytes, outBytes }
    let connections = 0
    for (const connection of this.#connections()) {
      connections++
      addTraffic(sum, connection)
    }
    const { links, subscribed, unsubscribed } = this.#core.counts
    return { ...sum, startedMicros: wallAt(this.#now(), this.#core.startedAtMs), connections, totalConnections: links, slowConsumers, subscriptions: subscribed - unsubscribed }
  }

  #routing(): RoutingFigures {
    const { accounts, routes, counts } = this.#core
    return { inserts: counts.subscribed, removes: counts.unsubscribed, matches: accounts.totals().accepted, misses: routes.built, fanouts: routes.fanouts() }
  }

  *#allSubscriptions(): Iterable<HeldSubscription> {
    for (const connection of this.#connections()) for (const subscription of connection.list()) yield { ...subscription, cid: connection.number }
  }

  #matching(subject: readonly string[]): HeldSubscription[] {
    const held: HeldSubscription[] = []
    const add = (subscription: Subscription): void => void held.push({ ...subscriptionFigures(subscription), cid: subscription.subscriber.number })
    this.#core.interest.match(subject, (entry) => {
      if (entry instanceof Group) entry.members.forEach(add)
      else add(entry)
    })
    return held
  }
}

function answersPings({ isWatched, link }: Connection): boolean {
  return isWatched || link.protocol === 'nats'
}

function endpointOf(url: string | undefined): Endpoint | undefined {
  if (url === undefined) return undefined
  const { hostname, port } = new URL(url)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
