// docs/nats.md holds: its program runs as printed, its configurations load, and the keys that it names are there.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { configure } from '../../cli/nats-server/configure.ts'
import { parseFlags } from '../../cli/nats-server/flags.ts'
import { connect } from '../../client/index.ts'
import { fromYaml } from '../support/config.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { openReader } from '../support/tour-reader.ts'
import { readTour } from '../support/tour.ts'

const docs = join(import.meta.dirname, '../../docs')
const page = readFileSync(join(docs, 'nats.md'), 'utf8')

/** The code blocks of a language; '' for those that name none. */
const blocks = (language: string): string[] => [...page.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].filter(match => match[1] === language).map(match => match[2]!)

test('nats page: the program of the quick start answers itself', async t => {
  t.timeout(60_000)
  const { home, checkout, session } = openReader(t)
  const program = readTour(page).files.get('orders.ts')!
  t.is((await session.run('npx callboard start --detach')).exit, 0)
  const client = await connect({ home: join(home, '.callboard'), program: 'reader', requestTimeoutMs: 60_000 })
  const { nats } = await client.call('status')
  await client.close()
  writeFileSync(join(checkout, 'orders.ts'), program.replace('nats://127.0.0.1:4222', nats!))
  const { printed, exit } = await session.run('npx node orders.ts')
  t.is(exit, 0, printed)
  t.regex(printed, /^12$/m)
  t.is((await session.run('npx callboard stop')).exit, 0)
})

test('nats page: its configurations load', async t => {
  const yaml = blocks('yaml')
  t.is(yaml.length, 2)
  const [guest, team] = await Promise.all(yaml.map(text => fromYaml(text)))
  t.is(guest!.settings.nats.noAuthUser, guest!.settings.principals[0]!.name)
  t.deepEqual(team!.settings.principals.map(({ name, nkey, tokenFile }) => [name, nkey?.[0], tokenFile?.split('/').at(-1)]), [['sensor', undefined, 'sensor.token'], ['field-team', 'A', undefined]])
})

test('nats page: its file for nats-server is taken whole', t => {
  const [conf, ...others] = blocks('').filter(text => text.startsWith('# broker.conf'))
  t.deepEqual(others, [])
  const file = join(temporaryDirectory(t), 'broker.conf')
  writeFileSync(file, conf!)
  const { options, warnings } = configure(parseFlags(['-c', file]), { ALICE_PASSWORD: 'from-the-environment' })
  t.deepEqual(warnings, [])
  t.like(options, { port: 4222, maxPayloadBytes: 2 * 1024 * 1024 })
  t.is(options.authorization!.users!.length, 2)
  t.is(options.authorization!.users![0]!.password, 'from-the-environment')
})

test('nats page: every key of the configuration that it names is one', t => {
  const keys = readFileSync(join(docs, 'config-keys.md'), 'utf8')
  const named = new Set([...page.matchAll(/`((?:nats|ipc|gateway|telemetry)\.[\w.]+)/g)].map(match => match[1]!))
  t.true(named.size > 15)
  t.deepEqual([...named].filter(key => !keys.includes(`| \`${key}`)), [])
})
