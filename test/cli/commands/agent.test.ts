import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { AgentRow } from '../../../cli/top/agent-rows.ts'
import type { AgentInfo, AgentShown } from '../../../client/index.ts'
import { startBroker } from '../../support/broker.ts'
import { errorCode } from '../../support/error-code.ts'
import { until } from '../../support/until.ts'

const obedient = join(import.meta.dirname, '../../support/obedient-agent.ts')

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
  t.regex(drained.stdout, /\nlamp +run .*\nlamp\/2 +exited .* drained /s)
  const restarted = await callboard.run('agent', 'restart', 'lamp')
  t.regex(restarted.stdout, /\nlamp +run .*\nlamp\/2 +run /s)
  t.false(restarted.stdout.includes('drained'))
  const reserved = await callboard.run('agent', 'upgrade', 'lamp', '--env', 'CALLBOARD_TOKEN=x')
  t.regex(reserved.stderr, /the broker itself sets CALLBOARD_TOKEN.*\(agent\.bad_change\)/s)
  t.regex((await callboard.run('agent', 'scale', 'lamp', '1e9')).stderr, /from 0 to 1000/)
  await callboard.run('agent', 'scale', 'lamp', '0')
  t.regex((await callboard.run('agent', 'upgrade', 'lamp', '--version', '3000')).stdout, /^lamp has no instances, so nothing was tried/)
  for (const words of [['scale', 'lamp', 'many'], ['upgrade', 'lamp', '--env', 'CITY']]) t.is((await callboard.run('agent', ...words)).exit, 2)
})

test('agent: show has all of an agent, and of variables and secrets the names alone', async t => {
  const broker = await startBroker(t, { config: { agents: [{ name: 'lamp', command: 'node', args: [obedient, 'two words'], env: { COLOUR: 'dark-red-value' }, instances: 2, sandbox: { level: 'limits', openFiles: 200 } }] } })
  const client = await broker.connect()
  // A moment after it has registered.
  await until(async () => (await client.call('agent.show', { name: 'lamp/2' })).instances[0]!.registered[0]?.health === 'healthy')
  // It may be that before it listens for orders.
  await until(async () => (await errorCode(client.request('$CB.to.agent.lamp/2', { do: 'print', text: '' }))) === 'resolved')
  const [shown] = (await broker.callboard.json('agent', 'show', 'lamp/2')) as [AgentShown]
  t.like(shown, { agent: 'lamp', settings: { name: 'lamp', env: ['COLOUR'], secrets: [], instances: 2, restart: 'permanent' } })
  t.is(shown.instances.length, 1)
  const { info, connections, registered, crashes } = shown.instances[0]!
  t.like(info, { name: 'lamp/2', agent: 'lamp', instance: 2, phase: 'run', sandbox: { achieved: 'limits' } })
  t.true(info.cpuMs! > 0 && info.residentBytes! > 0)
  t.like(connections, [{ agent: 'lamp/2', principal: 'agent:lamp/2' }])
  t.like(registered, [{ name: 'lamp', instance: 'lamp/2', health: 'healthy' }])
  t.deepEqual(crashes, [])
  process.kill(info.pid!, 'SIGKILL')
  await until(async () => (await client.call('agent.show', { name: 'lamp/2' })).instances[0]!.crashes.length === 1)
  const { stdout } = await broker.callboard.run('agent', 'show', 'lamp')
  t.regex(stdout, /^command +node \S+obedient-agent\.ts "two words"$/m)
  t.regex(stdout, /^variables +COLOUR$/m)
  t.regex(stdout, /^sandbox +level limits,.* openFiles 200,/m)
  t.regex(stdout, /\nlamp\nphase +run, for [^]*\nlamp\/2\nphase +/)
  t.regex(stdout, /^crash +[\d-]+ [\d:.]+ +was ended by SIGKILL +\d{13}-2-1$/m)
  t.false(stdout.includes('dark-red-value') || JSON.stringify(shown).includes('dark-red-value'))
})

test('agent: top shows what instances take, once and for programs, and what they do between two looks', async t => {
  const broker = await startBroker(t, { config: { agents: [{ name: 'lamp', command: 'node', args: [obedient], instances: 2 }, { name: 'idle', command: 'sleep', args: ['1000'] }] } })
  const client = await broker.connect()
  await until(async () => (await client.call('registry.list', { name: 'lamp', health: 'healthy' })).total === 2)
  // They may be that before they listen for orders.
  for (const id of ['lamp', 'lamp/2']) await until(async () => (await errorCode(client.request(`$CB.to.agent.${id}`, { do: 'print', text: '' }))) === 'resolved')
  const { exit, stdout } = await broker.callboard.run('agent', 'top', '--once', '--interval', '20ms', '--sort', 'name')
  t.is(exit, 0)
  t.regex(stdout, /^3 instances, 3 running; [\d.]+ MiB resident\nAGENT +PHASE +HEALTH +PID +CPU +MEMORY +RESTARTS +REQUESTS\/S +FAILED\/S +FAILED +OPEN\nidle +run +- .*\nlamp +run +healthy .*\nlamp\/2 +run +healthy /)
  const top = broker.callboard.follow('agent', 'top', '--json', '--interval', '100ms', '--sort', 'requests')
  const look = async (): Promise<AgentRow[]> => (JSON.parse(await top.next()) as { rows: AgentRow[] }).rows
  t.true((await look()).every(({ memoryBytes, requestRate }) => memoryBytes! > 0 && requestRate === 0))
  for (let n = 0; n < 4; n++) await client.request('$CB.to.service.lamp', { do: 'print', text: '' })
  let rows: AgentRow[] = []
  while ((rows[0]?.requestRate ?? 0) === 0) rows = await look()
  t.is(rows[0]!.agent, 'lamp')
  t.deepEqual(await top.end('SIGINT'), [0, null])
})

async function withAgent(t: ExecutionContext, script: string) {
  const broker = await startBroker(t, { config: { agents: [{ name: 'lamp', command: 'sh', args: ['-c', script] }] } })
  return { callboard: broker.callboard, connect: () => broker.connect() }
}
