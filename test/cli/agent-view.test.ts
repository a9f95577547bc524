import test from 'ava'
import { formatAgentShown } from '../../cli/agent-details-view.ts'
import { formatAgents } from '../../cli/agent-view.ts'
import type { AgentShown } from '../../client/index.ts'
import { agentInfo } from '../support/top-sample.ts'

test('agent view: a column more where somebody has a health to speak of', t => {
  t.false(formatAgents([agentInfo({ name: 'a' })]).includes('HEALTH'))
  const lines = formatAgents([
    agentInfo({ name: 'a' }), agentInfo({ name: 'b', health: 'unhealthy' }), agentInfo({ name: 'c', health: 'healthy', draining: true }), agentInfo({ name: 'd', waitsFor: ['a', 'b'] }), agentInfo({ name: 'e', quarantine: { reason: 'r', since: 1 } }),
  ]).split('\n')
  t.deepEqual(lines.map(line => /HEALTH|unhealthy|draining|waits for a, b|in quarantine/.exec(line)?.[0]), ['HEALTH', undefined, 'unhealthy', 'draining', 'waits for a, b', 'in quarantine'])
})

test('agent view: one that was drained, and one that cannot start, are told from those that ended', t => {
  const drained = agentInfo({ name: 'a/2', agent: 'a', phase: 'exited', drained: true, lastExit: 'SIGTERM' })
  const missing = agentInfo({ name: 'b', phase: 'create', lastExit: 'code 1', problem: 'agent.failed: agent "b" cannot start: there is no file /x' })
  const lines = formatAgents([drained, missing]).split('\n')
  t.regex(lines[1]!, /^a\/2 +exited .* - +drained +SIGTERM$/)
  t.regex(lines[2]!, / - +cannot start: there is no file \/x$/)
  const shown = (info: AgentShown['instances'][0]['info']): string => formatAgentShown({ agent: 'a', settings: { name: 'a', command: 'a', args: [], env: [], secrets: [], cwd: undefined, restart: 'permanent', backoff: { initialMs: 100, maxMs: 1000, multiplier: 2, jitter: 0 }, shutdownMs: 5000 }, instances: [{ info, connections: [], registered: [], crashes: [] }] })
  t.regex(shown(drained), /^phase +exited, drained; callboard agent restart a\/2 brings it back$/m)
  t.regex(shown(missing), /^problem +agent\.failed: agent "b" cannot start: there is no file \/x$/m)
})

test('agent view: one agent with everything that may be said of it', t => {
  const shown: AgentShown = {
    agent: 'lamp',
    settings: { name: 'lamp', command: 'node', args: ['lamp.ts', 'a b'], env: ['COLOUR'], secrets: ['KEY'], cwd: undefined, restart: 'permanent', backoff: { initialMs: 100, maxMs: 1000, multiplier: 2, jitter: 0 }, shutdownMs: 5000, instances: 2 },
    instances: [{
      info: agentInfo({ name: 'lamp/2', pid: 7, residentBytes: 2048, cpuMs: 1500, health: 'unhealthy', problem: 'tcp refused', probes: [{ kind: 'tcp', target: '127.0.0.1:1', health: 'unhealthy', since: 0, problem: 'refused' }], quarantine: { reason: 'too often', since: 0 }, version: '2.0' }),
      connections: [], registered: [],
      crashes: [{ id: '1-2-3', agent: 'lamp', instance: 'lamp/2', incarnation: 3, brokerIncarnation: 1, time: 0, ranMs: 1, reason: 'exited with code 1', wasAsked: false, limits: [], next: { kind: 'down' } }],
    }],
  }
  const text = formatAgentShown(shown)
  for (const line of [
    /^command +node lamp\.ts "a b"$/m, /^variables +COLOUR$/m, /^secrets +KEY$/m, /^restart +permanent, after 100 ms to 1 s$/m, /^instances +2$/m, /^sandbox +none$/m,
    /^process +pid 7, 2 KiB resident, 1\.5 s of processor time$/m, /^quarantine +since .*: too often; callboard agent restart lamp\/2 ends it$/m, /^health +unhealthy: tcp refused$/m, /^ {2}probe +tcp 127\.0\.0\.1:1: unhealthy since .*; refused$/m,
    /^version +2\.0$/m, /^connection +none$/m, /^crash +.* exited with code 1 +1-2-3$/m,
  ]) t.regex(text, line)
})
