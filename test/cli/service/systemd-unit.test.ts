import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { markedChoice, serviceSpec, type ServiceSpec } from '../../../cli/service/service-spec.ts'
import { systemdUnit } from '../../../cli/service/systemd-unit.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const odd = '/srv/100% "my" $HOME\'s b\\oard'
const spec = (more: Partial<ServiceSpec> = {}): ServiceSpec => ({ scope: 'system', home: '/srv/board', command: ['/usr/bin/node', '/opt/callboard/bin/callboard.mjs', '--home', '/srv/board', 'start'], path: '/usr/bin', ...more })
const lines = (text: string, key: string): string[] => text.split('\n').filter(line => line.startsWith(`${key}=`))

test('systemd unit: paths with spaces, quotes, % and $ are escaped as systemd reads them', t => {
  const unit = systemdUnit(spec({ home: odd, command: ['/usr/bin/node', '--home', odd] }))
  t.deepEqual(lines(unit, 'ExecStart'), [String.raw`ExecStart=:/usr/bin/node --home "/srv/100%% \"my\" $HOME's b\\oard"`])
  t.deepEqual(lines(unit, 'WorkingDirectory'), [String.raw`WorkingDirectory=-/srv/100%% "my" $HOME's b\oard`])
})

test('systemd unit: the scope decides who runs it, when it starts, and what it may not see', t => {
  const system = systemdUnit(spec({ account: 'board' }))
  t.deepEqual([lines(system, 'User'), lines(system, 'WantedBy'), lines(system, 'ProtectSystem')], [['User=board'], ['WantedBy=multi-user.target'], ['ProtectSystem=full']])
  const user = systemdUnit(spec({ scope: 'user' }))
  t.deepEqual([lines(user, 'User'), lines(user, 'WantedBy'), lines(user, 'ProtectSystem')], [[], ['WantedBy=default.target'], []])
})

test('systemd unit: what agents in sandboxes need is not taken from them', t => {
  const unit = systemdUnit(spec())
  t.deepEqual(lines(unit, 'Delegate'), ['Delegate=yes'])
  for (const key of ['RestrictNamespaces', 'MemoryDenyWriteExecute', 'ProtectKernelTunables', 'ProtectProc', 'PrivateUsers', 'SystemCallFilter', 'ProtectControlGroups', 'RestrictAddressFamilies']) t.deepEqual(lines(unit, key), [], key)
})

test('systemd unit: the choices that it was made of can be read from it', t => {
  const choice = { home: odd, config: '/etc/board.yaml', account: 'board' }
  t.deepEqual(markedChoice(systemdUnit(spec(choice))), choice)
  for (const text of ['', '[Unit]\n', '# callboard service {', '# callboard service {"home":7}']) t.is(markedChoice(text), undefined)
})

test('service: what no unit can hold is refused', t => {
  for (const home of ['/a\nb', '/a ', '/a\\']) t.throws(() => serviceSpec('user', { home }), { message: /^no unit can hold the path/ })
  t.is(serviceSpec('user', { home: '/a' }).command.at(-1), 'start')
})

const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0

;(hasAnalyze ? test : test.skip)('systemd unit: systemd-analyze finds nothing to complain of', t => {
  const directory = temporaryDirectory(t)
  // It looks for the program and the account.
  const command = [process.execPath, '--home', odd]
  for (const [scope, account] of [['system', 'daemon'], ['user', undefined]] as const) {
    const file = join(directory, 'callboard-gateway.service')
    writeFileSync(file, systemdUnit(spec({ scope, account, home: odd, command })))
    // Without an argument of its own a user's unit is read as the system's: the same keys.
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
    t.deepEqual([status, stderr.split('\n').filter(line => line.includes('callboard'))], [0, []])
    writeFileSync(file, 'Nonsense=\n[Service]\nExecStart=relative\n')
    t.throws(() => execFileSync('systemd-analyze', ['verify', file], { stdio: 'ignore' }), undefined, 'it does complain')
  }
})
