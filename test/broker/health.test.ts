import test from 'ava'
import { healthOf, type HealthFacts } from '../../broker/health.ts'
import type { HealthState } from '../../broker/ground/api.ts'
import type { ActorInfo, Phase } from '../../broker/ground/types.ts'

const actor = (id: string, kind: ActorInfo['kind'], phase: Phase = 'run', children: readonly ActorInfo[] = []): ActorInfo => ({ id, kind, phase, incarnation: 1, restarts: 0, ageMs: 0, mailbox: 0, detail: `about ${id}`, children })

const well: HealthFacts = {
  phase: 'run',
  upMs: 1000,
  tree: actor('root', 'supervisor', 'run', [actor('channel.events', 'channel'), actor('agents', 'supervisor', 'run', [actor('agent.echo', 'agent')]), actor('listener.unix', 'listener')]),
  gatewayProblem: undefined,
  natsProblem: undefined,
  bus: undefined,
  queues: { damaged: 0, count: 0, failed: [], waiting: 0, deadLetters: 0, diedLately: 0 },
  channels: 5,
  registry: { services: 0, instances: 0, healthy: 0 },
  subscriptions: 1,
  routes: 2,
  connections: 3,
  stalled: 0,
  isBalanced: true,
  pending: 0,
  lately: { ms: 60_000, written: 10, lost: { 'slow-consumer': 0 } },
  recorder: { runs: 10, capacity: 1024, coversMs: 500 },
  loop: { lagMs: 0, utilization: 0.1 },
  memory: { rssBytes: 100, hostBytes: 1000, heapBytes: 10, heapLimitBytes: 100 },
}

test('health: a broker that is well is so in every part', t => {
  const { state, parts } = healthOf(well)
  t.is(state, 'ok')
  t.deepEqual(parts.map(({ part }) => part), ['broker', 'registry', 'router', 'bus', 'connections', 'listener.unix', 'agents', 'recorder', 'event loop', 'memory'])
  t.deepEqual(parts.filter(({ state }) => state !== 'ok'), [])
})

test('health: the registry says how many instances there are, and how many of them are healthy', t => {
  const { state, parts } = healthOf({ ...well, registry: { services: 1, instances: 3, healthy: 2 } })
  t.is(state, 'ok')
  t.like(parts.find(({ part }) => part === 'registry'), { state: 'ok', text: '5 channels, 3 instances of 1 name, 2 healthy', values: { services: 1, instances: 3, healthy: 2 } })
})

test('health: queues that work say how much waits, and old dead letters are no illness', t => {
  const { state, parts } = healthOf({ ...well, queues: { damaged: 0, count: 2, failed: [], waiting: 7, deadLetters: 3, diedLately: 0 } })
  t.is(state, 'ok')
  t.like(parts.find(({ part }) => part === 'queues'), { state: 'ok', text: '2 queues, 7 messages waiting', values: { deadLetters: 3 } })
})

