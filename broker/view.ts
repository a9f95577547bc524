// The broker as its methods see it: reads the parts and puts what they say into the shapes of the API.

import { hostname, loadavg, totalmem, freemem, availableParallelism } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { AgentReportsView, withUsage } from './agents-view.ts'
import type { BrokerView, Caller } from './api/methods.ts'
import { channelsOf, connectionInfo, transportOf } from './connection-info.ts'
import type { ApiAnswer, ApiParams, ChannelInfo, ConnectionInfo, HistoryQuery, LatencyQuery } from './ground/api.ts'
import type { TraceQuery } from './ground/trace-api.ts'
import type { AuditAction, AuditFields } from './ground/audit.ts'
import { BrokerError } from './ground/errors.ts'
import { dropReasons } from './ground/fate.ts'
import { ownMemory } from './ground/process-memory.ts'
import type { QueueOverrides } from './ground/queue-overrides.ts'
import type { ChannelMode, ChannelSpec } from './ground/types.ts'
import { healthOf } from './health.ts'
import { latencyGroups } from './latency-groups.ts'
import type { BrokerHost } from './host.ts'
import { droppedMetric } from './metrics.ts'
import type { Pipeline } from './pipeline.ts'
import { QueueView } from './queue-view.ts'
import { RegistrationView } from './registry-view.ts'
import { Sampler } from './sampler.ts'
import { Trace } from './trace.ts'

/** What health looks back at. ms */
const HEALTH_MS = 60_000

export class View implements BrokerView {
  readonly queues: QueueView
  readonly registry: RegistrationView
  readonly agentsView: AgentReportsView
  readonly #pipeline: Pipeline
  readonly #host: BrokerHost
  readonly #sampler: Sampler
  readonly #trace: Trace
  #eventLoop: ReturnType<typeof monitorEventLoopDelay> | undefined

  constructor(pipeline: Pipeline, host: BrokerHost) {
    this.#pipeline = pipeline
    this.#host = host
    this.#sampler = new Sampler(pipeline, host)
    this.#sampler.start()
    this.#trace = new Trace(pipeline.core)
    this.queues = new QueueView(pipeline.core, host.home)
    this.registry = new RegistrationView(pipeline.core)
    this.agentsView = new AgentReportsView(pipeline.core, host)
  }

  status(): ApiAnswer<'status'> {
    const { broker, incarnation, directory, channels, queues, leases } = this.#pipeline.core
    const memory = ownMemory()
    const cpu = process.cpuUsage()
    const { version, phase, home, socket, gateway, gatewayProblem, nats, natsProblem, grpc, grpcSocket, bus } = this.#host
    return {
      broker,
      incarnation,
      version,
      pid: process.pid,
      phase,
      uptimeMs: Math.round(process.uptime() * 1000),
      home,
      socket,
      ...(gateway === undefined ? {} : { gateway }),
      ...(gatewayProblem === undefined ? {} : { gatewayProblem }),
      ...(nats === undefined ? {} : { nats }),
      ...(natsProblem === undefined ? {} : { natsProblem }),
      ...(grpc === undefined ? {} : { grpc }),
      ...(grpcSocket === undefined ? {} : { grpcSocket }),
      ...(bus === undefined ? {} : { bus }),
      leases: leases.held(),
      connections: directory.size,
      channels: channels.list().length,
      ...(queues.list().length === 0 ? {} : { queues: this.queues.status() }),
      agents: this.#host.agents().length,
      rssBytes: memory.rss,
      heapBytes: memory.heapUsed,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      host: { name: hostname(), loadAverage: loadavg(), memoryBytes: totalmem(), freeMemoryBytes: freemem(), cpus: availableParallelism() },
    }
  }

  tree(): ApiAnswer<'tree'> {
    return this.#host.tree()
  }

