// The service as a real systemd runs it: it waits until the broker answers, starts it again, reads the configuration anew, and ends it in order.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { homePaths } from '../../broker/ground/home.ts'
import { findHolder } from '../../broker/ground/home-lock.ts'
import { connect } from '../../client/index.ts'
import { runCallboard, type Run } from '../support/run-callboard.ts'
import { noSystemd, startSystemd } from '../support/systemd.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { isThere, until } from '../support/until.ts'

const systemdTest = noSystemd === undefined ? test : test.skip
const NAME = 'callboard-gateway.service'

systemdTest(`service: systemd starts the broker, starts it again when it dies or hangs, and ends it in order${noSystemd === undefined ? '' : ` (left out: ${noSystemd})`}`, async t => {
  const { through, env } = await startSystemd(t)
  // What a shell, a specifier or a variable would take for its own.
  const home = join(temporaryDirectory(t), '100% my $HOME')
  const paths = homePaths(home)
  mkdirSync(home)
  const config = (more: object): void => writeFileSync(join(home, 'config.json'), JSON.stringify({ gateway: { enabled: false }, nats: { enabled: true, port: 0 }, ...more }))
  config({})
  const run = (...words: string[]): Promise<Run> => runCallboard(t, words, { home, through, env })
  const systemctl = (...words: string[]): string => execFileSync(through[0]!, [...through.slice(1), 'systemctl', '--user', ...words], { encoding: 'utf8', env: { ...process.env, ...env } })
  const pidNow = (): number => Number(readFileSync(paths.pid, 'utf8').split('\n', 1)[0])

  const installed = await run('service', 'install')
  t.is(installed.exit, 0, installed.stderr)
  // `systemctl start` has come back, as the broker said that it serves.
  const first = pidNow()
  t.true(systemctl('show', '--property=MainPID,StatusText', NAME).includes(`MainPID=${first}\nStatusText=serves at ${paths.socket}`))
  t.is((await run('status')).exit, 0)

  const client = await connect({ home, retry: { maxRetries: Infinity } })
  t.teardown(() => client.destroy())
  const killedMs = performance.now()
  process.kill(first, 'SIGKILL')
  while (!(await client.request('$CB.api.ping', {}, { timeoutMs: 30_000, idempotent: true }).then(() => client.welcome.incarnation === 2, () => false)));
  t.log(`kill -9 to the first answer: ${Math.round(performance.now() - killedMs)} ms`)
  t.regex((await run('service', 'status')).stdout, /^state +active \(running\), 1 restarts$/m)

  const parent = pidNow()
  const upgraded = await run('upgrade')
  t.is(upgraded.exit, 0, upgraded.stderr)
  t.not(pidNow(), parent)
  t.true(systemctl('show', '--property=MainPID,ActiveState', NAME).includes(`MainPID=${parent}\nActiveState=active`))
  const elsewhere = await run('restart')
  t.deepEqual([elsewhere.exit, elsewhere.stderr], [1, 'error: systemd runs this broker\nhint: systemctl --user restart callboard-gateway, or without --user where it is a service of the machine\n'])

  config({ principals: [{ name: 'ann', token: 'the-token-of-ann-is-long-enough' }] })
  systemctl('reload', NAME)
  await until(() => connect({ home, principal: 'ann', token: 'the-token-of-ann-is-long-enough', retry: false }).then(ann => ann.close().then(() => true), () => false))

  mkdirSync(join(env['XDG_CONFIG_HOME']!, `systemd/user/${NAME}.d`), { recursive: true })
  writeFileSync(join(env['XDG_CONFIG_HOME']!, `systemd/user/${NAME}.d/quick.conf`), '[Service]\nWatchdogSec=10s\n')
  systemctl('daemon-reload')
  systemctl('restart', NAME)
  const third = pidNow()
  // It is watched, and says often enough that it lives.
  await until(() => Number(/=(\d+)/.exec(systemctl('show', '--property=WatchdogTimestampMonotonic', NAME))?.[1]) - Number(/=(\d+)/.exec(systemctl('show', '--property=ActiveEnterTimestampMonotonic', NAME))?.[1]) > 10_500_000)
  t.is(pidNow(), third)
  process.kill(third, 'SIGSTOP')
  await until(async () => !isThere(third) && (await findHolder(paths)) !== undefined && pidNow() !== third)

  await until(async () => (await run('status')).exit === 0)
  const removed = await run('service', 'uninstall')
  t.is(removed.exit, 0, removed.stderr)
  t.is(await findHolder(paths), undefined)
  t.true(readFileSync(paths.log, 'utf8').trimEnd().endsWith('"reason":"shutdown","msg":"ended"}'))
})
