// A broker under a watchdog: killed, hanging, stopped, and with a watchdog that is killed itself.

import { existsSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { homePaths } from '../../broker/ground/home.ts'
import { connect } from '../../client/index.ts'
import { findWatchdog } from '../../watchdog/record.ts'
import { runCallboard } from '../support/run-callboard.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { isThere, until } from '../support/until.ts'
import { endAfterwards, startWatched } from '../support/watched-broker.ts'

/** `npm run torture` has 50, on a machine that does nothing else: there the longest must stay within a second. */
const ROUNDS = Number(process.env['CALLBOARD_TORTURE_WATCHDOG_KILLS'] ?? 1)
const LONGEST_MS = ROUNDS > 1 ? 1000 : 60_000
/** After this a broker has come up: its death does not delay the next start. ms */
const SETTLES_MS = 2000

// Alone, as it is measured.
test.serial('watchdog: after kill -9 a client of the SDK is answered again within a second, by itself', async t => {
  t.timeout(60_000 + ROUNDS * 20_000)
  const watched = await startWatched(t, { words: ['--watchdog-deaths', '1000'] })
  const client = await connect({ home: watched.home, retry: { maxRetries: Infinity } })
  t.teardown(() => client.destroy())
  let broker = watched.first
  const took: number[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    const servedMs = performance.now()
    if (ROUNDS > 1) await until(() => performance.now() - servedMs > SETTLES_MS)
    const killedMs = performance.now()
    process.kill(broker.pid, 'SIGKILL')
    // Repeated by the SDK until it is answered; one that left in the moment of the kill fails by name.
    while (!(await client.request('$CB.api.ping', {}, { timeoutMs: 30_000, idempotent: true }).then(() => client.welcome.incarnation === round + 1, () => false)));
    took.push(Math.round(performance.now() - killedMs))
    broker = await watched.next()
  }
  t.log(`kill -9 to the first answer: ${took.toSorted((a, b) => a - b).join(' ')} ms`)
  t.true(Math.max(...took) <= LONGEST_MS)
  t.is(findWatchdog(watched.home)!.restarts, ROUNDS)
  t.like(watched.told().find(({ level }) => level === 'warn'), { msg: 'the broker died and is started again', broker: watched.first.pid, how: 'killed by SIGKILL' })
  t.regex((await watched.run('status')).stdout, /^watchdog +pid \d+, has started the broker again .* ago: killed by SIGKILL$/m)
  t.like(await watched.json('status'), [{ pid: broker.pid, watchdog: { pid: watched.process.pid, restarts: ROUNDS } }])
  t.deepEqual(await watched.run('stop'), { exit: 0, stdout: `stopped the broker (pid ${broker.pid}) and its watchdog (pid ${watched.process.pid})\n`, stderr: '' })
  t.deepEqual(await watched.exit, [0, null])
  t.false(existsSync(join(watched.home, 'watchdog.json')))
})

test('watchdog: in the background start returns when the broker answers, restart keeps the watchdog, and what is wrong is said as without one', async t => {
  const home = temporaryDirectory(t)
  endAfterwards(t, home)
  const run = (...words: string[]): ReturnType<typeof runCallboard> => runCallboard(t, words, { home })
  const file = join(home, 'config.json')
  writeFileSync(file, '{ "ipc": { "timeut": 5 } }')
  const refused = await run('start', '--detach', '--watchdog')
  t.is(refused.exit, 2)
  t.regex(refused.stderr, /^error: .*config\.json:1:\d+: .*timeut/)
  writeFileSync(file, '{}')
  t.is((await run('start', '--detach', '--watchdog', '--watchdog-hang', '1m')).exit, 0)
  const before = findWatchdog(home)!.pid
  const second = await run('start', '--watchdog')
  t.is(second.exit, 3)
  t.regex(second.stderr, new RegExp(`^error: the watchdog, process ${before}, has the broker of `))
  t.is((await run('restart')).exit, 0)
  const { pid } = findWatchdog(home)!
  t.false(isThere(before))
  t.true(readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('"hangMs":60000'))
  // A configuration that became wrong would end every start that follows.
  writeFileSync(file, '{ "ipc": { "timeut": 5 } }')
  process.kill(JSON.parse(readFileSync(homePaths(home).pid, 'utf8').split('\n', 1)[0]!) as number, 'SIGKILL')
  await until(() => !isThere(pid))
  t.regex(readFileSync(homePaths(home).out, 'utf8'), /timeut[^]*watchdog: the broker is not started again, how exit code 2, why its command line or configuration is wrong/)
  t.regex((await run('stop')).stderr, /no broker runs in/)
})

test('watchdog: a broker that hangs is killed and started again, one that dies too often is given up', async t => {
  const watched = await startWatched(t, { words: ['--watchdog-hang', '10s', '--watchdog-deaths', '1'] })
  process.kill(watched.first.pid, 'SIGSTOP')
  const second = await watched.next()
  const told = watched.told()
  t.like(told.find(({ level }) => level === 'error'), { msg: 'the broker hangs and is killed', broker: watched.first.pid })
  t.regex(String(told.find(({ level }) => level === 'warn')!['how']), /^hung: silent for \d+ s, killed by the watchdog$/)
  await watched.kill(second)
  t.deepEqual(await watched.exit, [1, null])
  t.regex(watched.output.complaints, /\{"error":\{"code":"watchdog\.gave_up","message":"the broker of .* ended \(killed by SIGKILL\) and is not started again, as it has died 2 times within 60 s/)
})

test('watchdog: a broker that was asked to end is not started again, however it ends', async t => {
  const watched = await startWatched(t)
  process.kill(watched.first.pid, 'SIGSTOP')
  const { stdout, exit } = await watched.run('stop', '--timeout', '100ms', '--force')
  t.deepEqual([exit, stdout], [0, `stopped the broker (pid ${watched.first.pid}) and its watchdog (pid ${watched.process.pid}); it had to be killed\n`])
  t.false(isThere(watched.first.pid))
})

test('watchdog: agents do not hold the line to it; when it is killed the broker goes on, and the next start says who has the home', async t => {
  const home = temporaryDirectory(t)
  writeFileSync(join(home, 'config.json'), JSON.stringify({ agents: [{ name: 'still', command: 'sleep', args: ['1000'] }] }))
  const watched = await startWatched(t, { home })
  // One that did would hide the broker's death.
  const line = readlinkSync(`/proc/${watched.first.pid}/fd/3`)
  t.regex(line, /^socket:/)
  const [{ agents: [agent] }] = (await watched.json('agents')) as [{ agents: [{ pid: number }] }]
  t.false(readdirSync(`/proc/${agent.pid}/fd`).some(fd => readlinkSync(`/proc/${agent.pid}/fd/${fd}`) === line))
  t.false(readFileSync(`/proc/${agent.pid}/environ`, 'utf8').includes('ALIVE'))
  const client = await connect({ home: watched.home, retry: false })
  watched.process.kill('SIGKILL')
  await watched.exit
  await client.call('ping')
  const again = await watched.run('start', '--watchdog')
  t.is(again.exit, 3)
  t.regex(again.stderr, new RegExp(`is held by process ${watched.first.pid}`))
  t.deepEqual(await watched.run('stop'), { exit: 0, stdout: `stopped the broker (pid ${watched.first.pid})\n`, stderr: '' })
})
