import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { DesiredState, differences } from '../../agents/desired-state.ts'
import { defaultBackoff, type AgentSettings } from '../../broker/ground/settings.ts'
import { recordedLog } from '../support/recorded-log.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const configured: AgentSettings = { name: 'weather', command: 'weather', args: [], env: { CITY: 'Oslo' }, cwd: undefined, restart: 'permanent', backoff: defaultBackoff, shutdownMs: 5000 }

test('desired state: what was changed holds in the next run, in a file for its owner alone', t => {
  const path = join(temporaryDirectory(t), 'fleet.json')
  const log = recordedLog()
  const changed = { ...configured, instances: 3, version: '2', env: { CITY: 'Bergen' } }
  new DesiredState(path, log).keep(configured, changed)
  t.is(statSync(path).mode & 0o777, 0o600)
  t.deepEqual(new DesiredState(path, log).apply(configured), changed)
  t.deepEqual(new DesiredState(path, log).apply({ ...configured, name: 'other' }), { ...configured, name: 'other' })
})

test('desired state: what the configuration says instead goes before it, what else it changes of the agent does not', t => {
  const path = join(temporaryDirectory(t), 'fleet.json')
  const log = recordedLog()
  const desired = new DesiredState(path, log)
  desired.keep(configured, { ...configured, instances: 3 })
  t.is(desired.apply({ ...configured, shutdownMs: 9000 }).instances, 3)
  t.is(desired.apply({ ...configured, shutdownMs: 9000 }).shutdownMs, 9000)
  for (const more of [{ instances: 2 }, { command: 'other' }, { version: '1' }, { args: ['-v'] }, { env: {} }]) t.deepEqual(desired.apply({ ...configured, ...more }), { ...configured, ...more })
})

test('desired state: who is as configured again is forgotten', t => {
  const path = join(temporaryDirectory(t), 'fleet.json')
  const log = recordedLog()
  const desired = new DesiredState(path, log)
  desired.keep(configured, { ...configured, instances: 3 })
  desired.keep(configured, { ...configured, instances: 1 })
  t.is(readFileSync(path, 'utf8'), '{}\n')
  t.deepEqual(differences(configured, { ...configured, instances: 1 }), [])
  t.deepEqual(differences(configured, { ...configured, instances: 2, version: '3' }), ['instances', 'version'])
})

test('desired state: instances that were asked for before the agent got a schedule are left out', t => {
  const path = join(temporaryDirectory(t), 'fleet.json')
  const log = recordedLog()
  const desired = new DesiredState(path, log)
  desired.keep(configured, { ...configured, instances: 3, version: '2' })
  const scheduled = { ...configured, schedule: { pattern: '@daily', timeZone: 'UTC' } }
  t.deepEqual(desired.apply(scheduled), { ...scheduled, version: '2' })
})

test('desired state: a file that cannot be read changes nothing, is told and put aside; one that is missing is nothing to tell', t => {
  const path = join(temporaryDirectory(t), 'fleet.json')
  for (const text of ['', '{"weather":', '[]', '7', 'null']) {
    const log = recordedLog()
    writeFileSync(path, text)
    t.deepEqual(new DesiredState(path, log).apply(configured), configured, text)
    t.is(readFileSync(`${path}.damaged`, 'utf8'), text)
    t.false(existsSync(path))
    t.like(log.records, { 0: { level: 'error', fields: { file: path, aside: `${path}.damaged` } }, length: 1 })
    t.is(new DesiredState(path, log).apply(configured), configured)
    t.is(log.records.length, 1)
  }
})

test('desired state: an entry that makes no sense is told by name and stays in a copy, the others hold', t => {
  const path = join(temporaryDirectory(t), 'fleet.json')
  const log = recordedLog()
  new DesiredState(path, log).keep(configured, { ...configured, instances: 3 })
  for (const entry of [{}, null, { base: 'x', desired: { instances: -1 } }]) {
    const text = JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), lamp: entry })
    writeFileSync(path, text)
    const told = recordedLog()
    t.is(new DesiredState(path, told).apply(configured).instances, 3)
    t.is(readFileSync(`${path}.damaged`, 'utf8'), text)
    t.regex(String(told.records[0]!.fields['problem']), /of lamp makes/)
  }
})

test('desired state: a file that cannot be written says so and leaves what was', t => {
  const path = join(temporaryDirectory(t), 'fleet.json')
  const log = recordedLog()
  const desired = new DesiredState(path, log)
  desired.keep(configured, { ...configured, instances: 3 })
  mkdirSync(`${path}.new`)
  t.throws(() => desired.keep(configured, { ...configured, instances: 4 }), { code: 'home.unusable' })
  t.is(desired.apply(configured).instances, 3)
})
