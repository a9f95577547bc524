import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { startCallboard } from '../../support/callboard.ts'
import { fakeTool, type FakeTool } from '../../support/fake-tool.ts'
import { runCallboard, type Run } from '../../support/run-callboard.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const RUNNING = `
  *is-system-running) echo running ;;
  *is-enabled*) echo enabled ;;
  *show*) printf 'ActiveState=active\\nSubState=running\\nMainPID=1\\nNRestarts=2\\nResult=success\\n' ;;`

interface World {
  readonly home: string
  readonly unit: string
  readonly tool: FakeTool
  readonly run: (...words: string[]) => Promise<Run>
}

/** A user with a home directory and a supervisor of their own. */
function world(t: ExecutionContext, name = 'systemctl', answers = RUNNING, folder = '.config/systemd/user/callboard-gateway.service'): World {
  const [user, tool] = [temporaryDirectory(t), fakeTool(t, name, answers)]
  const home = join(user, 'my board')
  return { home, unit: join(user, folder), tool, run: (...words) => runCallboard(t, ['service', ...words], { home, env: { HOME: user, XDG_CONFIG_HOME: '', PATH: tool.path } }) }
}

test('service: install writes the unit, enables and starts it; again it changes nothing; uninstall takes it away', async t => {
  const { home, unit, tool, run } = world(t)
  mkdirSync(home)
  writeFileSync(join(home, 'token'), 'very-secret\n')
  const installed = await run('install')
  t.deepEqual([installed.exit, installed.stderr], [0, ''])
  t.true(installed.stdout.startsWith(`installed ${unit}; the broker was started\n`))
  t.deepEqual(tool.calls(), ['--user is-system-running', '--user daemon-reload', '--user enable callboard-gateway.service', '--user start callboard-gateway.service'])
  const text = readFileSync(unit, 'utf8')
  t.true(text.includes(` --home "${home}" start\n`))
  t.false(text.includes('very-secret'))
  t.is((await run('install')).stdout, `${unit} is as it should be\n`)
  t.is(readFileSync(unit, 'utf8'), text)
  tool.calls()
  t.is((await run('uninstall')).stdout, `removed ${unit}; the home stays\n`)
  t.deepEqual(tool.calls(), ['--user is-system-running', '--user disable --now callboard-gateway.service', '--user daemon-reload'])
  t.false(existsSync(unit))
  t.deepEqual(await run('uninstall'), { exit: 0, stdout: `there is no ${unit}\n`, stderr: '' })
})

test('service: a unit that differs is shown and kept, until --force', async t => {
  const { home, unit, run } = world(t)
  mkdirSync(home)
  const config = join(home, 'other.json')
  writeFileSync(config, '{}')
  t.is((await run('install')).exit, 0)
  const kept = readFileSync(unit, 'utf8')
  const refused = await run('install', '--config', config)
  t.is(refused.exit, 1)
  t.true(refused.stderr.includes(`start --config "${config}"`) && refused.stderr.includes('(service.differs)'), refused.stderr)
  t.is(readFileSync(unit, 'utf8'), kept)
  t.true((await run('install', '--config', config, '--force')).stdout.startsWith(`replaced ${unit}`))
  t.true(readFileSync(unit, 'utf8').includes(`start --config "${config}"`))
  writeFileSync(unit, '[Service]\nExecStart=/bin/true\n')
  t.regex((await run('uninstall')).stderr, /was not written by callboard service install/)
  t.true(existsSync(unit))
})

test('service: --dry-run shows everything and changes nothing', async t => {
  const { home, unit, tool, run } = world(t)
  const { exit, stdout } = await run('install', '--dry-run')
  t.is(exit, 0)
  t.true(stdout.startsWith(`# ${unit}\n`) && stdout.endsWith('systemctl --user start callboard-gateway.service\n'), stdout)
  t.regex((await run('install', '--dry-run', '--system', '--run-as', 'daemon')).stdout, /^# \/etc\/systemd\/system\/callboard-gateway\.service\n[^]*^User=daemon$/m)
  t.deepEqual([tool.calls(), existsSync(unit), existsSync(home)], [[], false, false])
})

