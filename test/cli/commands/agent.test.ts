import { readFileSync } from 'node:fs'
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

test('agent: scale, upgrade, rolling restart and drain act on all instances, or on the one that is named', async t => {
  const { callboard } = await startBroker(t, { config: { agents: [{ name: 'lamp', command: 'sleep', args: ['{version}'], version: '1000' }] } })
  const [scaled] = (await callboard.json('agent', 'scale', 'lamp', '2')) as [{ agents: AgentInfo[] }]
  t.deepEqual(scaled.agents.map(({ name, phase }) => [name, phase]), [['lamp', 'run'], ['lamp/2', 'run']])
  const [upgraded] = (await callboard.json('agent', 'upgrade', 'lamp', '--version', '2000', '--env', 'CITY=a=b')) as [{ agents: AgentInfo[] }]
  t.deepEqual(upgraded.agents.map(({ version, changed }) => [version, changed]), Array.from({ length: 2 }, () => ['2000', ['instances', 'version', 'env']]))
  t.true(upgraded.agents.every(({ pid }) => readFileSync(`/proc/${pid}/environ`, 'utf8').includes('CITY=a=b\0') && readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[1] === '2000'))
  const failed = await callboard.run('agent', 'upgrade', 'lamp', '--command', 'false')
  t.is(failed.exit, 1)
  t.regex(failed.stderr, /all is as it was before/)
  const drained = await callboard.run('agent', 'drain', 'lamp/2')
  t.regex(drained.stdout, /\nlamp +run .*\nlamp\/2 +exited /s)
  for (const words of [['scale', 'lamp', 'many'], ['upgrade', 'lamp', '--env', 'CITY']]) t.is((await callboard.run('agent', ...words)).exit, 2)
})

async function withAgent(t: ExecutionContext, script: string) {
  const broker = await startBroker(t, { config: { agents: [{ name: 'lamp', command: 'sh', args: ['-c', script] }] } })
  return { callboard: broker.callboard, connect: () => broker.connect() }
}
