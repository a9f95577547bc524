import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { DesiredState, differences } from '../../agents/desired-state.ts'
import { defaultBackoff, type AgentSettings } from '../../broker/ground/settings.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const configured: AgentSettings = { name: 'weather', command: 'weather', args: [], env: { CITY: 'Oslo' }, cwd: undefined, restart: 'permanent', backoff: defaultBackoff, shutdownMs: 5000 }

test('desired state: what was changed holds in the next run, in a file for its owner alone', t => {
  const path = join(temporaryDirectory(t), 'fleet.json')
  const changed = { ...configured, instances: 3, version: '2', env: { CITY: 'Bergen' } }
  new DesiredState(path).keep(configured, changed)
  t.is(statSync(path).mode & 0o777, 0o600)
  t.deepEqual(new DesiredState(path).apply(configured), changed)
  t.deepEqual(new DesiredState(path).apply({ ...configured, name: 'other' }), { ...configured, name: 'other' })
})

test('desired state: what the configuration says instead goes before it, what else it changes of the agent does not', t => {
  const path = join(temporaryDirectory(t), 'fleet.json')
  const desired = new DesiredState(path)
  desired.keep(configured, { ...configured, instances: 3 })
  t.is(desired.apply({ ...configured, shutdownMs: 9000 }).instances, 3)
  t.is(desired.apply({ ...configured, shutdownMs: 9000 }).shutdownMs, 9000)
  for (const more of [{ instances: 2 }, { command: 'other' }, { version: '1' }, { args: ['-v'] }, { env: {} }]) t.deepEqual(desired.apply({ ...configured, ...more }), { ...configured, ...more })
})

test('desired state: who is as configured again is forgotten', t => {
  const path = join(temporaryDirectory(t), 'fleet.json')
  const desired = new DesiredState(path)
  desired.keep(configured, { ...configured, instances: 3 })
  desired.keep(configured, { ...configured, instances: 1 })
  t.is(readFileSync(path, 'utf8'), '{}\n')
  t.deepEqual(differences(configured, { ...configured, instances: 1 }), [])
  t.deepEqual(differences(configured, { ...configured, instances: 2, version: '3' }), ['instances', 'version'])
})

test('desired state: a file of another shape changes nothing, and one that cannot be written says so and leaves what was', t => {
  const path = join(temporaryDirectory(t), 'fleet.json')
  for (const text of ['', '[]', '7', 'null', '{"weather":{}}', '{"weather":{"base":"x","desired":{"instances":-1}}}']) {
    writeFileSync(path, text)
    t.deepEqual(new DesiredState(path).apply(configured), configured, text)
  }
  const desired = new DesiredState(path)
  desired.keep(configured, { ...configured, instances: 3 })
  mkdirSync(`${path}.new`)
  t.throws(() => desired.keep(configured, { ...configured, instances: 4 }), { code: 'home.unusable' })
  t.is(desired.apply(configured).instances, 3)
})
