import { chmodSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Kind } from '../../../broker/ground/kind.ts'
import type { Step } from '../../../cli/mac/connection-check.ts'
import { startBroker } from '../../support/broker.ts'
import { startCallboard } from '../../support/callboard.ts'
import { runCallboard, type Run } from '../../support/run-callboard.ts'
import { ScriptedBroker, TOKEN } from '../../support/scripted-broker.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const ORDER = ['socket', 'token', 'connect', 'hello', 'welcome', 'ping', 'message', 'goodbye']

/** Each step has that time, also those before the one at which nobody answers. */
const SILENCE = ['--timeout', '6s']

interface Checked {
  readonly run: Run
  readonly steps: readonly Step[]
  readonly find: (step: string) => Step
}

/** Runs `callboard-mac connect --json`, with time for a busy machine unless `words` say otherwise; what holds for every run is asserted here. */
async function check(t: ExecutionContext, home: string, ...words: string[]): Promise<Checked> {
  const run = await runCallboard(t, ['connect', '--json', '--timeout', '30s', ...words], { tool: 'callboard-mac', home })
  t.is(run.stderr, '')
  const { ok, steps } = JSON.parse(run.stdout) as { ok: boolean; steps: Step[] }
  t.is(run.exit, ok ? 0 : 1)
  t.deepEqual(steps.map(({ step }) => step), ORDER)
  for (const { state, ms } of steps) t.is(ms === undefined, state === 'skip')
  return { run, steps, find: name => steps.find(({ step }) => step === name)! }
}

/** Asserts that it breaks at `step` with `code` and not before, and that nothing is tried afterwards. */
function assertBreaks(t: ExecutionContext, { run, steps, find }: Checked, step: string, code: string, remedy: RegExp): void {
  const at = ORDER.indexOf(step)
  t.is(run.exit, 1)
  t.true(steps.slice(0, at).every(({ state }) => state === 'ok' || state === 'warn'), JSON.stringify(steps))
  t.like(find(step), { state: 'fail', code })
  t.regex(find(step).remedy ?? '', remedy)
  t.true(steps.slice(at + 1).every(({ state }) => state === 'skip'))
}

/** A scripted broker and a home from which its token can be read. */
async function scripted(t: ExecutionContext): Promise<{ broker: ScriptedBroker; home: string; words: string[] }> {
  const home = temporaryDirectory(t)
  const broker = await ScriptedBroker.start(t)
  chmodSync(broker.socket, 0o600)
  writeFileSync(join(home, 'credential'), `${TOKEN}\n`)
  return { broker, home, words: ['--socket', broker.socket, '--token-file', join(home, 'credential')] }
}

test('mac connect: with a broker that is well every step is ok', async t => {
  const { home } = await startBroker(t)
  const { steps, find } = await check(t, home)
  t.true(steps.every(({ state }) => state === 'ok'), JSON.stringify(steps))
  t.regex(find('socket').text, /callboard\.sock, mode 0600, owner you$/)
  t.is(find('hello').text, 'answered with a challenge')
  t.regex(find('welcome').text, /^protocol 1, broker [a-z0-9]{12}, incarnation 1, as "owner" \(.*admin.*\); it proved that it knows the token$/)
  t.regex(find('ping').text, /median [\d.]+ ms/)
  t.regex(find('message').text, /^published on \$CB\.to\.client\.callboard-mac-\d+, accepted for 1 receiver, and delivered back$/)
})

test('mac connect: people get a line per step, and what does not matter any more is not tried', async t => {
  const { home } = await startBroker(t)
  const well = await runCallboard(t, ['connect', '--timeout', '30s'], { tool: 'callboard-mac', home })
  t.is(well.exit, 0)
  t.regex(well.stdout, /^ok {4}socket +[\d.]+ ms {2}.*\n(?:ok .*\n){7}\nthe connection works\n$/)
  const none = await runCallboard(t, ['connect'], { tool: 'callboard-mac', home: temporaryDirectory(t) })
  t.is(none.exit, 1)
  t.regex(none.stdout, /^fail {2}socket .*no socket at .*\(connect\.no_socket\)\n +→ start the broker with: callboard start\n(?:skip .* not reached\n){7}\nthe connection fails at: socket\n$/)
})

test('mac connect: without a broker it is the socket that is missing', async t => {
  assertBreaks(t, await check(t, temporaryDirectory(t)), 'socket', 'connect.no_socket', /callboard start/)
})

