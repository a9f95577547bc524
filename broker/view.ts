// The broker as its methods see it: reads the parts and puts what they say into the shapes of the API.

import { hostname, loadavg, totalmem, freemem, availableParallelism } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { BrokerView } from './api/methods.ts'
import type { Connection } from './connection.ts'
import type { ApiAnswer, ChannelInfo, ConnectionInfo, TraceEntry, TraceQuery } from './ground/api.ts'
import { BrokerError } from './ground/errors.ts'
import { kindName } from './ground/kind.ts'
import type { ChannelMode, ChannelSpec } from './ground/types.ts'
import type { BrokerHost } from './host.ts'
import type { RecordedRun } from './observe/recorder.ts'
import type { Pipeline } from './pipeline.ts'
import { metricsOf } from './metrics.ts'

export class View implements BrokerView {
  readonly #pipeline: Pipeline
  readonly #host: BrokerHost
  #eventLoop: ReturnType<typeof monitorEventLoopDelay> | undefined

  constructor(pipeline: Pipeline, host: BrokerHost) {
    this.#pipeline = pipeline
    this.#host = host
  }

  status(): ApiAnswer<'status'> {
    const { broker, incarnation, directory, channels } = this.#pipeline.core
    const memory = process.memoryUsage()
    const cpu = process.cpuUsage()
    const { version, phase, home, socket } = this.#host
    return {
      broker,
      incarnation,
      version,
      pid: process.pid,
      phase,
      uptimeMs: Math.round(process.uptime() * 1000),
      home,
      socket,
      connections: directory.size,
      channels: channels.list().length,
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

  connections(id: string | undefined): ApiAnswer<'connections'> {
    const connections: ConnectionInfo[] = []
    for (const connection of this.#pipeline.core.directory.all()) {
      if (id === undefined || connection.id === id || connection.client === id) connections.push(this.#connectionInfo(connection))
    }
    return { connections }
  }

  channels(): ChannelInfo[] {
    return this.#pipeline.core.channels.list().map((spec) => this.#channelInfo(spec))
  }

  channel(name: string): ChannelInfo {
    return this.#channelInfo(this.#pipeline.core.channels.get(name))
  }

  async createChannel(name: string, mode: ChannelMode): Promise<ChannelInfo> {
    const spec = this.#pipeline.core.channels.define(name, mode, Date.now())
    await this.#host.startChannel(spec)
    return this.channel(name)
  }

  async deleteChannel(name: string): Promise<ChannelInfo> {
    const info = this.channel(name)
    if (info.predefined) throw new BrokerError('channel.predefined', { channel: name, action: 'deleted' })
    await this.#host.stopChannel(name)
    return info
  }

  stats(): ApiAnswer<'stats'> {
    const { core } = this.#pipeline
    const channels = core.channels.list().map(({ name }) => {
      const account = core.accounts.channel(name)!
      return { name, accepted: account.accepted, deliveries: account.deliveries, written: account.written, pending: account.pending, rejected: account.rejected, dropped: { ...account.dropped } }
    })
    return { ...core.accounts.totals(), channels }
  }

  metrics(): ApiAnswer<'metrics'> {
    return metricsOf(this.#pipeline)
  }

  latency(): ApiAnswer<'latency'> {
    // Sampled from the first question on: nobody pays for it before.
    if (this.#eventLoop === undefined) {
      this.#eventLoop = monitorEventLoopDelay({ resolution: 20 })
      this.#eventLoop.enable()
    }
    const loop = this.#eventLoop
    const ms = (percentile: number): number => (loop.count === 0 ? 0 : loop.percentile(percentile) / 1e6)
    return { delivery: this.#pipeline.core.deliveryLatency.percentiles(), eventLoop: { p50: ms(50), p95: ms(95), p99: ms(99), max: loop.count === 0 ? 0 : loop.max / 1e6 } }
  }

  trace({ channel, limit, after }: TraceQuery & { readonly limit: number }): ApiAnswer<'trace.show'> {
    const { recorder, previews } = this.#pipeline.core
    const { oldest, next } = recorder
    const entries: TraceEntry[] = []
    const look = (seq: number): void => {
      const run = recorder.at(seq)!
      if (channel === undefined || run.subject === channel || run.subject.startsWith(`${channel}.`)) entries.push(this.#traceEntry(run))
    }
    // Who goes on from a position wants the next ones, so that none is passed over; who just looks, the latest.
    if (after !== undefined) for (let seq = Math.max(oldest, after + 1); seq < next && entries.length < limit; seq++) look(seq)
    else for (let seq = next - 1; seq >= oldest && entries.length < limit; seq--) look(seq)
    if (after === undefined) entries.reverse()
    return { entries, from: oldest, to: next, coversMs: this.#coveredMs(), enabled: previews.isEnabled }
  }

  setTracing(isEnabled: boolean): ApiAnswer<'trace.enable'> {
    const { previews } = this.#pipeline.core
    previews.isEnabled = isEnabled
    return { enabled: previews.isEnabled }
  }

  agents(): ApiAnswer<'agents'> {
    return { agents: this.#host.agents() }
  }

  restartAgent(name: string): Promise<ApiAnswer<'agent.restart'>> {
    return this.#host.restartAgent(name)
  }

  kill(id: string): ApiAnswer<'connection.kill'> {
    const { core } = this.#pipeline
    for (const connection of core.directory.all()) {
      if (connection.id !== id && connection.client !== id) continue
      core.end(connection, new BrokerError('connection.killed'))
      return { killed: connection.id }
    }
    throw new BrokerError('method.bad_params', { method: 'connection.kill', problem: `no connection "${id}"` })
  }

  stop(): ApiAnswer<'stop'> {
    // The answer leaves first.
    setImmediate(() => this.#host.stop())
    return { pid: process.pid }
  }

  #connectionInfo(connection: Connection): ConnectionInfo {
    const { outbound, program, agent, link } = connection
    const { pid, uid, address } = link.peer
    return {
      id: connection.id,
      client: connection.client,
      principal: connection.permissions!.name,
      roles: connection.permissions!.roles,
      ...(program === undefined ? {} : { program }),
      ...(agent === undefined ? {} : { agent }),
      dialect: connection.dialect!.name,
      phase: connection.isReady ? 'run' : 'terminate',
      address,
      ...(pid === undefined ? {} : { pid }),
      ...(uid === undefined ? {} : { uid }),
      ageMs: Math.round(this.#pipeline.core.clock.monotonicMs() - connection.openedAtMs),
      subscriptions: connection.subscriptions?.size ?? 0,
      in: { messages: connection.receivedMessages, bytes: connection.receivedBytes },
      out: { messages: outbound.writtenMessages, bytes: outbound.writtenBytes, pendingMessages: outbound.pendingMessages, pendingBytes: outbound.pendingBytes },
      dropped: outbound.droppedMessages,
      openRequests: connection.openRequests?.size ?? 0,
      stalled: connection.stallDeadline !== undefined,
    }
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

  #traceEntry(run: RecordedRun): TraceEntry {
    const { directory, previews } = this.#pipeline.core
    const { seq, timeMicros, origin, firstId, kind, subject, count, bytes, receivers } = run
    const preview = previews.of(seq)
    return {
      seq,
      time: timeMicros,
      origin,
      sender: directory.nameOf(origin),
      id: firstId,
      kind: kindName(kind),
      subject,
      count,
      bytes,
      receivers,
      steps: { authorised: 0, routed: 0 },
      fate: receivers === 0 ? 'dropped(no-interest)' : 'delivered',
      ...(preview === undefined ? {} : { preview }),
    }
  }
}
