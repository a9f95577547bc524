import test from 'ava'
import type { AgentInfo } from '../../../client/index.ts'
import { startBroker } from '../../support/broker.ts'

test('agent: ls is agents, and restart is agents restart', async t => {
  const { callboard } = await startBroker(t, { config: { agents: [{ name: 'lamp', command: 'sleep', args: ['1000'] }] } })
  const [[long], [short]] = (await Promise.all([callboard.json('agent', 'ls'), callboard.json('agents')])) as [[{ agents: AgentInfo[] }], [{ agents: AgentInfo[] }]]
  t.like(long.agents, [{ name: 'lamp', phase: 'run' }])
  t.is(long.agents[0]!.pid, short.agents[0]!.pid)
  t.regex((await callboard.run('agent', 'ls')).stdout, /^AGENT +PHASE +PID .*\nlamp +run /)
  const [restarted] = (await callboard.json('agent', 'restart', 'lamp')) as [AgentInfo]
  t.like(restarted, { name: 'lamp', phase: 'run' })
  t.not(restarted.pid, long.agents[0]!.pid)
})
