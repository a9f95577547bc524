import { once } from 'node:events'
import test from 'ava'
import { startBroker } from '../../support/broker.ts'
import { patientHome, startCallboard } from '../../support/callboard.ts'

test('inspection: status, tree and doctor of a broker that runs', async t => {
  const broker = await startCallboard(t, { home: patientHome(t) })
  t.regex((await broker.run('status')).stdout, new RegExp(`^pid +${broker.started.pid}$`, 'm'))
  t.like((await broker.json('status'))[0], { pid: broker.started.pid, home: broker.home, phase: 'run' })
  t.regex((await broker.run('tree')).stdout, /^ACTOR +PHASE +INCARNATION +RESTARTS +AGE +MAILBOX +DETAIL\n/)
  const doctor = await broker.run('doctor')
  t.is(doctor.exit, 0, doctor.stdout)
  // It warns of one that takes long, as it may here.
  t.regex(doctor.stdout, /^(?:ok|warn) +broker +answers principal "owner"/m)
})

test('inspection: tree --watch draws until Ctrl-C, exit code 0', async t => {
  const broker = (await startBroker(t)).callboard
  const watch = broker.follow('tree', '--watch', '--json')
  for (let n = 0; n < 2; n++) t.like(JSON.parse(await watch.next()), { phase: 'run', incarnation: 1 })
  t.deepEqual(await watch.end('SIGINT'), [0, null])
})

test('inspection: tree --watch says that the broker is gone, and goes on with the next one', async t => {
  const broker = await startCallboard(t, { home: patientHome(t) })
  const watch = broker.follow('tree', '--watch', '--json')
  t.like(JSON.parse(await watch.next()), { detail: `0.1.0, pid ${broker.started.pid}` })
  const [said, exit] = [once(watch.process.stderr!, 'data'), once(broker.process, 'exit')]
  broker.process.kill('SIGTERM')
  t.regex(String((await said)[0]), /the broker is gone; waiting for it to come back/)
  // Its connections are gone before it leaves the home to the next one.
  await exit
  const next = await startCallboard(t, { home: broker.home })
  let shown = ''
  while (!shown.includes(`pid ${next.started.pid}`)) shown = await watch.next()
  t.deepEqual(await watch.end('SIGINT'), [0, null])
})

test('inspection: connections, all and one, short and whole', async t => {
  const local = await startBroker(t)
  const broker = local.callboard
  await local.connect({ clientId: 'sensor-7', program: 'sensor' })
  t.regex((await broker.run('ipc', 'connections')).stdout, /^conn-\d+ +sensor-7 +sensor +owner +run/m)
  t.regex((await broker.run('ipc', 'connections', '--verbose')).stdout, new RegExp(`^peer +unix, pid ${process.pid}, uid `, 'm'))
  const [{ connections }] = (await broker.json('ipc', 'connections', '--id', 'sensor-7')) as [{ connections: { id: string }[] }]
  t.is(connections.length, 1)
  t.regex((await broker.run('ipc', 'connections', '--id', connections[0]!.id)).stdout, /^client +sensor-7$/m)
  const unknown = await broker.run('ipc', 'connections', '--id', 'conn-999')
  t.is(unknown.exit, 1)
  t.regex(unknown.stderr, /no connection "conn-999"/)
})

test('inspection: channels are created, listed, shown and deleted', async t => {
  const broker = (await startBroker(t)).callboard
  t.is((await broker.run('ipc', 'channel', 'create', '--name', 'custom', '--mode', 'pubsub')).stdout, 'created channel custom (pubsub)\n')
  const again = await broker.run('ipc', 'channel', 'create', '--name', 'custom')
  t.is(again.exit, 1)
  t.regex(again.stderr, /channel\.exists.*\nhint: callboard ipc channel list/)
  const list = (await broker.run('ipc', 'channel', 'list')).stdout
  for (const name of ['command', 'events', 'status', 'agent', 'gateway', 'custom']) t.regex(list, new RegExp(`^${name} `, 'm'))
  t.regex((await broker.run('ipc', 'channel', 'show', '--name', 'custom')).stdout, /^mode +pubsub$/m)
  t.regex((await broker.run('ipc', 'channel', 'show', '--name', 'custm')).stderr, /did you mean "custom"\?/)
  t.is((await broker.run('ipc', 'channel', 'delete', '--name', 'custom')).exit, 0)
  t.regex((await broker.run('ipc', 'channel', 'delete', '--name', 'events')).stderr, /channel\.predefined/)
})

test('inspection: trace shows the way of a message, with its text once enabled', async t => {
  const broker = (await startBroker(t)).callboard
  await broker.run('ipc', 'publish', '--channel', 'command', '--message', 'before')
  t.regex((await broker.run('ipc', 'trace', '--show')).stdout, / command /)
  t.is((await broker.run('ipc', 'trace', '--enable')).exit, 0)
  const follower = broker.follow('ipc', 'trace', '--channel', 'command', '--follow', '--json')
  t.like(JSON.parse(await follower.next()), { subject: 'command', kind: 'publish' })
  await broker.run('ipc', 'publish', '--channel', 'command', '--message', 'after')
  t.like(JSON.parse(await follower.next()), { subject: 'command', preview: 'after' })
  t.deepEqual(await follower.end('SIGINT'), [0, null])
  t.is((await broker.run('ipc', 'trace', '--disable')).exit, 0)
})

test('inspection: stats balance, metrics and latency have numbers, agents are listed', async t => {
  const broker = (await startBroker(t)).callboard
  await broker.run('ipc', 'publish', '--channel', 'command', '--message', 'x')
  t.regex((await broker.run('ipc', 'stats')).stdout, /^dropped: no-interest +1$[^]*balanced: every accepted message/m)
  t.true(Object.values((await broker.json('ipc', 'metrics'))[0] as object).every(value => typeof value === 'number'))
  t.regex((await broker.run('ipc', 'metrics')).stdout, /^METRIC +VALUE\n/)
  const first = await broker.run('ipc', 'latency')
  t.regex(first.stdout, /^WHAT +COUNT +P50 +P95 +P99 +MAX\ndelivery .+\nevent loop( +-){5}\n$/)
  t.is(first.stderr, 'the event loop is measured from now on; ask again\n')
  t.regex((await broker.run('agents')).stdout, /^no agents/)
})
