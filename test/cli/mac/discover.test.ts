// No run here looks at the processes of the host: it would connect to the brokers of other tests.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { homePaths } from '../../../broker/ground/home.ts'
import { meet, type FoundBroker } from '../../../cli/mac/acquaintance.ts'
import { candidates } from '../../../cli/mac/candidates.ts'
import { startBroker } from '../../support/broker.ts'
import { startCallboard } from '../../support/callboard.ts'
import { runCallboard, type Run } from '../../support/run-callboard.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

/** With time for a busy machine, unless `words` say otherwise. */
async function discover(t: ExecutionContext, home: string, user: string, ...words: string[]): Promise<{ run: Run; brokers: readonly FoundBroker[] }> {
  const run = await runCallboard(t, ['discover', '--no-processes', '--json', '--timeout', '30s', ...words], { tool: 'callboard-mac', home, env: { HOME: user } })
  t.is(run.stderr, '')
  const { ok, brokers } = JSON.parse(run.stdout) as { ok: boolean; brokers: FoundBroker[] }
  t.is(run.exit, ok ? 0 : 1)
  return { run, brokers }
}

test('mac discover: a broker that runs introduces itself, and the default home has none', async t => {
  const { home, socket } = await startBroker(t)
  const user = temporaryDirectory(t)
  const { brokers } = await discover(t, home, user)
  t.is(brokers.length, 2)
  t.like(brokers[0], { home, socket, pid: process.pid, isAnswering: true, foundBy: ['the environment'], welcome: { protocol: 1, incarnation: 1, principal: 'owner' } })
  t.regex(brokers[0]!.welcome!.broker, /^[a-z0-9]{12}$/)
  t.true(brokers[0]!.roundTripMs! > 0)
  t.like(brokers[1], { home: join(user, '.callboard'), isAnswering: false, foundBy: ['the default'], problem: { code: 'broker.not_running', hint: 'start it with: callboard start' } })
})

test('mac discover: one home under two names is shown once', async t => {
  const { home } = await startBroker(t)
  const user = temporaryDirectory(t)
  symlinkSync(home, join(user, '.callboard'))
  const { brokers } = await discover(t, home, user)
  t.deepEqual(brokers.map(({ foundBy }) => foundBy), [['the environment', 'the default']])
})

test('mac discover: --home stands for the home of the environment', async t => {
  const { home } = await startBroker(t)
  const { brokers } = await discover(t, temporaryDirectory(t), temporaryDirectory(t), '--home', home)
  t.like(brokers[0], { home, foundBy: ['--home'], isAnswering: true })
})

test('mac discover: people get a block per home, and exit code 1 when nobody answers', async t => {
  const { home, socket } = await startBroker(t)
  const user = temporaryDirectory(t)
  const found = await runCallboard(t, ['discover', '--no-processes', '--timeout', '30s'], { tool: 'callboard-mac', home, env: { HOME: user } })
  t.is(found.exit, 0)
  t.regex(found.stdout, new RegExp(`^home +${home}\\nsocket +${socket}\\nfound by +the environment\\npid +${process.pid}\\nbroker +[a-z0-9]{12}, incarnation 1\\nprotocol +1\\nprincipal +owner \\(.*\\)\\nanswers +in [\\d.]+ ms\\n\\n`))
  t.regex(found.stdout, /\n\n1 broker answers\n$/)
  const none = await runCallboard(t, ['discover', '--no-processes'], { tool: 'callboard-mac', home: user, env: { HOME: user } })
  t.is(none.exit, 1)
  t.regex(none.stdout, /answers +no: no broker runs in .* \(broker\.not_running\)\n→ start it with: callboard start\n\nhome[^]*\n\nno broker answers\n$/)
})

test('mac discover: a broker that does not answer is shown with its pid and the reason', async t => {
  const { home, started, process: broker } = await startCallboard(t)
  broker.kill('SIGSTOP')
  // It connects in that time too.
  const { run, brokers } = await discover(t, home, temporaryDirectory(t), '--timeout', '6s')
  t.is(run.exit, 1)
  t.like(brokers[0], { pid: started.pid, isAnswering: false, problem: { code: 'handshake.timeout' } })
})

test('mac discover: a home that something points to is shown when a broker runs there, and only then', async t => {
  const { home } = await startBroker(t)
  const context = { paths: homePaths(temporaryDirectory(t)), isHomeGiven: true, isJson: true }
  const stopped = join(temporaryDirectory(t), 'stopped')
  mkdirSync(stopped)
  const [, , running, empty] = candidates(context, [{ home, by: 'process 7' }, { home: stopped, by: 'process 8' }, { home, by: 'its socket' }])
  t.like(await meet(running!, 30_000), { home, pid: process.pid, isAnswering: true, foundBy: ['process 7', 'its socket'] })
  t.is(await meet(empty!, 30_000), undefined)
})

test('mac discover: a broker whose token is not that of the home is shown with the reason', async t => {
  const { home } = await startBroker(t)
  writeFileSync(join(home, 'token'), 'another\n')
  const { brokers } = await discover(t, home, temporaryDirectory(t))
  t.like(brokers[0], { pid: process.pid, isAnswering: false, problem: { code: 'auth.failed' } })
})

test('mac discover: a home that cannot be looked into is named, or passed over when it was only a hint; the others are shown', async t => {
  const { home } = await startBroker(t)
  const [user, hint] = [temporaryDirectory(t), temporaryDirectory(t)]
  // Reading a directory fails for every user, also for the one who may read everything.
  for (const directory of [join(user, '.callboard'), hint]) mkdirSync(homePaths(directory).pid, { recursive: true })
  const { brokers } = await discover(t, home, user)
  t.deepEqual(brokers.map(({ isAnswering }) => isAnswering), [true, false])
  t.regex(brokers[1]!.problem!.message, /EISDIR/)
  t.truthy(brokers[1]!.problem!.hint)
  const context = { paths: homePaths(home), isHomeGiven: true, isJson: true }
  t.is(await meet(candidates(context, [{ home: hint, by: 'the environment of a process' }]).at(-1)!, 30_000), undefined)
  const run = await runCallboard(t, ['connect'], { tool: 'callboard-mac', home: hint })
  t.is(run.exit, 1)
  t.regex(run.stderr, /^error: .*EISDIR.*\nhint: callboard doctor/)
})
