import test from 'ava'
import { launchOf } from '../../agents/launch.ts'
import { defaultBackoff, type AgentSettings } from '../../broker/ground/settings.ts'

const settings: AgentSettings = { name: 'weather', command: 'python3', args: ['main.py'], env: { CITY: 'Oslo' }, cwd: undefined, restart: 'permanent', backoff: defaultBackoff, shutdownMs: 5000 }
const context = { home: '/home/cb', socket: '/home/cb/callboard.sock', token: 'secret', directory: '/etc/cb' }

test('launch: the environment is PATH, HOME, LANG, the config\'s, and what connects the agent', t => {
  const inherited = { PATH: '/bin', HOME: '/root', LANG: 'C.UTF-8', AWS_SECRET: 'x', NODE_OPTIONS: '--inspect', CALLBOARD_TOKEN: 'owner' }
  t.deepEqual(launchOf(settings, context, inherited), {
    command: 'python3',
    args: ['main.py'],
    directory: '/etc/cb',
    environment: { PATH: '/bin', HOME: '/root', LANG: 'C.UTF-8', CITY: 'Oslo', CALLBOARD_HOME: '/home/cb', CALLBOARD_SOCKET: '/home/cb/callboard.sock', CALLBOARD_SERVICE: 'weather', CALLBOARD_INSTANCE: '1', CALLBOARD_AGENT: 'weather', CALLBOARD_TOKEN: 'secret' },
  })
})

test('launch: the config goes before what is inherited, and behind the agent\'s identity', t => {
  const launch = launchOf({ ...settings, cwd: '/srv', env: { PATH: '/opt/bin', CALLBOARD_AGENT: 'other', CALLBOARD_TOKEN: 'stolen' } }, context, { PATH: '/bin' })
  t.is(launch.directory, '/srv')
  t.deepEqual(launch.environment, { PATH: '/opt/bin', CALLBOARD_HOME: '/home/cb', CALLBOARD_SOCKET: '/home/cb/callboard.sock', CALLBOARD_SERVICE: 'weather', CALLBOARD_INSTANCE: '1', CALLBOARD_AGENT: 'weather', CALLBOARD_TOKEN: 'secret' })
})

test('launch: node is the Node that runs the broker', t => {
  t.is(launchOf({ ...settings, command: 'node' }, context, {}).command, process.execPath)
  t.is(launchOf({ ...settings, command: '/usr/bin/node' }, context, {}).command, '/usr/bin/node')
})

test('launch: what every agent gets stands below its own config, and telemetry is told whose it is', t => {
  const launch = launchOf({ ...settings, env: { OTEL_TRACES_EXPORTER: 'none' } }, { ...context, environment: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a', OTEL_TRACES_EXPORTER: 'otlp' } }, {})
  t.like(launch.environment, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a', OTEL_TRACES_EXPORTER: 'none', OTEL_SERVICE_NAME: 'weather' })
})
