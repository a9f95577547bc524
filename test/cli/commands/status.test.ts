import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import test from 'ava'
import { homePaths } from '../../../broker/ground/home.ts'
import { startBrokerProcess } from '../../support/broker.ts'
import { startCallboard } from '../../support/callboard.ts'
import { runCallboard } from '../../support/run-callboard.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { until } from '../../support/until.ts'

interface Report {
  readonly running?: boolean
  readonly health?: { readonly state: string; readonly parts: readonly { readonly part: string }[] }
  readonly checks: readonly { readonly check: string; readonly state: string; readonly text: string }[]
  readonly problems: readonly string[]
  readonly complaints: readonly string[]
}

/** What a broker logs reaches the file a moment later. */
async function untilLogged(home: string): Promise<void> {
  const { log } = homePaths(home)
  await until(() => existsSync(log) && readFileSync(log, 'utf8').includes('"msg":"started"'))
}

test('status: --verbose of a broker that runs shows its health, its files, its port and its last problems', async t => {
  const { callboard, pid, home } = await startBrokerProcess(t)
  await untilLogged(home)
  const { stdout, exit } = await callboard.run('gateway', 'status', '--verbose')
  t.is(exit, 0)
  for (const line of [/^pid +\d+$/m, /^ok +broker +in phase run/m, /^ok +listener\.unix /m, /^ok +memory /m, /^ok +config +valid/m]) t.regex(stdout, line)
  const [report] = (await callboard.json('status', '--verbose')) as [Report]
  t.true(report.health!.parts.length > 5)
  t.regex(report.checks.find(({ check }) => check === 'last run')!.text, new RegExp(`^pid ${pid} started at`))
})

test('status: --verbose says that a broker was killed, and exits with 1', async t => {
  const broker = await startBrokerProcess(t)
  await untilLogged(broker.home)
  await broker.end('SIGKILL')
  const { stdout, stderr, exit } = await runCallboard(t, ['gateway', 'status', '--verbose'], { home: broker.home })
  t.is(exit, 1)
  t.regex(stdout, new RegExp(`^warn +last run +pid ${broker.pid} started at .* ended without a word`, 'm'))
  t.regex(stdout, /^warn +socket .*left from a broker that is gone/m)
  t.regex(stderr, /no broker runs in/)
})

test('status: --verbose knows an orderly end from a killing', async t => {
  const broker = await startCallboard(t)
  await broker.run('stop')
  const { stdout } = await broker.run('status', '--verbose')
  t.regex(stdout, /^ok +last run +pid \d+ started at .* and ended at .*: shutdown$/m)
})

test('status: --verbose takes neither an agent for the broker nor a start that failed for the run before it', async t => {
  const home = temporaryDirectory(t)
  const { log } = homePaths(home)
  mkdirSync(dirname(log), { recursive: true })
  const lines = [{ pid: 11, msg: 'started' }, { actor: 'agent.echo', pid: 22, msg: 'started' }, { reason: 'shutdown', msg: 'ended' }, { reason: 'crash', msg: 'ended' }]
  const write = (count: number): void => writeFileSync(log, lines.slice(0, count).map(line => `${JSON.stringify({ level: 'info', time: Date.now(), ...line })}\n`).join(''))
  write(2)
  t.regex((await runCallboard(t, ['status', '--verbose'], { home })).stdout, /^warn +last run +pid 11 started at .* ended without a word/m)
  write(4)
  t.regex((await runCallboard(t, ['status', '--verbose'], { home })).stdout, /^ok +last run +pid 11 started at .* and ended at .*: shutdown$/m)
})

test('status: --verbose names what keeps a gateway from starting: its configuration', async t => {
  const home = temporaryDirectory(t)
  writeFileSync(join(home, 'config.json'), '{ "ipc": { "timeot": 5 } }')
  t.is((await runCallboard(t, ['start', '--detach'], { home })).exit, 2)
  const down = await runCallboard(t, ['status', '--verbose', '--json'], { home })
  t.is(down.exit, 1)
  const report = JSON.parse(down.stdout) as Report
  t.is(report.running, false)
  t.regex(report.checks.find(({ check }) => check === 'config')!.text, /timeot/)
  t.regex(report.complaints.join('\n'), /^error: .*timeot/)
})

test('status: --verbose names who has the port of a gateway that will not start', async t => {
  const taken = async (): Promise<number> => {
    const server = createServer().listen(0, '127.0.0.1')
    t.teardown(() => server.close())
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const [gateway, nats] = [await taken(), await taken()]
  const home = temporaryDirectory(t)
  writeFileSync(join(home, 'config.json'), JSON.stringify({ gateway: { port: gateway }, nats: { port: nats } }))
  // Empty: what the configuration says holds.
  const env = { CALLBOARD_GATEWAY_PORT: '', CALLBOARD_NATS_PORT: '' }
  t.is((await runCallboard(t, ['start', '--detach'], { home, env })).exit, 1)
  const { stdout } = await runCallboard(t, ['gateway', 'status', '--verbose'], { home, env })
  t.regex(stdout, new RegExp(`^fail +gateway +port ${gateway} is taken by process ${process.pid} `, 'm'))
  t.regex(stdout, new RegExp(`^fail +nats +port ${nats} is taken by process ${process.pid} `, 'm'))
  t.regex(stdout, new RegExp(`^what it said when it was last started in the background\nerror: .*(?:${gateway}|${nats})`, 'm'))
})
