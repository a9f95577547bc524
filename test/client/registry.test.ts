import test from 'ava'
import type { RegistryChange } from '../../client/index.ts'
import { startBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const retry = { enabled: true, maxRetries: 100, retryDelay: 10 }

const said = ({ event, instance, isInitial }: RegistryChange): string => `${event} ${instance.name} ${instance.version} ${instance.health}${isInitial ? ' initial' : ''}`

test('client registry: a registered client answers requests to its name, changes what it says, and deregisters', async t => {
  const broker = await startBroker(t)
  const [asker, worker] = await Promise.all([broker.connect(), broker.connect({ clientId: 'w1' })])
  const registered = await worker.register<number>({ name: 'square', version: '1.0.0', capabilities: ['maths'], onRequest: message => (message.value < 0 ? message.fail('math.negative', 'only zero and up') : message.respond(message.value ** 2)) })
  t.like(registered.info, { name: 'square', instance: 'w1', version: '1.0.0', reachable: true })
  t.is((await asker.request({ service: 'square' }, 12)).value, 144)
  t.is((await asker.request({ service: 'square', version: '^1', affinity: 'k' }, 3, { headers: { own: 1 } })).value, 9)
  t.is(await errorCode(asker.request({ service: 'square', version: '^2' }, 3)), 'request.no_responders')
  const parts = []
  for await (const { value } of asker.stream({ service: 'square' }, 5)) parts.push(value)
  t.deepEqual(parts, [25])
  t.is(await errorCode(asker.request({ service: 'square' }, -1)), 'request.failed')
  t.like((await asker.registry.show('square')).instances[0], { requests: 4, failures: 1, outstanding: 0 })
  t.like(await registered.update({ version: '2.0.0' }), { version: '2.0.0' })
  t.is((await asker.request({ service: 'square', version: '^2' }, 3)).value, 9)
  await registered.health('draining')
  t.is(await errorCode(asker.request({ service: 'square' }, 3)), 'request.no_responders')
  t.like(await asker.registry.list({ capability: 'maths' }), { total: 1 })
  t.is(await errorCode(asker.registry.negotiate('maths')), 'registry.no_provider')
  await registered.deregister()
  await registered.deregister()
  t.false(registered.isRegistered)
  t.is(await errorCode(asker.registry.show('square')), 'registry.unknown')
  t.is(await errorCode(worker.register({ name: 'a b' })), 'method.bad_params')
})

test('client registry: a watch tells what is there, then each change, and what changed during a restart of the broker', async t => {
  const home = temporaryDirectory(t)
  const first = await startBroker(t, { home })
  const [watcher, stays, leaves] = await Promise.all([first.connect({ retry }), first.connect({ retry, clientId: 'stays' }), first.connect({ clientId: 'leaves' })])
  await stays.register({ name: 'a', version: '1.0.0', onRequest: message => message.respond('here') })
  const changes = watcher.registry.watch()[Symbol.asyncIterator]()
  const next = async (): Promise<string> => said((await changes.next()).value!)
  t.is(await next(), 'joined a 1.0.0 healthy initial')
  const gone = await leaves.register({ name: 'b' })
  t.is(await next(), 'joined b 0.0.0 healthy')
  await gone.health('unhealthy')
  t.is(await next(), 'health b 0.0.0 unhealthy')
  const back = new Promise(resolve => watcher.on('reconnected', resolve))
  await first.broker.stop()
  const second = await startBroker(t, { home })
  await back
  // In whatever order the two come back: b has left, a is there again, and answers.
  const heard = new Set<string>()
  for (let line = await next(); ; line = await next()) {
    heard.add(line)
    if (heard.has('left b 0.0.0 unhealthy') && (await second.connect().then(client => client.registry.list({ name: 'a' }))).total === 1) break
  }
  t.is((await watcher.request({ service: 'a' }, 1, { idempotent: true })).value, 'here')
  await changes.return!()
  t.deepEqual(await changes.next(), { done: true, value: undefined })
})

test('client registry: who leaves a watch reads nothing of it any more, though changes wait', async t => {
  const broker = await startBroker(t)
  const [watcher, worker] = await Promise.all([broker.connect(), broker.connect()])
  const changes = watcher.registry.watch()[Symbol.asyncIterator]()
  await worker.register({ name: 'a' })
  await changes.next()
  await worker.register({ name: 'b' })
  await watcher.registry.list()
  await changes.return!()
  t.deepEqual(await changes.next(), { done: true, value: undefined })
})

test('client registry: a watch of one name hears of no other, and ends with its signal', async t => {
  const broker = await startBroker(t)
  const client = await broker.connect()
  const over = new AbortController()
  const heard: string[] = []
  const watch = (async () => {
    for await (const change of client.registry.watch({ name: 'a.b', signal: over.signal })) {
      heard.push(said(change))
      if (heard.length === 2) over.abort()
    }
  })()
  await client.register({ name: 'a' })
  const wanted = await client.register({ name: 'a.b' })
  await wanted.deregister()
  await watch
  t.deepEqual(heard.at(-1), 'left a.b 0.0.0 healthy')
  t.false(heard.some(line => line.includes(' a 0')))
})

test('client registry: a second handler for a name is refused while the first is there, as both would run for each request', async t => {
  const broker = await startBroker(t)
  const [asker, worker] = await Promise.all([broker.connect(), broker.connect()])
  const answeredBy: string[] = []
  const register = (instance: string): ReturnType<typeof worker.register> => worker.register({ name: 'w', instance, onRequest: message => message.respond(answeredBy.push(instance)) })
  const first = await register('a')
  t.is(await errorCode(register('b')), 'registry.invalid')
  const silent = await worker.register({ name: 'w', instance: 'c' })
  await asker.request({ service: 'w' })
  await asker.request({ service: 'w' })
  t.deepEqual(answeredBy, ['a', 'a'])
  await Promise.all([first.deregister(), silent.deregister()])
  await register('b')
  await asker.request({ service: 'w' })
  t.deepEqual(answeredBy, ['a', 'a', 'b'])
})
