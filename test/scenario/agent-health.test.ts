// Agents that go wrong while their process runs: found by probes, passed over by requests, ended and started anew; those that fail too often stay down.

import { createServer } from 'node:http'
import { once } from 'node:events'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { AgentInfo } from '../../broker/ground/api.ts'
import type { Client } from '../../client/index.ts'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { isThere, until } from '../support/until.ts'

const script = join(import.meta.dirname, '../support/failing-agent.ts')
// Beside many others a program that is well may take seconds to answer, too.
const quick = { interval: '300ms', timeout: '1s', failureThreshold: 8 }
const lamp = (more: object): object => ({ name: 'lamp', command: 'node', args: [script], backoff: { initial: '10ms', max: '50ms' }, shutdown: '100ms', ...more })

async function start(t: ExecutionContext, more: object): Promise<{ broker: LocalBroker; client: Client; about: (name?: string) => Promise<AgentInfo> }> {
  const broker = await startBroker(t, { config: { agents: [lamp(more)] } })
  const client = await broker.connect()
  const about = async (name = 'lamp'): Promise<AgentInfo> => (await client.call('agents')).agents.find((each) => each.name === name)!
  return { broker, client, about }
}

/** Waits for an answer as long as it takes; those who ask one that hangs give up sooner. */
const ask = async (client: Client, timeoutMs?: number): Promise<number> => (await client.request<number>({ service: 'lamp' }, {}, timeoutMs === undefined ? {} : { timeoutMs })).value

test('agent health: one that is stopped or loops is found by a ping, ended with its reason, and its place is taken', async (t) => {
  const { client, about } = await start(t, { instances: 2, probes: [{ kind: 'ping', ...quick }] })
  await until(async () => (await about()).health === 'healthy' && (await about('lamp/2')).health === 'healthy')
  const { pid, incarnation } = await about()
  process.kill(pid!, 'SIGSTOP')
  await until(async () => (await about()).incarnation > incarnation)
  t.false(isThere(pid!))
  const crash = (await client.call('agent.crashes', { name: 'lamp' })).crashes.find(({ instance }) => instance === 'lamp')
  t.like(crash, { errorCode: 'agent.unhealthy', wasAsked: true, next: { kind: 'restart' } })
  t.regex(crash!.reason, /a probe of it failed: ping: no answer within 1000 ms/)
  await until(async () => (await about()).health === 'healthy')
  // The other one loops for ever.
  const second = await about('lamp/2')
  await until(async () => {
    // Again until it is heard: it may have ended for another reason meanwhile.
    await client.publish('$CB.to.agent.lamp/2', { do: 'hang' })
    return (await about('lamp/2')).incarnation > second.incarnation
  })
  await until(async () => (await about('lamp/2')).health === 'healthy')
  t.is((await about()).incarnation, incarnation + 1, 'its sibling went on')
  t.like((await about('lamp/2')).probes, [{ kind: 'ping', target: '', health: 'healthy' }])
})

test('agent health: one instance that hangs costs requests by name only until it is found', async (t) => {
  const { client, about } = await start(t, { instances: 2, probes: [{ kind: 'ping', ...quick, onFailure: 'unhealthy' }] })
  await until(async () => (await about()).health === 'healthy' && (await about('lamp/2')).health === 'healthy')
  const first = await about()
  process.kill(first.pid!, 'SIGSTOP')
  await until(async () => (await about()).health === 'unhealthy')
  t.is((await about()).problem, 'ping: no answer within 1000 ms')
  const answered = await Promise.all(Array.from({ length: 20 }, () => ask(client)))
  t.deepEqual([...new Set(answered)], [(await about('lamp/2')).pid!])
  t.is((await about()).incarnation, first.incarnation, 'unhealthy is all that follows')
  process.kill(first.pid!, 'SIGCONT')
  await until(async () => (await about()).health === 'healthy')
  await until(async () => (await ask(client)) === first.pid)
})

