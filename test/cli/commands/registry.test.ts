import test from 'ava'
import { startBroker } from '../../support/broker.ts'

/** For answers, to which the command line gives 5 s. */
const PATIENCE = ['--timeout', '1m']

test.serial('registry: ls, show, negotiate and health say who answers under which name', async t => {
  const broker = await startBroker(t)
  const { callboard } = broker
  t.regex((await callboard.run('registry', 'ls')).stdout, /^no instance is registered; programs register/)
  const client = await broker.connect({ clientId: 'w1' })
  await client.register({ name: 'weather', version: '2.1.0', capabilities: ['forecast'], metadata: { zone: 'eu' }, endpoints: [{ name: 'page', url: 'http://x/' }] })
  const [title, row] = (await callboard.run('registry', 'ls')).stdout.split('\n')
  t.regex(title!, /^NAME +KIND +VERSION +INSTANCE +HEALTH +VIA +AGE +OPEN +REQUESTS +FAILED +CAPABILITIES$/)
  t.regex(row!, /^weather +service +2\.1\.0 +w1 +healthy +unix, conn-\d+ +\S.* +0 +0 +0 +forecast$/)
  t.is((await callboard.run('registry', 'ls', '--range', '^1')).stdout, 'no instance is such\n')
  t.is(((await callboard.json('registry', 'ls', '--metadata', 'zone=eu', '--metadata', 'zone=eu')) as { total: number }[])[0]!.total, 1)
  const shown = (await callboard.run('registry', 'show', 'weather')).stdout
  t.regex(shown, /requests to +\$CB\.to\.service\.weather/)
  t.regex(shown, /w1 +zone=eu, page: http:\/\/x\//)
  const missing = await callboard.run('registry', 'show', 'wether')
  t.is(missing.exit, 1)
  t.regex(missing.stderr, /nothing is registered as "wether".*\n.*did you mean weather\?/)
  t.is((await callboard.run('registry', 'negotiate', 'forecast')).stdout, 'forecast: weather, instance w1\n')
  t.regex((await callboard.run('registry', 'health', 'weather', 'w1', 'draining')).stdout, /w1 +draining/)
  t.is((await callboard.run('registry', 'negotiate', 'forecast')).exit, 1)
  t.is((await callboard.run('registry', 'ls', '--range', 'newest')).exit, 1)
})

test.serial('registry: ipc request asks one instance of a name, of a range, and by a key', async t => {
  const broker = await startBroker(t)
  const { callboard } = broker
  for (const version of ['1.0.0', '2.0.0']) await (await broker.connect({ clientId: `v${version[0]}` })).register({ name: 'weather', version, onRequest: message => message.respond(`${version} ${String(message.value)} ${(message.headers?.['affinity'] as string | undefined) ?? ''}`.trim()) })
  t.is((await callboard.run('ipc', 'request', ...PATIENCE, '--service', 'weather', '--range', '^2', '--affinity', 'k', '--message', 'Oslo')).stdout, '2.0.0 Oslo k\n')
  t.is((await callboard.run('ipc', 'request', ...PATIENCE, '--service', 'weather', '--range', '1.x', '--message', 'Oslo')).stdout, '1.0.0 Oslo\n')
  t.regex((await callboard.run('ipc', 'send', '--to', 'service:weather', '--wait', ...PATIENCE, '--message', 'Oslo')).stdout, /^[12]\.0\.0 Oslo\n$/)
  const nobody = await callboard.run('ipc', 'request', ...PATIENCE, '--service', 'weather', '--range', '^3', '--message', 'Oslo')
  t.is(nobody.exit, 1)
  t.regex(nobody.stderr, /request\.no_responders/)
  t.is((await callboard.run('ipc', 'request', '--message', 'x')).exit, 2)
  t.is((await callboard.run('ipc', 'request', '--range', '^1', '--subject', 'a', '--message', 'x')).exit, 2)
  t.is((await callboard.run('ipc', 'request', '--service', 'a b', '--message', 'x')).exit, 2)
})

test.serial('registry: watch prints what is there, and each change, until Ctrl-C', async t => {
  const broker = await startBroker(t)
  const client = await broker.connect({ clientId: 'w1' })
  await client.register({ name: 'a' })
  const watch = broker.callboard.follow('registry', 'watch')
  t.is(await watch.next(), 'there  a  service 0.0.0  w1  healthy')
  const other = await client.register({ name: 'b', instance: 'x' })
  t.is(await watch.next(), 'joined  b  service 0.0.0  x  healthy')
  await other.deregister()
  t.is(await watch.next(), 'left  b  service 0.0.0  x  healthy')
  t.deepEqual(await watch.end('SIGINT'), [0, null])
})
