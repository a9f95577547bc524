import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { homePaths } from '../../broker/ground/home.ts'
import type { ActorInfo } from '../../index.ts'
import { startBroker, startBrokerProcess } from '../support/broker.ts'
import { take } from '../support/collect.ts'
import { errorCode } from '../support/error-code.ts'
import { isThere, until } from '../support/until.ts'

const script = join(import.meta.dirname, '../support/obedient-agent.ts')
const agent = (name: string, more: object = {}): object => ({ name, command: 'node', args: [script], backoff: { initial: '10ms', max: '50ms' }, ...more })

function find(actor: ActorInfo, id: string): ActorInfo | undefined {
  return actor.id === id ? actor : actor.children.map(child => find(child, id)).find(Boolean)
}

test('agents: one that crashes is started again, as the next incarnation and with another process', async t => {
  const broker = await startBroker(t, { config: { agents: [agent('lamp'), agent('other')] } })
  const client = await broker.connect()
  await until(async () => (await errorCode(client.request('$CB.to.agent.lamp', { do: 'pid' }))) === 'resolved')
  const { value: pid } = await client.request<number>('$CB.to.agent.lamp', { do: 'pid' })
  // Not always 1: an agent that was faster than the listener has tried before.
  const first = find(broker.broker.tree(), 'agent.lamp')!
  t.is(first.phase, 'run')
  t.is(await errorCode(client.request('$CB.to.agent.lamp', { do: 'crash' })), 'request.responder_gone')
  await until(async () => (await errorCode(client.request('$CB.to.agent.lamp', { do: 'pid' }))) === 'resolved')
  const { value: next } = await client.request<number>('$CB.to.agent.lamp', { do: 'pid' })
  t.not(next, pid)
  const lamp = find(broker.broker.tree(), 'agent.lamp')!
  t.like(lamp, { phase: 'run', incarnation: first.incarnation + 1, restarts: first.restarts + 1 })
  const { agents } = await client.call('agents')
  t.like(agents.find(({ name }) => name === 'lamp'), { pid: next, incarnation: first.incarnation + 1, restarts: first.restarts + 1, lastExit: 'code 3' })
  t.false(isThere(pid))
})

test('agents: a planned restart is the same actor with another process', async t => {
  const broker = await startBroker(t, { config: { agents: [agent('lamp')] } })
  const client = await broker.connect()
  const comings = client.subscribe<number>('events.agent')
  await comings.ready
  await until(async () => (await errorCode(client.request('$CB.to.agent.lamp', { do: 'pid' }))) === 'resolved')
  const before = (await client.request<number>('$CB.to.agent.lamp', { do: 'pid' })).value
  const { incarnation, restarts } = find(broker.broker.tree(), 'agent.lamp')!
  t.is((await client.call('agent.restart', { name: 'lamp' })).name, 'lamp')
  let pid = before
  while (pid === before) pid = (await take(comings, 1))[0]!.value
  t.is((await client.request<number>('$CB.to.agent.lamp', { do: 'pid' })).value, pid)
  t.like(find(broker.broker.tree(), 'agent.lamp'), { phase: 'run', incarnation, restarts })
  t.is(await errorCode(client.call('agent.restart', { name: 'lmap' })), 'agent.unknown')
})

test('agents: permanent comes back after any end, transient after a crash, temporary never', async t => {
  const agents = [agent('permanent', { restart: 'permanent' }), agent('transient', { restart: 'transient' }), agent('temporary', { restart: 'temporary' })]
  const broker = await startBroker(t, { config: { agents } })
  const client = await broker.connect()
  const order = async (name: string, what: string): Promise<void> => {
    await until(async () => (await errorCode(client.request(`$CB.to.agent.${name}`, { do: 'pid' }))) === 'resolved')
    await client.publish(`$CB.to.agent.${name}`, { do: what })
  }
  const about = async (name: string): Promise<{ phase: string; incarnation: number }> => (await client.call('agents')).agents.find(each => each.name === name)!
  const endAndComeBack = async (name: string, how: string): Promise<number> => {
    await order(name, 'print')
    const { incarnation } = await about(name)
    await order(name, how)
    await until(async () => (await about(name)).incarnation === incarnation + 1)
    return incarnation + 1
  }
  await endAndComeBack('permanent', 'leave')
  const last = await endAndComeBack('transient', 'crash')
  await order('transient', 'leave')
  await until(async () => (await about('transient')).phase === 'exited')
  await order('temporary', 'crash')
  await until(async () => (await about('temporary')).phase === 'exited')
  t.is((await about('transient')).incarnation, last)
  t.is(await errorCode(client.request('$CB.to.agent.temporary', { do: 'pid' })), 'request.no_responders')
})

