import test from 'ava'
import { agentRowsOf, agentSortKeys, sortedAgents, type AgentSample } from '../../../cli/top/agent-rows.ts'
import { agentKeys, formatAgentTop } from '../../../cli/top/agent-screen.ts'
import type { InstanceInfo } from '../../../client/index.ts'
import { agentInfo } from '../../support/top-sample.ts'

const registered = (id: string, more: Partial<InstanceInfo> = {}): InstanceInfo => ({
  kind: 'agent', name: id.split('/')[0]!, version: '0.0.0', instance: id, capabilities: [], metadata: {}, endpoints: [], weight: 100, health: 'healthy', reachable: true, connection: 'conn-1', client: id, principal: `agent:${id}`, transport: 'unix', local: true,
  registeredAt: 0, outstanding: 0, requests: 0, failures: 0, revision: 1, ...more,
})
const sample = (atMs: number, more: Partial<AgentSample> = {}): AgentSample => ({ atMs, incarnation: 1, agents: [], registered: [], ...more })

test('agent rows: rates and share of a processor are those between the looks, over all that an instance registered', t => {
  const before = sample(0, { agents: [agentInfo({ name: 'a/2', pid: 7, cpuMs: 1000 })], registered: [registered('a/2', { requests: 10, failures: 1 }), registered('a/2', { name: 'other', requests: 5 })] })
  const now = sample(2000, { agents: [agentInfo({ name: 'a/2', pid: 7, cpuMs: 2500, residentBytes: 9 })], registered: [registered('a/2', { requests: 14, failures: 3, outstanding: 2 }), registered('a/2', { name: 'other', requests: 7, outstanding: 1 })] })
  t.like(agentRowsOf(before, now)[0], { name: 'a/2', cpu: 0.75, memoryBytes: 9, requestRate: 3, failureRate: 1, failures: 3, outstanding: 3, health: 'healthy' })
})

test('agent rows: another process has no share yet, another broker or registration no rates', t => {
  const before = sample(0, { agents: [agentInfo({ name: 'a', pid: 7, cpuMs: 1000 })], registered: [registered('a', { requests: 10 })] })
  const next = { agents: [agentInfo({ name: 'a', pid: 8, cpuMs: 1100 })], registered: [registered('a', { requests: 3 })] }
  t.like(agentRowsOf(before, sample(1000, next))[0], { cpu: undefined, requestRate: 0 })
  const grown = { agents: before.agents, registered: [registered('a', { requests: 30 })] }
  t.is(agentRowsOf(before, sample(1000, grown))[0]!.requestRate, 20)
  t.like(agentRowsOf(before, sample(1000, { ...grown, incarnation: 2 }))[0], { cpu: undefined, requestRate: 0 })
  t.is(agentRowsOf(before, sample(0, grown))[0]!.requestRate, 0)
})

test('agent rows: health is the quarantine, else the draining, else that of probes, else that of the registry', t => {
  const healthOf = (more: object, entry: Partial<InstanceInfo> = {}): string | undefined => agentRowsOf(sample(0), sample(1, { agents: [agentInfo({ name: 'a', ...more })], registered: [registered('a', entry)] }))[0]!.health
  t.is(healthOf({ quarantine: { reason: 'r', since: 1 }, draining: true }), 'quarantine')
  t.is(healthOf({ draining: true, health: 'healthy' }), 'draining')
  t.is(healthOf({ health: 'unhealthy' }), 'unhealthy')
  t.is(healthOf({}, { health: 'starting' }), 'starting')
  t.is(healthOf({}, { reachable: false }), 'unreachable')
  t.is(agentRowsOf(sample(0), sample(1, { agents: [agentInfo({ name: 'a' })] }))[0]!.health, undefined)
})

test('agent rows: sorted by a figure or by name, numbers as numbers; what has none is last', t => {
  const rows = agentRowsOf(sample(0), sample(1, { agents: [agentInfo({ name: 'a/10', residentBytes: 1 }), agentInfo({ name: 'b' }), agentInfo({ name: 'a/2', residentBytes: 5 })] }))
  t.deepEqual(sortedAgents(rows, 'name').map(({ name }) => name), ['a/2', 'a/10', 'b'])
  t.deepEqual(sortedAgents(rows, 'memory').map(({ name }) => name), ['a/2', 'a/10', 'b'])
})

test('agent screen: a heading, a line each, and what does not fit; every way to sort has a key', t => {
  const now = sample(1, { agents: [agentInfo({ name: 'a', pid: 7, residentBytes: 2048 }), agentInfo({ name: 'b', phase: 'exited', quarantine: { reason: 'r', since: 1 } })] })
  t.is(formatAgentTop(now, agentRowsOf(sample(0), now), 'memory'), [
    '2 instances, 1 running, 1 in quarantine; 2 KiB resident',
    'AGENT  PHASE   HEALTH      PID  CPU  MEMORY▾  RESTARTS  REQUESTS/S  FAILED/S  FAILED  OPEN',
    'a      run     -             7    -    2 KiB         0         0/s       0/s       0     0',
    'b      exited  quarantine    -    -        -         0         0/s       0/s       0     0',
  ].join('\n'))
  t.is(formatAgentTop(now, agentRowsOf(sample(0), now), 'cpu', 4).split('\n').at(-1), '… 1 more')
  t.deepEqual(new Set(agentKeys.values()), new Set(agentSortKeys))
})
