import test from 'ava'
import { changed, ofVersion } from '../../agents/agent-change.ts'
import { defaultBackoff, type AgentSettings } from '../../broker/ground/settings.ts'

const settings: AgentSettings = { name: 'weather', command: '/opt/{version}/bin/weather', args: ['--v={version}'], env: { CITY: 'Oslo', BUILD: '{version}-{version}' }, cwd: '/srv/{version}', restart: 'permanent', backoff: defaultBackoff, shutdownMs: 5000 }

test('agent change: what is given changes, variables beside those that are there, and the rest stays', t => {
  t.deepEqual(changed(settings, { command: 'other', args: ['-v'], env: { CITY: 'Bergen', MORE: 'x' } }), { ...settings, command: 'other', args: ['-v'], env: { CITY: 'Bergen', BUILD: '{version}-{version}', MORE: 'x' } })
  t.deepEqual(changed(settings, { version: '2' }), { ...settings, version: '2' })
})

test('agent change: nothing at all is refused, and a version where nothing names one', t => {
  t.throws(() => changed(settings, {}), { code: 'agent.bad_change', message: /nothing is to be changed/ })
  t.throws(() => changed(settings, { env: { CITY: 'x', CALLBOARD_TOKEN: 'x', CALLBOARD_HOME: 'y' } }), { code: 'agent.bad_change', message: /the broker itself sets CALLBOARD_TOKEN, CALLBOARD_HOME / })
  const plain = { ...settings, command: 'weather', args: [], env: {}, cwd: undefined }
  t.throws(() => changed(plain, { version: '2' }), { code: 'agent.bad_change', message: /\{version\}/ })
  t.is(changed(plain, { version: '2', args: ['{version}'] }).version, '2')
})

test('agent change: {version} is its version wherever it stands, and itself where there is none', t => {
  t.like(ofVersion({ ...settings, version: '2.1' }), { command: '/opt/2.1/bin/weather', args: ['--v=2.1'], cwd: '/srv/2.1', env: { CITY: 'Oslo', BUILD: '2.1-2.1' } })
  t.is(ofVersion(settings), settings)
})