test('agent health: until all probes have succeeded an instance gets no requests by its name', async (t) => {
  const file = join(temporaryDirectory(t), 'ready')
  const server = createServer((_, response) => response.writeHead(existsSync(file) ? 200 : 204).end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const probes = [
    { kind: 'http', url: `:${port}/health`, status: 200, interval: '100ms', timeout: '30s', successThreshold: 2, failureThreshold: 600, onFailure: 'unhealthy' },
    { kind: 'tcp', host: 'localhost', port, interval: '100ms', timeout: '30s', initialDelay: '200ms' },
    { kind: 'command', command: ['sh', '-c', `test -z "$CALLBOARD_TOKEN" && test "$CALLBOARD_AGENT" = lamp && test -e ${file}`], interval: '100ms', timeout: '30s', failureThreshold: 2, onFailure: 'unhealthy' },
  ]
  const { client, about, broker } = await start(t, { probes })
  await until(async () => (await errorCode(client.request('$CB.to.agent.lamp', {}))) === 'resolved')
  await until(async () => (await about()).probes?.some(({ problem }) => problem?.includes('status 204') === true) === true)
  t.is(await errorCode(ask(client)), 'request.no_responders')
  t.is(broker.broker.tree().phase, 'run')
  writeFileSync(file, '')
  await until(async () => (await errorCode(ask(client))) === 'resolved')
  t.deepEqual((await about()).probes?.map(({ kind, target, health }) => [kind, health, target.includes(String(port))]), [['http', 'healthy', true], ['tcp', 'healthy', true], ['command', 'healthy', false]])
  rmSync(file)
  await until(async () => (await about()).problem?.includes('command: exited with code 1') === true)
  t.is(await errorCode(ask(client)), 'resolved', 'it is the only one there is')
})

test('agent health: one that fails more often than it may is in quarantine, says why, and leaves it by a restart', async (t) => {
  const cwd = temporaryDirectory(t)
  const { client, about, broker } = await start(t, { intensity: 2, period: '1m', command: 'sh', args: ['-c', 'test -e mended && exec sleep 1000; exit 7'], cwd })
  await until(async () => (await about()).quarantine !== undefined)
  const { quarantine, restarts, phase } = await about()
  t.regex(quarantine!.reason, /exited with code 7/)
  t.like({ restarts, phase }, { restarts: 2, phase: 'exited' })
  t.regex((await broker.log.logged(/^child is in quarantine$/)).level, /error/)
  // Nothing has changed: it is tried as often again, and is back where it was.
  await client.call('agent.restart', { name: 'lamp' }).catch(() => {})
  await until(async () => (await about()).quarantine !== undefined && (await about()).restarts === 4)
  writeFileSync(join(cwd, 'mended'), '')
  await client.call('agent.restart', { name: 'lamp' })
  t.like(await about(), { phase: 'run', quarantine: undefined })
})

test('agent health: who answers with errors alone or not at all is passed over, by nothing but the requests that it gets', async (t) => {
  const { client, about, broker } = await start(t, { instances: 3, health: { errorRate: 0.5, latency: '20s', silence: '2s', window: '1s' } })
  await until(async () => (await client.registry.list({ name: 'lamp', health: 'healthy' })).instances.length === 3)
  const asking = new AbortController()
  const outcomes: (string | number)[] = []
  // Somebody always asks: that is all by which they are judged.
  const load = Promise.all(Array.from({ length: 6 }, async () => {
    while (!asking.signal.aborted) outcomes.push(await ask(client, 5000).catch((error: unknown) => (error as { code: string }).code))
  }))
  const [first, second] = [await about(), await about('lamp/2')]
  await client.request('$CB.to.agent.lamp', { do: 'err' })
  process.kill(second.pid!, 'SIGSTOP')
  // At one time. On a busy machine any of them may be silent for a while, which passes.
  await until(async () => {
    const [failing, stopped, well] = (await client.call('agents')).agents
    return [failing, stopped, well].map((each) => each!.health).join() === 'unhealthy,unhealthy,healthy' && /^requests: \d+ % of \d+ requests failed within 1000 ms/.test(failing!.problem!)
  })
  t.regex((await about('lamp/2')).problem!, /^requests: no answer for \d+ ms, with \d requests? open|requests failed within/)
  t.is((await about()).incarnation, first.incarnation)
  process.kill(second.pid!, 'SIGCONT')
  await client.request('$CB.to.agent.lamp', { do: 'mend' })
  await until(async () => (await about()).health === 'healthy' && (await about('lamp/2')).health === 'healthy')
  asking.abort()
  await load
  t.true(outcomes.includes(first.pid!))
  t.true(broker.log.records.some(({ text }) => text === 'the agent is healthy'))
})

test('agent health: with health.onFailure restart an instance that only fails is replaced', async (t) => {
  const { client, about } = await start(t, { health: { errorRate: 0.2, window: '1s', onFailure: 'restart' } })
  await until(async () => (await errorCode(ask(client))) === 'resolved')
  const { incarnation } = await about()
  await client.request('$CB.to.agent.lamp', { do: 'err' })
  await until(async () => {
    await errorCode(ask(client))
    return (await about()).incarnation > incarnation
  })
  await until(async () => (await errorCode(ask(client))) === 'resolved')
  t.is((await about()).health, 'healthy')
})
