// How well a broker is, part by part, from what was read of it. Pure: it neither looks anything up nor acts on it.

import type { BusStatus, HealthPart, HealthState } from './ground/api.ts'
import type { ActorInfo } from './ground/types.ts'

/** What was read of a broker. */
export interface HealthFacts {
  readonly phase: string
  readonly upMs: number
  readonly tree: ActorInfo
  /** Why it runs without the gateway that is configured. */
  readonly gatewayProblem: string | undefined
  /** Why it runs without the NATS port that is configured. */
  readonly natsProblem: string | undefined
  /** undefined: no servers are joined. */
  readonly bus: Pick<BusStatus, 'state' | 'server' | 'problem' | 'rttMs' | 'held' | 'peers' | 'sinceMs'> | undefined
  /** As of a second ago. `failed`: names of those that cannot work; `diedLately`: dead letters made in the last minute; `damaged`: places in the store. */
  readonly queues: { readonly damaged: number; readonly count: number; readonly failed: readonly string[]; readonly waiting: number; readonly deadLetters: number; readonly diedLately: number }
  readonly channels: number
  readonly registry: { readonly services: number; readonly instances: number; readonly healthy: number }
  readonly subscriptions: number
  readonly routes: number
  readonly connections: number
  /** Those whose feeders are held back. */
  readonly stalled: number
  readonly isBalanced: boolean
  readonly pending: number
  /** Deliveries over the last minute: written, and lost by reason (without those that nobody wanted). */
  readonly lately: { readonly ms: number; readonly written: number; readonly lost: Readonly<Record<string, number>> }
  readonly recorder: { readonly runs: number; readonly capacity: number; readonly coversMs: number }
  /** Over the last minute: largest lag, and the share of the time that it was busy. */
  readonly loop: { readonly lagMs: number; readonly utilization: number }
  readonly memory: { readonly rssBytes: number; readonly hostBytes: number; readonly heapBytes: number; readonly heapLimitBytes: number }
}

const LAG_WARN_MS = 100
const LAG_FAIL_MS = 2000
const BUSY_WARN = 0.9
const HEAP_WARN = 0.8
const HEAP_FAIL = 0.95
const HOST_WARN = 0.5

/** Part by part; the whole is as well as its worst part. */
export function healthOf(facts: HealthFacts): { state: HealthState; parts: HealthPart[] } {
  const parts = [broker(facts), registry(facts), router(facts), bus(facts), ...queues(facts), connections(facts), ...listeners(facts), ...gateway(facts), ...nats(facts), ...link(facts), ...pool(facts), agents(facts), recorder(facts), loop(facts), memory(facts)]
  return { state: worst(parts.map(({ state }) => state)), parts }
}

function broker({ phase, upMs }: HealthFacts): HealthPart {
  return { part: 'broker', state: phase === 'run' ? 'ok' : phase === 'terminate' ? 'fail' : 'warn', text: `in phase ${phase}`, values: { upMs: Math.round(upMs) } }
}

function registry({ channels, registry: { services, instances, healthy }, tree }: HealthFacts): HealthPart {
  const actors = actorsOf(tree, 'channel')
  const down = actors.filter(isDown)
  return { part: 'registry', state: down.length === 0 ? 'ok' : 'fail', text: down.length === 0 ? `${count(channels, 'channel')}${instances === 0 ? '' : `, ${count(instances, 'instance')} of ${count(services, 'name')}, ${healthy} healthy`}` : `${namesOf(down)} not running`, values: { channels, down: down.length, services, instances, healthy } }
}

function router({ subscriptions, routes }: HealthFacts): HealthPart {
  return { part: 'router', state: 'ok', text: `${count(subscriptions, 'subscription')}, ${count(routes, 'route')} remembered`, values: { subscriptions, routes } }
}

function bus({ isBalanced, pending, lately }: HealthFacts): HealthPart {
  const lost = Object.entries(lately.lost).filter(([, messages]) => messages > 0)
  const lostTotal = lost.reduce((sum, [, messages]) => sum + messages, 0)
  const values = { pending, writtenLately: lately.written, lostLately: lostTotal, coversMs: Math.round(lately.ms) }
  if (!isBalanced) return { part: 'bus', state: 'fail', text: 'deliveries do not add up: see callboard ipc stats', values }
  if (lostTotal > 0) return { part: 'bus', state: 'warn', text: `lost in the last minute: ${lost.map(([reason, messages]) => `${messages} ${reason}`).join(', ')}`, values }
  return { part: 'bus', state: 'ok', text: `${count(pending, 'delivery', 'deliveries')} pending, nothing lost in the last minute`, values }
}

// A broker that has none says nothing of them.
function queues({ queues: { damaged, count: total, failed, waiting, deadLetters, diedLately } }: HealthFacts): HealthPart[] {
  if (total === 0) return []
  const values = { queues: total, failed: failed.length, damaged, waiting, deadLetters, diedLately }
  if (failed.length > 0) return [{ part: 'queues', state: 'fail', text: `${failed.join(', ')} cannot work: see callboard queue status`, values }]
  if (damaged > 0) return [{ part: 'queues', state: 'fail', text: `${count(damaged, 'place')} of the store damaged: see callboard queue verify`, values }]
  const there = `${count(total, 'queue')}, ${count(waiting, 'message')} waiting`
  if (diedLately > 0) return [{ part: 'queues', state: 'warn', text: `${there}; ${count(diedLately, 'dead letter')} in the last minute: see callboard queue status --dead-letter`, values }]
  return [{ part: 'queues', state: 'ok', text: there, values }]
}

function connections({ connections, stalled }: HealthFacts): HealthPart {
  return { part: 'connections', state: stalled === 0 ? 'ok' : 'warn', text: stalled === 0 ? `${connections} open` : `${connections} open, ${stalled} behind in reading and holding others back`, values: { open: connections, stalled } }
}

