// The broker's own methods by name: who may call each, what it takes, what it answers. Knows no frames.

import type { ApiAnswer, ApiMethod, ApiParams, ChannelInfo, HistoryQuery, LatencyQuery } from '../ground/api.ts'
import type { TraceQuery } from '../ground/trace-api.ts'
import { BrokerError } from '../ground/errors.ts'
import { Fields } from '../ground/fields.ts'
import { nearest } from '../ground/nearest.ts'
import { readQueueOverrides, refuseUnknownOverrides, type QueueOverrides } from '../ground/queue-overrides.ts'
import type { ChannelMode } from '../ground/types.ts'
import { agentMethods, type AgentsView } from './agent-methods.ts'
import type { Caller } from './caller.ts'
import { queueMethods, type QueuesView } from './queue-methods.ts'
import { registryMethods, type RegistryView } from './registry-methods.ts'

export type { Caller } from './caller.ts'

/** What the methods ask of the broker. What changes something is told by whom. */
export interface BrokerView {
  status(): ApiAnswer<'status'>
  tree(): ApiAnswer<'tree'>
  connections(query: ApiParams<'connections'>): ApiAnswer<'connections'>
  channels(): ChannelInfo[]
  /** @throws BrokerError `channel.not_found` */
  channel(name: string): ChannelInfo
  /** @throws BrokerError `channel.*` */
  createChannel(name: string, mode: ChannelMode, queue: QueueOverrides | undefined, caller: Caller): Promise<ChannelInfo>
  /** `isForced`: with the messages that its queue holds. @throws BrokerError `channel.*`, `queue.not_empty` */
  deleteChannel(name: string, isForced: boolean, caller: Caller): Promise<ChannelInfo>
  readonly queues: QueuesView
  readonly registry: RegistryView
  readonly agentsView: AgentsView
  stats(): ApiAnswer<'stats'>
  metrics(): ApiAnswer<'metrics'>
  /** @throws BrokerError `method.bad_params` for a metric that there is not */
  history(query: HistoryQuery & { readonly points: number }): ApiAnswer<'history'>
  health(): ApiAnswer<'health'>
  latency(query: Required<LatencyQuery>): ApiAnswer<'latency'>
  trace(query: TraceQuery & { readonly limit: number }): Promise<ApiAnswer<'trace.show'>>
  setTracing(isEnabled: boolean, caller: Caller): ApiAnswer<'trace.enable'>
  leases(): ApiAnswer<'leases'>
  agents(): ApiAnswer<'agents'>
  /** @throws BrokerError `agent.unknown`, `agent.failed` */
  restartAgent(name: string, isRolling: boolean, caller: Caller): Promise<ApiAnswer<'agent.restart'>>
  scaleAgent(name: string, instances: number, caller: Caller): Promise<ApiAnswer<'agent.scale'>>
  drainAgent(name: string, caller: Caller): Promise<ApiAnswer<'agent.drain'>>
  upgradeAgent(params: ApiParams<'agent.upgrade'>, caller: Caller): Promise<ApiAnswer<'agent.upgrade'>>
  kill(id: string, caller: Caller): ApiAnswer<'connection.kill'>
  stop(caller: Caller): ApiAnswer<'stop'>
  /** @throws BrokerError `upgrade.*` */
  upgrade(program: readonly string[] | undefined, caller: Caller): Promise<ApiAnswer<'upgrade'>>
}

interface Method {
  /** Every role may call it; otherwise `admin` alone. */
  readonly isOpen: boolean
  readonly run: (view: BrokerView, params: Fields, caller: Caller) => unknown
}

const MAX_NAME = { max: 255 }
const MAX_WORDS = 64
const MAX_WORD = { max: 4096 }
const DEFAULT_TRACE_LIMIT = 100
const MAX_TRACE_LIMIT = 10_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MAX_SLOW_MS = HOUR_MS
const MAX_METRICS = 100
const MAX_POINTS = 1000
const DEFAULT_POINTS = 60
const MAX_PERCENTILES = 20
/** As the configuration has it. */
const MAX_INSTANCES = 1000
const MAX_COMMAND = { max: 4096 }
const VERSION = { max: 64, pattern: /^[A-Za-z0-9][A-Za-z0-9._+-]*$/, hint: '1 to 64 of A-Z a-z 0-9 . _ + -, beginning with a letter or digit' }
const MAX_ARGS = 256
const MAX_VARIABLES = 256
const MAX_VARIABLE_NAME = 128
const MAX_VARIABLE = 32_768

