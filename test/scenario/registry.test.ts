// The registry over real sockets: every kind of client registers, is found and answers; instances come and die under load.

import test from 'ava'
import type { RegistryAnswer, RegistryEvent } from '../../broker/ground/registry.ts'
import { BrokerError } from '../../client/index.ts'
import { startBroker } from '../support/broker.ts'
import { startInstance } from '../support/instance-program.ts'
import { joinAs, partyKinds } from '../support/parties.ts'
import { until } from '../support/until.ts'

test('registry: a client of each kind registers, is asked by its name by each other, and deregisters', async t => {
  const broker = await startBroker(t)
  const parties = await Promise.all(partyKinds.map(kind => joinAs(kind, t, broker)))
  const watcher = await broker.connect()
  const events: string[] = []
  await watcher.subscribe<RegistryEvent>('$CB.registry.>', { onMessage: ({ value }) => void events.push(`${value.event} ${value.instance.name}`) }).ready
  for (const [i, kind] of partyKinds.entries()) {
    await parties[i]!.serve(`$CB.to.service.echo.${kind}`, value => ({ value: { by: kind, value } }))
    const registered = await parties[i]!.request('$CB.api.registry.register', { name: `echo.${kind}`, version: '1.2.3', capabilities: ['echo'] })
    t.like(registered.value, { kind: 'service', name: `echo.${kind}`, version: '1.2.3', reachable: true, health: 'healthy' }, JSON.stringify(registered))
  }
  for (const [i, from] of partyKinds.entries()) {
    for (const to of partyKinds) t.deepEqual((await parties[i]!.request(`$CB.to.service.echo.${to}`, 7)).value, { by: to, value: 7 }, `${from} asks ${to}`)
    const { total } = (await parties[i]!.request('$CB.api.registry.list', { capability: 'echo', version: '^1' })).value as RegistryAnswer
    t.is(total, partyKinds.length)
  }
  for (const [i, kind] of partyKinds.entries()) {
    t.deepEqual((await parties[i]!.request('$CB.api.registry.deregister', { name: `echo.${kind}` })).code, undefined)
    t.is((await parties[i]!.request(`$CB.to.service.echo.${kind}`, 7)).code, 'request.no_responders')
  }
  await until(() => events.length === 8)
  t.deepEqual(events, [...partyKinds.map(kind => `joined echo.${kind}`), ...partyKinds.map(kind => `left echo.${kind}`)])
  t.true((await watcher.call('stats')).balanced)
})

test('registry: instances that are killed under load lose no request without a named error, and no other notices', async t => {
  const broker = await startBroker(t)
  const [dying, ...others] = await Promise.all([1, 2, 3].map(() => startInstance(t, broker.home, 'weather')))
  const asker = await broker.connect()
  const watcher = await broker.connect()
  const killWithOpenRequests = async (): Promise<void> => {
    dying!.stop()
    await until(async () => (await watcher.call('registry.list', { name: 'weather' })).instances.some(({ metadata, outstanding }) => metadata['pid'] === String(dying!.pid) && outstanding > 0))
    await dying!.kill()
  }
  const answers = new Map<number, number>()
  const failures: string[] = []
  const total = 2000
  let asked = 0
  let killed: Promise<void> | undefined
  await Promise.all(
    Array.from({ length: 40 }, async () => {
      while (asked < total || killed === undefined) {
        // Later where it has not come to answer anything yet.
        if (++asked >= total / 4 && answers.has(dying!.pid)) killed ??= killWithOpenRequests()
        try {
          const { value: pid } = await asker.request<number>('$CB.to.service.weather')
          answers.set(pid, (answers.get(pid) ?? 0) + 1)
        } catch (error) {
          failures.push(BrokerError.from(error).code)
        }
      }
    }),
  )
  await killed
  const sum = [...answers.values()].reduce((a, b) => a + b, 0)
  t.is(sum + failures.length, asked)
  t.true(answers.get(dying!.pid)! > 0, 'it answered before')
  t.true(failures.length > 0 && failures.length <= 40, `${failures.length} failed: what it had open, at most what was asked at a time`)
  t.deepEqual([...new Set(failures)], ['request.responder_gone'])
  const left = await asker.call('registry.list', { name: 'weather' })
  t.is(left.total, 2)
  t.deepEqual(left.instances.map(({ outstanding, failures: failed }) => [outstanding, failed]), [[0, 0], [0, 0]])
  // How many each gets is its own doing: who answers sooner has the least to do.
  for (const { pid } of others) t.true(answers.get(pid)! > 0)
  const stats = await asker.call('stats')
  t.true(stats.balanced)
})

test('registry: registrations are refused, changed and seen as the methods say', async t => {
  const broker = await startBroker(t, { config: { registry: { services: { weather: { balancing: 'sticky', weights: { '^2': 10 } } } }, gateway: { nodeCapabilities: { tts: { providers: ['node:ios', 'cloud'], required: true }, sensors: { providers: ['node:ios'], required: false } } } } })
  const [client, other] = await Promise.all([broker.connect({ clientId: 'one' }), broker.connect({ clientId: 'two' })])
  const code = async (promise: Promise<unknown>): Promise<string> => promise.then(() => 'resolved', (error: unknown) => BrokerError.from(error).message)
  await client.call('registry.register', { name: 'weather', capabilities: ['tts'], metadata: { place: 'cloud' }, weight: 50 })
  t.like(await client.call('registry.update', { name: 'weather', version: '2.0.0' }), { version: '2.0.0', weight: 50 })
  t.regex(await code(other.call('registry.update', { name: 'weather', weight: 3 })), /^registry\.not_registered/)
  t.regex(await code(other.call('registry.show', { name: 'wether' })), /registry\.unknown.*did you mean weather\?/)
  t.like(await other.call('registry.show', { name: 'weather' }), { subject: '$CB.to.service.weather', balancing: 'sticky', healthy: 1 })
  t.like(await other.call('registry.negotiate', { capability: 'tts' }), { provider: 'cloud', fallback: false })
  t.deepEqual(await other.call('registry.negotiate', { capability: 'sensors' }), { capability: 'sensors', required: false, fallback: false })
  t.like(await client.call('registry.health', { name: 'weather', instance: 'one', health: 'draining' }), { health: 'draining' })
  t.regex(await code(other.call('registry.negotiate', { capability: 'tts' })), /registry\.no_provider.*node:ios, cloud/)
  t.is(await code(other.request('$CB.to.service.weather').then(({ value }) => value)).then(message => message.split(':')[0]), 'request.no_responders')
  t.regex(await code(client.call('registry.health', { name: 'weather', instance: 'gone' })), /registry\.unknown/)
  t.regex(await code(client.call('registry.list', { version: '>>' })), /registry\.bad_version/)
  t.regex(await code(client.call('registry.list', { limit: 0 })), /method\.bad_params.*limit/)
  const node = await broker.joinGateway({ deviceId: 'phone', role: 'node', nodeType: 'ios', capabilities: ['tts'] })
  t.like(await other.call('registry.negotiate', { capability: 'tts' }), { provider: 'node:ios', instance: { name: 'phone', kind: 'node' } })
  node.socket.close()
  await until(async () => (await other.call('registry.list', { kind: 'node' })).total === 0)
})