test('agents: what they print is in the broker\'s log, without their token', async t => {
  const broker = await startBroker(t, { config: { agents: [agent('lamp')] } })
  const client = await broker.connect()
  await until(async () => (await errorCode(client.request('$CB.to.agent.lamp', { do: 'pid' }))) === 'resolved')
  const { value: token } = await client.request<string>('$CB.to.agent.lamp', { do: 'variable', text: 'CALLBOARD_TOKEN' })
  await client.request('$CB.to.agent.lamp', { do: 'print', text: `light is on, and ${token}` })
  const { fields, text } = await broker.log.logged(/^light is on/)
  t.is(text, 'light is on, and [token]')
  t.like(fields, { stream: 'stdout' })
  t.regex(JSON.stringify(fields), /lamp/)
})

test('agents: the end of the broker is theirs, also of one that does not listen', async t => {
  const deaf = agent('deaf', { env: { IGNORES_SIGTERM: 'yes' }, shutdown: '100ms' })
  const broker = await startBroker(t, { config: { agents: [agent('lamp'), deaf] } })
  const client = await broker.connect()
  const pids: number[] = []
  for (const name of ['lamp', 'deaf']) {
    await until(async () => (await errorCode(client.request(`$CB.to.agent.${name}`, { do: 'pid' }))) === 'resolved')
    pids.push((await client.request<number>(`$CB.to.agent.${name}`, { do: 'pid' })).value)
  }
  t.true(pids.every(isThere))
  await broker.broker.stop()
  t.false(pids.some(isThere))
  t.like(await broker.log.logged(/^exited$/), { level: 'info' })
  t.true(broker.log.records.some(({ fields }) => fields['signal'] === 'SIGKILL'))
})

test('agents: when the broker is killed, agents see their stdin end, and the next broker ends those who do not look', async t => {
  const config = { agents: [agent('lamp'), { name: 'sleeper', command: 'sleep', args: ['1000'] }] }
  const first = await startBrokerProcess(t, { config })
  const client = await first.connect()
  await until(async () => (await errorCode(client.request('$CB.to.agent.lamp', { do: 'pid' }))) === 'resolved')
  const { agents } = await client.call('agents')
  const pidOf = (name: string): number => agents.find(each => each.name === name)!.pid!
  await first.end('SIGKILL')
  await until(() => !isThere(pidOf('lamp')))
  t.true(isThere(pidOf('sleeper')))
  const second = await startBrokerProcess(t, { home: first.home })
  t.false(isThere(pidOf('sleeper')))
  // Lines of the log are written a moment after the broker has said that it runs.
  await until(() => readFileSync(homePaths(second.home).log, 'utf8').includes('killed broker left behind'))
})

test('agents: one that cannot be started is tried again, and the others do not wait for it', async t => {
  const broker = await startBroker(t, { config: { agents: [{ name: 'broken', command: './there-is-no-such-program', backoff: { initial: '1ms', max: '5ms' } }, agent('lamp')] } })
  const client = await broker.connect()
  await until(async () => (await errorCode(client.request('$CB.to.agent.lamp', { do: 'pid' }))) === 'resolved')
  await until(async () => (await client.call('agents')).agents.find(({ name }) => name === 'broken')!.restarts >= 3)
  t.like(find(broker.broker.tree(), 'agents'), { phase: 'run' })
})