const methods: { readonly [M in ApiMethod]: Method & { run: (view: BrokerView, params: Fields, caller: Caller) => ApiAnswer<M> | Promise<ApiAnswer<M>> } } = {
  ping: { isOpen: true, run: () => ({ now: Date.now() }) },
  status: { isOpen: true, run: (view) => view.status() },
  tree: { isOpen: true, run: (view) => view.tree() },
  connections: { isOpen: true, run: (view, params) => view.connections(readConnections(params)) },
  'channel.list': { isOpen: true, run: (view) => ({ channels: view.channels() }) },
  'channel.show': { isOpen: true, run: (view, params) => view.channel(params.required('name', MAX_NAME)) },
  'channel.create': { isOpen: false, run: (view, params, caller) => view.createChannel(params.required('name', MAX_NAME), (params.text('mode', { max: 32 }) ?? 'pubsub') as ChannelMode, readQueue(params), caller) },
  'channel.delete': { isOpen: false, run: (view, params, caller) => view.deleteChannel(params.required('name', MAX_NAME), params.flag('force') ?? false, caller) },
  stats: { isOpen: true, run: (view) => view.stats() },
  metrics: { isOpen: true, run: (view) => view.metrics() },
  history: { isOpen: true, run: (view, params) => view.history(readHistory(params)) },
  health: { isOpen: true, run: (view) => view.health() },
  latency: { isOpen: true, run: (view, params) => view.latency({ percentiles: params.numbers('percentiles', MAX_PERCENTILES, 0, 100) ?? [], groups: params.flag('groups') ?? false }) },
  'trace.show': {
    isOpen: true,
    run: (view, params) => view.trace(readTraceQuery(params)),
  },
  'trace.enable': { isOpen: false, run: (view, _, caller) => view.setTracing(true, caller) },
  'trace.disable': { isOpen: false, run: (view, _, caller) => view.setTracing(false, caller) },
  leases: { isOpen: true, run: (view) => view.leases() },
  agents: { isOpen: true, run: (view) => view.agents() },
  'agent.restart': { isOpen: false, run: (view, params, caller) => view.restartAgent(params.required('name', MAX_NAME), params.flag('rolling') ?? false, caller) },
  'agent.scale': { isOpen: false, run: (view, params, caller) => view.scaleAgent(params.required('name', MAX_NAME), params.requiredInteger('instances', 0, MAX_INSTANCES), caller) },
  'agent.drain': { isOpen: false, run: (view, params, caller) => view.drainAgent(params.required('name', MAX_NAME), caller) },
  'agent.upgrade': { isOpen: false, run: (view, params, caller) => view.upgradeAgent(readUpgrade(params), caller) },
  'connection.kill': { isOpen: false, run: (view, params, caller) => view.kill(params.required('id', MAX_NAME), caller) },
  stop: { isOpen: false, run: (view, _, caller) => view.stop(caller) },
  upgrade: { isOpen: false, run: (view, params, caller) => view.upgrade(params.texts('program', MAX_WORDS, MAX_WORD), caller) },
  ...queueMethods,
  ...registryMethods,
  ...agentMethods,
}

function readQueue(params: Fields): QueueOverrides | undefined {
  const queue = params.map('queue')
  if (queue === undefined) return undefined
  refuseUnknownOverrides(queue)
  return readQueueOverrides(queue)
}

function readUpgrade(params: Fields): ApiParams<'agent.upgrade'> {
  const [command, version] = [params.text('command', MAX_COMMAND), params.text('version', VERSION)]
  const [args, env] = [params.texts('args', MAX_ARGS, MAX_COMMAND), params.entries('env', MAX_VARIABLES, MAX_VARIABLE_NAME, MAX_VARIABLE)]
  return { name: params.required('name', MAX_NAME), ...(command !== undefined && { command }), ...(args !== undefined && { args }), ...(version !== undefined && { version }), ...(env !== undefined && { env }) }
}

function readConnections(params: Fields): ApiParams<'connections'> {
  const id = params.text('id', MAX_NAME)
  return { ...(id === undefined ? {} : { id }), channels: params.flag('channels') ?? false }
}

function readHistory(params: Fields): HistoryQuery & { readonly points: number } {
  const metrics = params.texts('metrics', MAX_METRICS, MAX_NAME)
  return {
    periodMs: params.integer('periodMs', 1000, DAY_MS) ?? HOUR_MS,
    points: params.integer('points', 1, MAX_POINTS) ?? DEFAULT_POINTS,
    ...(metrics === undefined ? {} : { metrics }),
  }
}

function readTraceQuery(params: Fields): TraceQuery & { readonly limit: number } {
  const query = {
    channel: params.text('channel', MAX_NAME),
    after: params.integer('after', -1, Number.MAX_SAFE_INTEGER),
    messageId: params.text('messageId', MAX_NAME),
    slowMs: params.number('slowMs', 0, MAX_SLOW_MS),
    dropped: params.flag('dropped'),
  }
  const given = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) as TraceQuery
  return { ...given, limit: params.integer('limit', 1, MAX_TRACE_LIMIT) ?? DEFAULT_TRACE_LIMIT }
}

/**
 * Runs one method; resolves to its answer.
 * @throws BrokerError `method.unknown`, `permission.denied`, `method.bad_params`, and what the method itself names
 */
export async function callMethod(name: string, params: unknown, caller: Caller, view: BrokerView): Promise<unknown> {
  const method: Method | undefined = Object.hasOwn(methods, name) ? methods[name as ApiMethod] : undefined
  if (method === undefined) {
    const known = nearest(name, Object.keys(methods))
    throw new BrokerError('method.unknown', { method: name, suggestion: known === undefined ? '' : `; did you mean ${known}?` })
  }
  if (!method.isOpen && !caller.roles.includes('admin')) throw new BrokerError('permission.denied', { principal: caller.principal, action: 'call', subject: name })
  const fields = new Fields('params', params ?? {}, (problem) => new BrokerError('method.bad_params', { method: name, problem }))
  return await method.run(view, fields, caller)
}