test('service: without the supervisor it is refused by name, with the unit for whoever installs it by hand', async t => {
  const { unit, run } = world(t, 'systemctl', '*is-system-running) echo offline; exit 1 ;;')
  const refused = await run('install')
  t.is(refused.exit, 1)
  t.true(refused.stderr.startsWith(`# ${unit}\n# callboard service `))
  t.regex(refused.stderr, /^error: no service can be installed here: systemd does not run here: offline \(service\.no_supervisor\)$/m)
  t.false(existsSync(unit))
})

test('service: what the supervisor refuses is passed on', async t => {
  const { run } = world(t, 'systemctl', `${RUNNING}\n  *enable*) echo 'Access denied' >&2; exit 4 ;;`)
  t.regex((await run('install')).stderr, /^error: systemctl --user enable callboard-gateway\.service failed: Access denied \(service\.failed\)/m)
})

test('service: a wrong configuration, a user for a service of one user, and a home that a broker has are refused before anything is written', async t => {
  const broker = await startCallboard(t)
  const down = RUNNING.replace('ActiveState=active', 'ActiveState=inactive')
  const { home, unit, run, tool } = world(t, 'systemctl', down)
  mkdirSync(home)
  writeFileSync(join(home, 'config.json'), '{ "ipc": { "timeut": 5 } }')
  t.is((await run('install')).exit, 2)
  t.regex((await run('install', '--run-as', 'board')).stderr, /--run-as is for a service of the machine/)
  const held = await runCallboard(t, ['service', 'install'], { home: broker.home, env: { HOME: home, XDG_CONFIG_HOME: '', PATH: tool.path } })
  t.is(held.exit, 3)
  t.regex(held.stderr, new RegExp(`is held by process ${broker.started.pid} `))
  t.false(existsSync(unit))
})

test('service: status says what is installed, whether it is up to date, and which broker has the home', async t => {
  const { home, unit, run } = world(t)
  const absent = await run('status')
  t.is(absent.exit, 1)
  t.true(absent.stdout.includes(`no, ${unit} is not there`))
  await run('install')
  const { stdout, exit } = await run('status')
  t.is(exit, 0)
  for (const line of [/^up to date +yes$/m, /^enabled +yes$/m, /^state +active \(running\), 2 restarts$/m, /^broker +does not run$/m]) t.regex(stdout, line)
  writeFileSync(unit, readFileSync(unit, 'utf8').replace('Restart=on-failure', 'Restart=no'))
  const changed = await run('status')
  t.regex(changed.stdout, /^up to date +no$/m)
  t.true(changed.stderr.includes('- Restart=no\n+ Restart=on-failure'), changed.stderr)
  t.like(JSON.parse((await run('status', '--json')).stdout), { installed: true, current: false, running: true, home })
})

test('service: launchd is told the same with its own words', async t => {
  const { home, unit, tool, run } = world(t, 'launchctl', "  bootout*) echo 'No such process' >&2; exit 3 ;;\n  *callboard-gateway) printf '\\tstate = running\\n\\tpid = 77\\n' ;;", 'Library/LaunchAgents/callboard-gateway.plist')
  t.is((await run('install', '--supervisor', 'launchd')).exit, 0)
  const domain = `gui/${process.getuid!()}`
  t.deepEqual(tool.calls(), [`print ${domain}`, `bootout ${domain}/callboard-gateway`, `enable ${domain}/callboard-gateway`, `bootstrap ${domain} ${unit}`])
  t.true(readFileSync(unit, 'utf8').includes(`<string>${home}</string>`))
  t.regex((await run('status', '--supervisor', 'launchd')).stdout, /^state +running$/m)
  t.is((await run('uninstall', '--supervisor', 'launchd')).exit, 0)
})