function listeners({ tree, gatewayProblem, natsProblem }: HealthFacts): HealthPart[] {
  // A listener that was given up for its port is a part of its own, below.
  const given = new Set([...(gatewayProblem === undefined ? [] : ['listener.gateway']), ...(natsProblem === undefined ? [] : ['listener.nats'])])
  const actors = actorsOf(tree, 'listener').filter(({ id }) => !given.has(id))
  if (actors.length === 0) return [{ part: 'listeners', state: 'warn', text: 'none: nobody can connect', values: {} }]
  return actors.map((actor) => ({ part: actor.id, state: isDown(actor) ? 'fail' : 'ok', text: isDown(actor) ? `in phase ${actor.phase}` : actor.detail, values: { restarts: actor.restarts } }))
}

function gateway({ gatewayProblem }: HealthFacts): HealthPart[] {
  return gatewayProblem === undefined ? [] : [{ part: 'gateway', state: 'warn', text: gatewayProblem, values: {} }]
}

function nats({ natsProblem }: HealthFacts): HealthPart[] {
  return natsProblem === undefined ? [] : [{ part: 'NATS port', state: 'warn', text: natsProblem, values: {} }]
}

// A broker that is alone has none.
function link({ bus }: HealthFacts): HealthPart[] {
  if (bus === undefined) return []
  const values = { rttMs: bus.rttMs, held: bus.held, peers: bus.peers, sinceMs: bus.sinceMs }
  if (bus.state === 'joined') return [{ part: 'link', state: 'ok', text: `joined ${bus.server}`, values }]
  return [{ part: 'link', state: 'warn', text: `no NATS server${bus.problem === undefined ? '' : `: ${bus.problem}`}`, values }]
}

// A broker without one has no actor of that name.
function pool({ tree }: HealthFacts): HealthPart[] {
  const actor = flat(tree).find(({ id }) => id === 'pool')
  return actor === undefined ? [] : [{ part: 'pool', state: isDown(actor) ? 'fail' : 'ok', text: isDown(actor) ? `in phase ${actor.phase}` : actor.detail, values: { restarts: actor.restarts, mailbox: actor.mailbox } }]
}

function agents({ tree }: HealthFacts): HealthPart {
  const actors = actorsOf(tree, 'agent')
  const waiting = actors.filter(({ isDeferred }) => isDeferred)
  const down = actors.filter((actor) => isDown(actor) && actor.isDeferred !== true)
  const values = { declared: actors.length, running: actors.length - down.length - waiting.length, restarts: actors.reduce((sum, { restarts }) => sum + restarts, 0) }
  if (actors.length === 0) return { part: 'agents', state: 'ok', text: 'none declared', values }
  const quarantined = down.filter(({ quarantine }) => quarantine !== undefined)
  if (quarantined.length > 0) return { part: 'agents', state: 'warn', text: `${namesOf(quarantined)} in quarantine (${quarantined.map(({ quarantine }) => quarantine!.reason).join('; ')}): callboard agent restart lifts it`, values }
  return { part: 'agents', state: down.length === 0 ? 'ok' : 'warn', text: down.length === 0 ? (waiting.length === 0 ? `all ${actors.length} run` : `${actors.length - waiting.length} run, ${waiting.length} ${waiting.length === 1 ? 'waits for its' : 'wait for their'} time`) : `${namesOf(down)} not running (${down.map(({ phase }) => phase).join(', ')})`, values }
}

function recorder({ recorder }: HealthFacts): HealthPart {
  const { runs, capacity, coversMs } = recorder
  return { part: 'recorder', state: 'ok', text: `${runs} of ${capacity} runs`, values: { runs, capacity, coversMs: Math.round(coversMs) } }
}

function loop({ loop: { lagMs, utilization } }: HealthFacts): HealthPart {
  const state = lagMs >= LAG_FAIL_MS ? 'fail' : lagMs >= LAG_WARN_MS || utilization >= BUSY_WARN ? 'warn' : 'ok'
  return { part: 'event loop', state, text: `in the last minute at most ${Math.round(lagMs)} ms late, ${Math.round(utilization * 100)} % busy`, values: { lagMs: Math.round(lagMs), utilization: Math.round(utilization * 1000) / 1000 } }
}

function memory({ memory: { rssBytes, hostBytes, heapBytes, heapLimitBytes } }: HealthFacts): HealthPart {
  const heap = heapBytes / heapLimitBytes
  const host = rssBytes / hostBytes
  const state = heap >= HEAP_FAIL ? 'fail' : heap >= HEAP_WARN || host >= HOST_WARN ? 'warn' : 'ok'
  return { part: 'memory', state, text: `heap at ${Math.round(heap * 100)} % of its limit, resident ${Math.round(host * 100)} % of the host`, values: { rssBytes, hostBytes, heapBytes, heapLimitBytes } }
}

function worst(states: readonly HealthState[]): HealthState {
  return states.includes('fail') ? 'fail' : states.includes('warn') ? 'warn' : 'ok'
}

function flat(actor: ActorInfo): ActorInfo[] {
  return [actor, ...actor.children.flatMap(flat)]
}

const actorsOf = (tree: ActorInfo, kind: ActorInfo['kind']): ActorInfo[] => flat(tree).filter((actor) => actor.kind === kind)
const isDown = ({ phase }: ActorInfo): boolean => phase !== 'run' && phase !== 'maintain'
const namesOf = (actors: readonly ActorInfo[]): string => actors.map(({ id }) => id).join(', ')
const count = (number: number, one: string, many = `${one}s`): string => `${number} ${number === 1 ? one : many}`
