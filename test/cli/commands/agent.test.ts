import test, { type ExecutionContext } from 'ava'
import type { AgentInfo } from '../../../client/index.ts'
import { startBroker } from '../../support/broker.ts'
import { until } from '../../support/until.ts'

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

test('agent: logs shows what it printed, and follows it into the next process', async t => {
  const script = 'echo "{\\"level\\":\\"warn\\",\\"msg\\":\\"up\\",\\"port\\":7}"; echo "token $CALLBOARD_TOKEN"; exec sleep 1000'
  const { callboard, connect } = await withAgent(t, script)
  const client = await connect()
  await until(async () => (await client.call('agent.logs', { name: 'lamp' })).lines.length === 2)
  const { exit, stdout } = await callboard.run('agent', 'logs', 'lamp')
  t.is(exit, 0)
  t.regex(stdout, /^[\d:.]+ +warn +lamp +up +port=7 +stream=stdout\n[\d:.]+ +info +lamp +token \[token\] +stream=stdout\n$/)
  const follow = callboard.follow('agent', 'logs', 'lamp', '--follow', '--lines', '1', '--json')
  t.like(JSON.parse(await follow.next()), { instance: 'lamp', start: 1, text: 'token [token]' })
  await client.call('agent.restart', { name: 'lamp' })
  t.like(JSON.parse(await follow.next()), { instance: 'lamp', start: 2, text: '{"level":"warn","msg":"up","port":7}' })
  t.deepEqual(await follow.end('SIGINT'), [0, null])
  const unknown = await callboard.run('agent', 'logs', 'lmap')
  t.is(unknown.exit, 1)
  t.regex(unknown.stderr, /did you mean lamp\?/)
})

async function withAgent(t: ExecutionContext, script: string) {
  const broker = await startBroker(t, { config: { agents: [{ name: 'lamp', command: 'sh', args: ['-c', script] }] } })
  return { callboard: broker.callboard, connect: () => broker.connect() }
}
