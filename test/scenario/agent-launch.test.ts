// What agents are started with, and when: secrets of their own that nobody else sees, how much of what they say is logged, schedules.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { secretFolder } from '../../agents/runtime-place.ts'
import { homePaths } from '../../broker/ground/home.ts'
import { startBroker, startBrokerProcess } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { sandboxTest } from '../support/sandbox-features.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

const obedient = join(import.meta.dirname, '../support/obedient-agent.ts')
const quick = { initial: '1ms', max: '1ms', jitter: 0 }

/** Has an agent print what it finds, one line each, and stay. */
const shell = (name: string, program: string, more: object = {}): object => ({ name, command: 'sh', args: ['-c', `${program}; echo told; exec sleep 1000`], restart: 'temporary', backoff: quick, ...more })

sandboxTest('agent secrets: an agent in a sandbox reads its own, not the file they come from, nor those of others', ['Landlock that knows signals (Linux 6.12)'], async t => {
  const directory = temporaryDirectory(t)
  const key = join(directory, 'key')
  writeFileSync(key, 'k3y\n', { mode: 0o600 })
  const sandbox = { level: 'restricted' }
  const look = `cat $KEY_FILE; cat ${key} || echo no original; ls ${directory}; ls $CALLBOARD_HOME/run/secrets || echo no listing; cat $CALLBOARD_HOME/run/secrets/*/* || echo no others`
  const broker = await startBroker(t, { config: { agents: [shell('other', 'true', { secrets: { KEY: key } }), shell('lamp', look, { secrets: { KEY: key }, sandbox, cwd: directory })] } })
  const said = (): string[] => broker.log.records.filter(({ fields }) => fields['actor'] === 'agent.lamp' && fields['stream'] === 'stdout').map(({ text }) => text)
  await until(() => said().includes('told'))
  t.deepEqual(said(), ['k3y', 'no original', 'no listing', 'no others', 'told'])
})

test('agent secrets: a broker that was killed leaves none behind once the next one runs, and agents have theirs again', async t => {
  const home = temporaryDirectory(t)
  const key = join(home, 'key')
  writeFileSync(key, 'a secret of the lamp\n', { mode: 0o600 })
  const config = { agents: [{ name: 'lamp', command: 'node', args: [obedient], backoff: quick, secrets: { KEY: key } }] }
  const copies = (): string[] => readdirSync(secretFolder(home))
  const first = await startBrokerProcess(t, { home, config })
  const client = await first.connect()
  await until(async () => (await errorCode(client.request('$CB.to.agent.lamp', { do: 'pid' }))) === 'resolved')
  const [left] = copies()
  await first.end('SIGKILL')
  t.deepEqual(copies(), [left!])
  const second = await startBroker(t, { home })
  const again = await second.connect()
  await until(async () => (await errorCode(again.request('$CB.to.agent.lamp', { do: 'pid' }))) === 'resolved')
  t.is(copies().length, 1)
  t.not(copies()[0], left)
  const { value: path } = await again.request<string>('$CB.to.agent.lamp', { do: 'variable', text: 'KEY_FILE' })
  t.is(readFileSync(path, 'utf8'), 'a secret of the lamp\n')
  await second.broker.stop()
  t.false(existsSync(path))
  t.notRegex(readFileSync(homePaths(home).log, 'utf8') + JSON.stringify(second.log.records), /a secret of the lamp/)
})

test('agent log level: lines below it are not logged, and the agent is told it', async t => {
  const program = 'echo plain; echo "{\\"level\\":\\"debug\\",\\"msg\\":\\"small\\"}"; echo "{\\"level\\":\\"error\\",\\"msg\\":\\"level $CALLBOARD_LOG_LEVEL\\"}"; echo oops >&2'
  const broker = await startBroker(t, { config: { agents: [shell('quiet', program, { logLevel: 'warn' }), shell('loud', program)] } })
  const said = (name: string): string[] => broker.log.records.filter(({ fields }) => fields['actor'] === `agent.${name}` && fields['stream'] !== undefined).map(({ text }) => text).toSorted()
  await until(() => said('loud').length === 5 && said('quiet').length === 2)
  t.deepEqual(said('loud'), ['level ', 'oops', 'plain', 'small', 'told'])
  t.deepEqual(said('quiet'), ['level warn', 'oops'])
})

test('agent schedule: it is started at its times and not before, again after a crash only, and passed over while it runs', async t => {
  const each = { schedule: '* * * * * *', restart: 'transient', backoff: quick }
  const agents = [
    { name: 'brief', command: 'sh', args: ['-c', 'echo up'], ...each },
    { name: 'long', command: 'sleep', args: ['1000'], ...each },
    { name: 'never', command: 'sh', args: ['-c', 'echo up'], schedule: '@yearly', timeZone: 'Asia/Tokyo', restart: 'temporary' },
  ]
  const broker = await startBroker(t, { config: { agents } })
  const client = await broker.connect()
  const infos = async () => Object.fromEntries((await client.call('agents')).agents.map(agent => [agent.name, agent]))
  const before = (await infos())['never']!
  t.like(before, { phase: 'exited', incarnation: 0 })
  await until(async () => {
    const { brief, long } = await infos()
    return brief!.incarnation >= 2 && long!.schedule!.skipped >= 1
  })
  const { brief, long, never } = await infos()
  t.like(brief, { restarts: 0, lastExit: 'code 0' })
  t.true(brief!.schedule!.next! > brief!.schedule!.last!)
  t.like(long, { phase: 'run', incarnation: 1 })
  t.is(never!.incarnation, 0)
  // Midnight in Tokyo is three in the afternoon of the day before.
  t.regex(new Date(never!.schedule!.next!).toISOString(), /-12-31T15:00:00\.000Z$/)
  t.like(never!.schedule, { pattern: '@yearly', timeZone: 'Asia/Tokyo', skipped: 0 })
  const health = await client.call('health')
  t.is(health.parts.find(({ part }) => part === 'agents')!.state, 'ok')
  const started = broker.log.records.filter(({ text, fields }) => text === 'started by its schedule' && fields['agent'] === 'brief').length
  t.true(started >= 2)
  t.regex((await broker.callboard.run('agent', 'ls')).stdout, /NEXT START.*\n(.*\n)*never .*\d{4}-(12-31|01-01) /)
})
