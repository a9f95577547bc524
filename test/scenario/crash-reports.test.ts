import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import type { AgentEvent, CrashReport } from '../../client/index.ts'
import { startBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

const script = join(import.meta.dirname, '../support/obedient-agent.ts')
const agent = (name: string, more: object = {}): object => ({ name, command: 'node', args: [script], backoff: { initial: '10ms', max: '10ms', jitter: 0 }, ...more })

test('crash reports: what it printed and handled last, what follows, an event, and all of it after the next start', async t => {
  const first = await startBroker(t, { config: { agents: [agent('lamp')] } })
  const client = await first.connect()
  const events: AgentEvent[] = []
  await client.subscribe<AgentEvent>('$CB.agent.*.lamp', { onMessage: ({ value }) => void events.push(value) }).ready
  await until(async () => (await errorCode(client.request('$CB.to.agent.lamp', { do: 'print', text: 'about to fail' }))) === 'resolved')
  t.is(await errorCode(client.request('$CB.to.agent.lamp', { do: 'crash', text: 'a secret of the payload' })), 'request.responder_gone')
  await until(() => events.some(({ event }) => event === 'crashed') && events.at(-1)!.event === 'started')
  const { crashes } = await client.call('agent.crashes', { name: 'lamp' })
  const [crash] = crashes
  t.like(crash, { agent: 'lamp', instance: 'lamp', code: 3, reason: 'exited with code 3', wasAsked: false, limits: [], core: false, next: { kind: 'restart', delayMs: 10 } })
  t.true(crash!.lines.some(({ text }) => text === 'about to fail'))
  t.like(events.find(({ event }) => event === 'crashed'), { report: crash!.id, code: 3, pid: crash!.pid, next: { kind: 'restart', delayMs: 10 } })

  const last = crash!.messages.at(-1)!
  t.like(last, { direction: 'in', kind: 'request', subject: '$CB.to.agent.lamp', sender: client.id, fate: 'written', unanswered: true })
  t.true(crash!.messages.some(({ direction, kind }) => direction === 'out' && kind === 'response'))
  const { entries } = await client.call('trace.show', { messageId: last.id })
  t.like(entries[0], { subject: '$CB.to.agent.lamp', kind: 'request' })
  t.false(JSON.stringify(crash).includes('a secret of the payload'))

  const folder = join(first.home, 'crashes', 'lamp')
  t.deepEqual(readdirSync(folder), [`${crash!.id}.json`])
  t.is(statSync(join(folder, `${crash!.id}.json`)).mode & 0o777, 0o600)
  t.deepEqual(JSON.parse(readFileSync(join(folder, `${crash!.id}.json`), 'utf8')), crash)
  await first.broker.stop()
  const down = await first.callboard.run('agent', 'crashes', 'lamp', '--last')
  t.regex(down.stdout, /^how +code 3$/m)
  t.regex(down.stdout, / in +request +\$CB\.to\.agent\.lamp +\S+ +written, not answered +\w+\.1\.\d+\.\d+$/m)

  // One that is not configured any more has its reports still.
  const second = await startBroker(t, { home: first.home, config: { agents: [] } })
  const { crashes: found } = await (await second.connect()).call('agent.crashes', { name: 'lamp' })
  t.deepEqual(found, [...crashes])
  t.is(await errorCode((await second.connect()).call('agent.crashes', { name: 'fan' })), 'agent.unknown')
})

test('crash reports: those of an instance are there when it is scaled away', async t => {
  const broker = await startBroker(t, { config: { agents: [agent('pair', { command: 'sh', args: ['-c', 'exit 3'], instances: 2, restart: 'temporary' })] } })
  const client = await broker.connect()
  const instancesOf = async (name: string): Promise<string[]> => (await client.call('agent.crashes', { name })).crashes.map(({ instance }) => instance)
  await until(async () => (await instancesOf('pair')).length === 2)
  await client.call('agent.scale', { name: 'pair', instances: 1 })
  t.deepEqual([await instancesOf('pair/2'), await instancesOf('pair/1')], [['pair/2'], ['pair']])
  t.is(await errorCode(client.call('agent.crashes', { name: 'pair/3' })), 'agent.unknown')
})

test('crash reports: who does not start, who is killed, who is asked and does not go; an orderly end is none', async t => {
  const sleeping = { command: 'sh', args: ['-c', 'trap "" TERM; echo up; while :; do sleep 0.01; done'] }
  const agents = [
    agent('missing', { command: '/nowhere/at-all', args: [], backoff: { initial: '1h', max: '1h' } }),
    agent('killed', { command: 'sleep', args: ['1000'], restart: 'temporary' }),
    agent('deaf', { ...sleeping, shutdown: '10ms' }),
    agent('orderly', { command: 'sleep', args: ['1000'] }),
    agent('job', { command: 'true', args: [], restart: 'transient' }),
  ]
  const broker = await startBroker(t, { config: { agents } })
  const client = await broker.connect()
  const crashes = async (name: string): Promise<readonly CrashReport[]> => (await client.call('agent.crashes', { name })).crashes
  const { agents: running } = await client.call('agents')
  process.kill(running.find(({ name }) => name === 'killed')!.pid!, 'SIGKILL')
  await until(async () => (await crashes('killed')).length === 1 && (await crashes('missing')).length === 1)
  t.like((await crashes('killed'))[0], { signal: 'SIGKILL', reason: 'was ended by SIGKILL', next: { kind: 'down' } })
  const [missing] = await crashes('missing')
  t.like(missing, { ranMs: 0, errorCode: 'agent.failed' })
  t.regex(missing!.reason, /no file \/nowhere\/at-all/)
  t.is(missing!.next.kind, 'restart')

  await until(async () => (await client.call('agent.logs', { name: 'deaf' })).lines.length > 0)
  await client.call('agent.restart', { name: 'deaf' })
  await client.call('agent.restart', { name: 'orderly' })
  t.like((await crashes('deaf'))[0], { signal: 'SIGKILL', wasAsked: true, reason: 'did not end within 10 ms of SIGTERM, and was killed', next: { kind: 'replaced' } })
  t.deepEqual([await crashes('orderly'), await crashes('job')], [[], []])

  await until(async () => (await client.call('agent.logs', { name: 'deaf' })).lines.at(-1)?.start === 2)
  await broker.broker.stop()
  const kept = readdirSync(join(broker.home, 'crashes', 'deaf'))
  t.is(kept.length, 2, 'the end of the broker waits for the reports that it causes')
  t.like(JSON.parse(readFileSync(join(broker.home, 'crashes', 'deaf', kept.toSorted()[1]!), 'utf8')), { next: { kind: 'stopped' } })
})

test('crash reports: one that crashes too often ends in quarantine; its last report, an event and doctor say so', async t => {
  const broker = await startBroker(t, { config: { agents: [agent('flaky', { intensity: 2, period: '1h' })] } })
  const client = await broker.connect()
  const events: AgentEvent[] = []
  await client.subscribe<AgentEvent>('$CB.agent.quarantined.*', { onMessage: ({ value }) => void events.push(value) }).ready
  // An order that nobody hears yet is not answered; each that is heard is a crash.
  while (events.length === 0) await errorCode(client.request('$CB.to.agent.flaky', { do: 'crash' }, { timeoutMs: 500 }))
  t.like(events[0], { agent: 'flaky', code: 3, next: { kind: 'quarantine' } })
  t.truthy((await client.call('agents')).agents[0]!.quarantine)
  const { crashes } = await client.call('agent.crashes', { name: 'flaky' })
  t.deepEqual(crashes.map(({ next, incarnation }) => [incarnation, next.kind]), [[3, 'quarantine'], [2, 'restart'], [1, 'restart']])
  const { exit, stdout } = await broker.callboard.run('doctor')
  t.is(exit, 1)
  t.regex(stdout, /^fail +agents +flaky is in quarantine since .*\n +→ callboard agent crashes flaky --last says how it ended; then: callboard agent restart flaky$/m)
  t.regex(stdout, /^warn +agents +flaky crashed 3 times in the last hour/m)
  await client.call('agent.restart', { name: 'flaky' })
  t.is((await client.call('agents')).agents[0]!.quarantine, undefined)
})

test('crash reports: those with much to read are listed without their lines, and each comes whole by its id', async t => {
  // Seven times, and then it stays: of one that goes on for ever what is listed is soon gone.
  const cwd = temporaryDirectory(t)
  const loud = 'const fs = require("node:fs"); fs.appendFileSync("starts", "x"); if (fs.readFileSync("starts").length > 7) setInterval(() => {}, 1e6); else for (let n = 0; n < 200; n++) console.log(String(n).padStart(600, "x"))'
  const broker = await startBroker(t, { config: { agents: [agent('loud', { cwd, args: ['-e', loud], backoff: { initial: '1ms', max: '1ms' } })] } })
  const client = await broker.connect()
  await until(async () => (await client.call('agent.crashes', { name: 'loud' })).crashes.length === 7)
  const { crashes } = await client.call('agent.crashes', { name: 'loud' })
  t.is(crashes[0]!.lines.length, 200)
  const cut = crashes.at(-1)!
  t.like(cut, { isCut: true, code: 0, lines: [] })
  const [listed] = (await broker.callboard.json('agent', 'crashes', 'loud')) as [{ crashes: readonly CrashReport[] }]
  t.is(listed.crashes.length, 7)
  const newest = listed.crashes[0]!.id
  const [whole] = (await broker.callboard.json('agent', 'crashes', 'loud', '--report', newest)) as [CrashReport]
  t.like(whole, { id: newest, reason: 'exited with code 0' })
  t.is(whole.lines.at(-1)!.text, '199'.padStart(600, 'x'))
  t.regex((await broker.callboard.run('agent', 'crashes', 'loud')).stdout, /^ENDED +INSTANCE +INCARNATION +RAN +HOW +LIMITS +NEXT +REPORT\n[\d-]+ [\d:.]+ +loud +\d+ of 1 +.* code 0 +- +restart in 1 ms +\d{13}-1-\d+$/m)
  const unknown = await broker.callboard.run('agent', 'crashes', 'loud', '--report', '1-2-3')
  t.is(unknown.exit, 1)
  t.regex(unknown.stderr, /no report "1-2-3" of loud is kept/)
})

// Where a program takes core files, or the hard limit forbids them, there is none to find.
const dumpsCore = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim() === 'core' && spawnSync('sh', ['-c', 'ulimit -c unlimited']).status === 0
;(dumpsCore ? test : test.skip)('crash reports: the core file of one that ends by a fault at once', async t => {
  const directory = temporaryDirectory(t)
  const broker = await startBroker(t, { config: { agents: [agent('fault', { command: 'sh', args: ['-c', 'ulimit -c unlimited; kill -SEGV $$'], cwd: directory, restart: 'temporary' })] } })
  const client = await broker.connect()
  await until(async () => (await client.call('agent.crashes', { name: 'fault' })).crashes.length === 1)
  const { crashes: [crash] } = await client.call('agent.crashes', { name: 'fault' })
  t.like(crash, { signal: 'SIGSEGV', next: { kind: 'down' } })
  t.true(typeof crash!.core === 'string' && crash!.core.startsWith(join(directory, 'core')), String(crash!.core))
})