  connections({ id, channels = false }: ApiParams<'connections'>): ApiAnswer<'connections'> {
    const { directory, clock } = this.#pipeline.core
    const connections: ConnectionInfo[] = []
    for (const connection of directory.all()) {
      if (id !== undefined && connection.id !== id && connection.client !== id) continue
      const info = connectionInfo(connection, clock.monotonicMs())
      connections.push(channels ? { ...info, channels: channelsOf(connection, this.#pipeline.core.channels.list()) } : info)
    }
    return { connections }
  }

  channels(): ChannelInfo[] {
    return this.#pipeline.core.channels.list().map((spec) => this.#channelInfo(spec))
  }

  channel(name: string): ChannelInfo {
    return this.#channelInfo(this.#pipeline.core.channels.get(name))
  }

  async createChannel(name: string, mode: ChannelMode, queue: QueueOverrides | undefined, caller: Caller): Promise<ChannelInfo> {
    const spec = this.#pipeline.core.channels.define(name, mode, Date.now(), queue)
    await this.#host.startChannel(spec)
    this.#record('channel.created', caller, { channel: name, mode })
    return this.channel(name)
  }

  async deleteChannel(name: string, isForced: boolean, caller: Caller): Promise<ChannelInfo> {
    const info = this.channel(name)
    if (info.predefined) throw new BrokerError('channel.predefined', { channel: name, action: 'deleted' })
    await this.#host.stopChannel(name, isForced)
    this.#record('channel.deleted', caller, { channel: name, ...(isForced ? { forced: true } : {}) })
    return info
  }

  stats(): ApiAnswer<'stats'> {
    const { core } = this.#pipeline
    const channels = core.channels.list().map(({ name }) => {
      const account = core.accounts.channel(name)!
      return { name, accepted: account.accepted, deliveries: account.deliveries, written: account.written, forwarded: account.forwarded, stored: account.stored, pending: account.pending, rejected: account.rejected, duplicates: account.duplicates, dropped: { ...account.dropped } }
    })
    return { ...core.accounts.totals(), channels }
  }

  metrics(): ApiAnswer<'metrics'> {
    return this.#sampler.values()
  }

  history({ periodMs, metrics, points }: HistoryQuery & { readonly points: number }): ApiAnswer<'history'> {
    const { names } = this.#sampler.history
    const isNamed = (wanted: string, name: string): boolean => name === wanted || name.startsWith(`${wanted}_`)
    const unknown = metrics?.find((wanted) => !names.some((name) => isNamed(wanted, name)))
    if (unknown !== undefined) {
      const words = [...new Set(names.map((name) => name.split('_', 1)[0]!))].toSorted()
      throw new BrokerError('method.bad_params', { method: 'history', problem: `no metric "${unknown}"; there are ${words.join(', ')}, or any name of the method metrics` })
    }
    return this.#sampler.read(periodMs, points, (name) => metrics === undefined || metrics.some((wanted) => isNamed(wanted, name)))
  }

  health(): ApiAnswer<'health'> {
    const { core } = this.#pipeline
    const { recorder, settings } = core
    const totals = core.accounts.totals()
    const lately = this.#sampler.read(HEALTH_MS, 1, () => true)
    const seen = new Map(lately.series.map((series) => [series.name, series]))
    const memory = ownMemory()
    let stalled = 0
    for (const connection of core.directory.all()) if (connection.stallDeadline !== undefined) stalled++
    return healthOf({
      phase: this.#host.phase,
      upMs: process.uptime() * 1000,
      tree: this.#host.tree(),
      gatewayProblem: this.#host.gatewayProblem,
      natsProblem: this.#host.natsProblem,
      bus: this.#host.bus,
      queues: { ...this.queues.totals(), diedLately: seen.get('queue_dead_lettered_total')?.value ?? 0 },
      channels: core.channels.list().length,
      registry: core.registry.counts,
      subscriptions: core.interest.size,
      routes: core.routes.size,
      connections: core.directory.size,
      stalled,
      isBalanced: totals.balanced,
      pending: totals.pending,
      lately: {
        ms: lately.coversMs,
        written: seen.get('deliveries_written_total')?.value ?? 0,
        lost: Object.fromEntries(dropReasons.filter((reason) => reason !== 'no-interest').map((reason) => [reason, seen.get(droppedMetric(reason))?.value ?? 0])),
      },
      recorder: { runs: recorder.next - recorder.oldest, capacity: settings.recorder.entries, coversMs: this.#coveredMs() },
      loop: { lagMs: seen.get('event_loop_lag_ms')?.peak ?? 0, utilization: seen.get('event_loop_busy_seconds_total')?.rate ?? 0 },
      memory: { rssBytes: memory.rss, hostBytes: totalmem(), heapBytes: memory.heapUsed, heapLimitBytes: getHeapStatistics().heap_size_limit },
    })
  }

  latency({ percentiles: wanted, groups }: Required<LatencyQuery>): ApiAnswer<'latency'> {
    // Sampled from the first question on: nobody pays for it before.
    if (this.#eventLoop === undefined) {
      this.#eventLoop = monitorEventLoopDelay({ resolution: 20 })
      this.#eventLoop.enable()
    }
    const loop = this.#eventLoop
    // 0 is no percentile of Node's; the least value stands for it.
    const ms = (percentile: number): number => (loop.count === 0 ? 0 : (percentile === 0 ? loop.min : loop.percentile(percentile)) / 1e6)
    const at = wanted.map((percentile) => ({ percentile, ms: ms(percentile) }))
    return {
      delivery: this.#pipeline.core.deliveryLatency.percentiles(wanted),
      eventLoop: { p50: ms(50), p95: ms(95), p99: ms(99), max: loop.count === 0 ? 0 : loop.max / 1e6, ...(at.length === 0 ? {} : { at }) },
      ...(groups ? { groups: latencyGroups(this.#pipeline.core, wanted) } : {}),
    }
  }

  async trace(query: TraceQuery & { readonly limit: number }): Promise<ApiAnswer<'trace.show'>> {
    return { ...(await this.#trace.show(query)), coversMs: this.#coveredMs(), enabled: this.#pipeline.core.previews.isEnabled }
  }

  setTracing(isEnabled: boolean, caller: Caller): ApiAnswer<'trace.enable'> {
    const { previews } = this.#pipeline.core
    if (previews.isEnabled !== isEnabled) this.#record('tracing.changed', caller, { enabled: isEnabled })
    previews.isEnabled = isEnabled
    return { enabled: previews.isEnabled }
  }

  leases(): ApiAnswer<'leases'> {
    return { leases: this.#pipeline.core.leases.held() }
  }

  agents(): ApiAnswer<'agents'> {
    return { agents: this.#host.agents().map((agent) => withUsage(agent)) }
  }

  restartAgent(name: string, isRolling: boolean, caller: Caller): Promise<ApiAnswer<'agent.restart'>> {
    return this.#changeAgent('agent.restarted', name, { ...(isRolling && { rolling: true }) }, caller, () => this.#host.restartAgent(name, isRolling))
  }

  scaleAgent(name: string, instances: number, caller: Caller): Promise<ApiAnswer<'agent.scale'>> {
    return this.#changeAgent('agent.scaled', name, { instances }, caller, async () => ({ agents: await this.#host.scaleAgent(name, instances) }))
  }

  drainAgent(name: string, caller: Caller): Promise<ApiAnswer<'agent.drain'>> {
    return this.#changeAgent('agent.drained', name, {}, caller, async () => ({ agents: await this.#host.drainAgent(name) }))
  }

  // Variables by name alone: their values may be secrets.
  upgradeAgent({ name, ...change }: ApiParams<'agent.upgrade'>, caller: Caller): Promise<ApiAnswer<'agent.upgrade'>> {
    const { command, version, env } = change
    const fields = { ...(command !== undefined && { command }), ...(version !== undefined && { version }), ...(env !== undefined && { env: Object.keys(env).join(' ') }) }
    return this.#changeAgent('agent.upgraded', name, fields, caller, async () => ({ agents: await this.#host.upgradeAgent(name, change) }))
  }

  async #changeAgent<Answer>(action: AuditAction, name: string, fields: AuditFields, caller: Caller, change: () => Promise<Answer>): Promise<Answer> {
    try {
      const answer = await change()
      this.#record(action, caller, { agent: name, ...fields })
      return answer
    } catch (error) {
      const { code } = BrokerError.from(error)
      if (code !== 'agent.unknown') this.#record(action, caller, { agent: name, ...fields, failed: code })
      throw error
    }
  }

  kill(id: string, caller: Caller): ApiAnswer<'connection.kill'> {
    const { core } = this.#pipeline
    for (const connection of core.directory.all()) {
      if (connection.id !== id && connection.client !== id) continue
      this.#record('connection.killed', caller, { killed: connection.id, killedClient: connection.client })
      core.end(connection, new BrokerError('connection.killed'))
      return { killed: connection.id }
    }
    throw new BrokerError('method.bad_params', { method: 'connection.kill', problem: `no connection "${id}"` })
  }

  async upgrade(program: readonly string[] | undefined, caller: Caller): Promise<ApiAnswer<'upgrade'>> {
    const asker = this.#pipeline.core.directory.client(caller.client)
    const transport = asker === undefined ? 'none' : transportOf(asker.link)
    if (transport !== 'unix') throw new BrokerError('upgrade.remote', { transport })
    this.#record('broker.upgrading', caller, { program: program?.join(' ') })
    return this.#host.upgrade(program, asker)
  }

  stop(caller: Caller): ApiAnswer<'stop'> {
    // The answer leaves first.
    setImmediate(() => this.#host.stop(caller.principal))
    return { pid: process.pid }
  }

  #record(action: AuditAction, { principal, connection, client }: Caller, fields: AuditFields): void {
    this.#pipeline.core.audit.record(action, principal, { connection, client, ...fields })
  }

  #channelInfo(spec: ChannelSpec): ChannelInfo {
    const { accounts } = this.#pipeline.core
    const account = accounts.channel(spec.name) ?? accounts.outside
    return { ...spec, accepted: account.accepted, delivered: account.written, dropped: account.droppedTotal, pending: account.pending, subscribers: this.#pipeline.subscribers(spec.name) }
  }

  // Age of the oldest run that is still known.
  #coveredMs(): number {
    const { recorder, clock } = this.#pipeline.core
    const oldest = recorder.at(recorder.oldest)
    return oldest === undefined ? 0 : Math.max(0, clock.wallMicros() - oldest.timeMicros) / 1000
  }
}