test('mac connect: a file in the socket\'s place is told from a socket', async t => {
  const home = temporaryDirectory(t)
  writeFileSync(join(home, 'callboard.sock'), '')
  assertBreaks(t, await check(t, home), 'socket', 'connect.refused', /mv .*callboard\.sock/)
})

test('mac connect: a socket whose broker was killed refuses', async t => {
  const { home, process: broker } = await startCallboard(t)
  const exit = once(broker, 'exit')
  broker.kill('SIGKILL')
  await exit
  assertBreaks(t, await check(t, home), 'connect', 'connect.refused', /callboard start/)
})

test('mac connect: a socket that others may open is a warning, and the connection works', async t => {
  const { home, socket } = await startBroker(t)
  chmodSync(socket, 0o666)
  const { run, find } = await check(t, home)
  t.is(run.exit, 0)
  t.like(find('socket'), { state: 'warn', remedy: `chmod 600 ${socket}` })
})

test('mac connect: a credential that cannot be read, is empty or is wrong is found in its step', async t => {
  const { home, socket } = await startBroker(t)
  const other = temporaryDirectory(t)
  const file = join(other, 'credential')
  const words = ['--socket', socket, '--token-file', file]
  assertBreaks(t, await check(t, other, ...words), 'token', 'auth.required', /--token-file/)
  writeFileSync(file, '\n')
  assertBreaks(t, await check(t, other, ...words), 'token', 'auth.required', /callboard restart/)
  writeFileSync(file, 'not the token\n')
  const wrong = await check(t, other, ...words)
  assertBreaks(t, wrong, 'welcome', 'auth.failed', /the token must be that of the home/)
  t.regex(wrong.find('welcome').text, /credentials of principal "owner" do not match/)
  t.is((await check(t, other, '--socket', socket, '--token-file', join(home, 'token'))).run.exit, 0)
})

test('mac connect: whoever answers without knowing the token is not taken for the broker', async t => {
  const { broker, home, words } = await scripted(t)
  const [checked] = await Promise.all([check(t, home, ...words), broker.welcome({ mac: '0'.repeat(64) })])
  assertBreaks(t, checked, 'welcome', 'auth.failed', /give it nothing/)
  t.regex(checked.find('welcome').text, /does not prove that it knows the token/)
})

test('mac connect: a program that speaks something else is named as that', async t => {
  const home = temporaryDirectory(t)
  const server = createServer(socket => socket.on('error', () => {}).end('hello\n')).listen(join(home, 'callboard.sock'))
  t.teardown(() => server.close())
  await once(server, 'listening')
  const checked = await check(t, home)
  assertBreaks(t, checked, 'hello', 'frame.too_large', /lsof/)
  t.regex(checked.find('hello').text, /does not speak Callboard's protocol/)
})

test('mac connect: a broker that is stopped has a socket and does not answer', async t => {
  const { home, process: broker } = await startCallboard(t)
  broker.kill('SIGSTOP')
  assertBreaks(t, await check(t, home, ...SILENCE), 'hello', 'handshake.timeout', /kill -CONT/)
})

test('mac connect: a broker that falls silent after the welcome is found by the ping', async t => {
  const { broker, home, words } = await scripted(t)
  const [checked, peer] = await Promise.all([check(t, home, ...SILENCE, ...words), broker.welcome()])
  assertBreaks(t, checked, 'ping', 'request.timeout', /callboard ipc latency/)
  t.is((await peer.next()).kind, Kind.ping)
})

test('mac connect: a connection that breaks off says what happened', async t => {
  const { broker, home, words } = await scripted(t)
  const breakOff = async (): Promise<void> => {
    const peer = await broker.welcome()
    await peer.nextOf(Kind.ping)
    peer.goodbye('connection.killed')
  }
  const [checked] = await Promise.all([check(t, home, ...words), breakOff()])
  assertBreaks(t, checked, 'ping', 'connection.killed', /callboard/)
})

test('mac connect: wrong words are refused with exit code 2', async t => {
  const run = await runCallboard(t, ['connect', '--sokcet', 'x'], { tool: 'callboard-mac', home: temporaryDirectory(t) })
  t.is(run.exit, 2)
  t.regex(run.stderr, /unknown option '--sokcet'\nhint: Did you mean --socket\? Or see: callboard-mac connect --help/)
})