const tree = (...children: ActorInfo[]): Partial<HealthFacts> => ({ tree: actor('root', 'supervisor', 'run', [actor('listener.unix', 'listener'), ...children]) })
const ills: [what: string, facts: Partial<HealthFacts>, part: string, state: HealthState, text: RegExp][] = [
  ['a broker that stops', { phase: 'terminate' }, 'broker', 'fail', /phase terminate/],
  ['a channel that is down', tree(actor('channel.events', 'channel', 'init')), 'registry', 'fail', /channel\.events not running/],
  ['a queue that cannot work', { queues: { damaged: 0, count: 2, failed: ['jobs'], waiting: 4, deadLetters: 0, diedLately: 0 } }, 'queues', 'fail', /^jobs cannot work/],
  ['messages that just became dead letters', { queues: { damaged: 0, count: 1, failed: [], waiting: 4, deadLetters: 9, diedLately: 2 } }, 'queues', 'warn', /^1 queue, 4 messages waiting; 2 dead letters in the last minute/],
  ['a damaged store', { queues: { damaged: 3, count: 1, failed: [], waiting: 4, deadLetters: 9, diedLately: 2 } }, 'queues', 'fail', /^3 places of the store damaged: see callboard queue verify$/],
  ['sums that do not add up', { isBalanced: false }, 'bus', 'fail', /do not add up/],
  ['lost messages', { lately: { ms: 60_000, written: 1, lost: { 'slow-consumer': 7, 'actor-gone': 0 } } }, 'bus', 'warn', /: 7 slow-consumer$/],
  ['a receiver that is behind', { stalled: 2 }, 'connections', 'warn', /2 behind/],
  ['no listener', { tree: actor('root', 'supervisor') }, 'listeners', 'warn', /nobody can connect/],
  ['a listener that is down', { tree: actor('root', 'supervisor', 'run', [actor('listener.unix', 'listener', 'exited')]) }, 'listener.unix', 'fail', /exited/],
  ['a gateway whose port is taken', { gatewayProblem: 'port 18789 is taken', ...tree(actor('listener.gateway', 'listener', 'exited')) }, 'gateway', 'warn', /is taken/],
  ['a NATS port that is taken', { natsProblem: 'port 4222 is taken', ...tree(actor('listener.nats', 'listener', 'exited')) }, 'NATS port', 'warn', /is taken/],
  ['a link without a server', { bus: { state: 'waiting', problem: 'connection refused', rttMs: 0, held: 1, peers: 0, sinceMs: 5 } }, 'link', 'warn', /connection refused/],
  ['a pool that is down', tree(actor('pool', 'supervisor', 'init')), 'pool', 'fail', /init/],
  ['an agent in quarantine', tree({ ...actor('agent.a', 'agent', 'exited'), quarantine: { reason: 'it crashed', since: 1 } }), 'agents', 'warn', /agent\.a in quarantine \(it crashed\): callboard agent restart lifts it/],
  ['an agent that is down', tree(actor('agent.a', 'agent'), actor('agent.b', 'agent', 'exited')), 'agents', 'warn', /agent\.b not running \(exited\)/],
  ['a late event loop', { loop: { lagMs: 150, utilization: 0.2 } }, 'event loop', 'warn', /150 ms late/],
  ['a very late event loop', { loop: { lagMs: 2500, utilization: 0.2 } }, 'event loop', 'fail', /2500 ms late/],
  ['a busy event loop', { loop: { lagMs: 0, utilization: 0.95 } }, 'event loop', 'warn', /95 % busy/],
  ['a heap near its limit', { memory: { ...well.memory, heapBytes: 85 } }, 'memory', 'warn', /85 %/],
  ['a heap at its limit', { memory: { ...well.memory, heapBytes: 96 } }, 'memory', 'fail', /96 %/],
  ['a host half of which it takes', { memory: { ...well.memory, rssBytes: 500 } }, 'memory', 'warn', /50 % of the host/],
]

for (const [what, facts, part, state, text] of ills) {
  test(`health: ${what} shows as ${state} of ${part}, and of the whole`, t => {
    const health = healthOf({ ...well, ...facts })
    t.is(health.state, state)
    const bad = health.parts.filter(each => each.state !== 'ok')
    t.deepEqual(bad.map(each => [each.part, each.state]), [[part, state]])
    t.regex(bad[0]!.text, text)
  })
}

test('health: an agent that waits for its time is no trouble', t => {
  const waiting = (...names: string[]): HealthFacts => ({ ...well, tree: actor('root', 'supervisor', 'run', [actor('agent.echo', 'agent'), ...names.map(name => ({ ...actor(`agent.${name}`, 'agent', 'exited'), isDeferred: true as const }))]) })
  const part = (facts: HealthFacts) => healthOf(facts).parts.find(({ part: name }) => name === 'agents')
  t.like(part(waiting('report')), { state: 'ok', text: '1 run, 1 waits for its time', values: { declared: 2, running: 1 } })
  t.like(part(waiting('report', 'backup')), { state: 'ok', text: '1 run, 2 wait for their time' })
})
