import test from 'ava'
import { startBroker } from '../support/broker.ts'
import { take, values } from '../support/collect.ts'

test('publish and subscribe: each pattern gets what it matches, in order, and once', async t => {
  const broker = await startBroker(t)
  const [publisher, subscriber] = await Promise.all([broker.connect(), broker.connect()])
  const exact = subscriber.subscribe('house.kitchen.light')
  const oneToken = subscriber.subscribe('house.*.light')
  const rest = subscriber.subscribe('house.>')
  await Promise.all([exact.ready, oneToken.ready, rest.ready])
  const subjects = ['house', 'house.kitchen', 'house.kitchen.light', 'house.hall.light', 'house.hall.light.bulb', 'garden.hall.light']
  for (const subject of subjects) await publisher.publish(subject, subject)
  await publisher.publish('house.end', 'end')
  t.deepEqual(await values(rest, 5), ['house.kitchen', 'house.kitchen.light', 'house.hall.light', 'house.hall.light.bulb', 'end'])
  // The last one has arrived, and order holds: the others got all that they will get.
  t.deepEqual(await values(oneToken, oneToken.unread), ['house.kitchen.light', 'house.hall.light'])
  t.deepEqual(await values(exact, exact.unread), ['house.kitchen.light'])
})

test('publish and subscribe: a receipt tells how many it went to', async t => {
  const broker = await startBroker(t)
  const publisher = await broker.connect()
  t.deepEqual(await publisher.publish('news.today', 1, { receipt: true }), { receivers: 0 })
  const readers = await Promise.all([broker.connect(), broker.connect(), broker.connect()])
  await Promise.all(readers.map(reader => reader.subscribe('news.>').ready))
  t.deepEqual(await publisher.publish('news.today', 2, { receipt: true }), { receivers: 3 })
})

test('publish and subscribe: every member of a group gets some, each message goes to one', async t => {
  const broker = await startBroker(t)
  const publisher = await broker.connect()
  const seen: number[][] = [[], [], []]
  let total = 0
  const complete = Promise.withResolvers<void>()
  for (const own of seen) {
    const worker = await broker.connect()
    const onMessage = ({ value }: { value: number }): void => {
      own.push(value)
      if (++total === 300) complete.resolve()
    }
    await worker.subscribe<number>('jobs.>', { group: 'workers', onMessage }).ready
  }
  const audit = (await broker.connect()).subscribe<number>('jobs.>')
  await audit.ready
  for (let i = 0; i < 300; i++) await publisher.publish(`jobs.${i % 7}`, i)
  await complete.promise
  t.deepEqual(seen.flat().sort((a, b) => a - b), Array.from({ length: 300 }, (_, i) => i))
  t.true(seen.every(own => own.length > 0), `shares ${seen.map(own => own.length).join(', ')}`)
  t.is((await take(audit, 300)).length, 300)
})

test('publish and subscribe: a member that leaves takes no more of its group\'s messages', async t => {
  const broker = await startBroker(t)
  const [publisher, first, second] = await Promise.all([broker.connect(), broker.connect(), broker.connect()])
  const leaving = first.subscribe('jobs', { group: 'workers' })
  const staying = second.subscribe('jobs', { group: 'workers' })
  await Promise.all([leaving.ready, staying.ready])
  await leaving.unsubscribe()
  for (let i = 0; i < 10; i++) t.deepEqual(await publisher.publish('jobs', i, { receipt: true }), { receivers: 1 })
  t.deepEqual(await values(staying, 10), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('publish and subscribe: filters look into payload, envelope and headers', async t => {
  const broker = await startBroker(t, { config: { channels: [{ name: 'weather' }] } })
  const publisher = await broker.connect({ clientId: 'station' })
  const wanted: Record<string, number[]> = {
    'type=status': [1, 4, 5],
    'cpu.load>0.9': [2, 4, 5],
    '@sender=station && @subject^=weather.b': [2, 5],
    '@sender=other': [],
    '#region=north': [3, 5],
    '@type=event && type': [1, 3, 4, 5],
  }
  // The broker applies the filters: each has a connection of its own.
  const subscriptions = await Promise.all(
    Object.keys(wanted).map(async filter => {
      const subscription = (await broker.connect()).subscribe<{ n: number }>('weather.>', { filter })
      await subscription.ready
      return subscription
    }),
  )
  await publisher.publish('weather.a', { n: 1, type: 'status', cpu: { load: 0.5 } })
  await publisher.publish('weather.b', { n: 2, cpu: { load: 0.95 } })
  await publisher.publish('weather.c', { n: 3, type: 'other' }, { headers: { region: 'north' } })
  await publisher.publish('weather.d', { n: 4, type: 'status', cpu: { load: 1 } }, { json: true, headers: { region: 'south' } })
  await publisher.publish('weather.e', 'not an object')
  await publisher.publish('weather.b', { n: 5, type: 'status', cpu: { load: 2 } }, { headers: { region: 'north' } })
  const numbers = await Promise.all(subscriptions.map(async (subscription, i) => (await values(subscription, Object.values(wanted)[i]!.length)).map(({ n }) => n)))
  t.deepEqual(numbers, Object.values(wanted))
  // Each got what passed and nothing besides.
  t.like(await publisher.channels.show('weather'), { accepted: 6, delivered: numbers.flat().length, dropped: 1 })
})

test('publish and subscribe: several filters of one client each get their own', async t => {
  const broker = await startBroker(t)
  const [publisher, client] = await Promise.all([broker.connect(), broker.connect()])
  const status = client.subscribe<{ n: number }>('weather.>', { filter: 'type=status' })
  const hot = client.subscribe<{ n: number }>('weather.*', { filter: 'heat>30' })
  await Promise.all([status.ready, hot.ready])
  await publisher.publish('weather.a', { n: 1, type: 'status', heat: 20 })
  await publisher.publish('weather.a', { n: 2, type: 'other', heat: 40 })
  await publisher.publish('weather.a', { n: 3, type: 'other', heat: 10 })
  await publisher.publish('weather.a', { n: 4, type: 'status', heat: 31 })
  t.deepEqual((await values(hot, 2)).map(({ n }) => n), [2, 4])
  t.deepEqual((await values(status, 2)).map(({ n }) => n), [1, 4])
  t.is(status.unread + hot.unread, 0)
})

test('publish and subscribe: without echo a connection does not hear itself, with echo it does', async t => {
  const broker = await startBroker(t)
  const [quiet, loud] = await Promise.all([broker.connect({ echo: false }), broker.connect()])
  const own = quiet.subscribe('talk')
  const all = loud.subscribe('talk')
  const group = quiet.subscribe('talk', { group: 'g' })
  await Promise.all([own.ready, all.ready, group.ready])
  t.deepEqual(await quiet.publish('talk', 'from quiet', { receipt: true }), { receivers: 1 })
  t.deepEqual(await loud.publish('talk', 'from loud', { receipt: true }), { receivers: 3 })
  t.deepEqual(await values(all, 2), ['from quiet', 'from loud'])
  t.deepEqual(await values(own, 1), ['from loud'])
  t.deepEqual(await values(group, 1), ['from loud'])
})

test('publish and subscribe: payloads of every type arrive as they were', async t => {
  const broker = await startBroker(t)
  const [publisher, subscriber] = await Promise.all([broker.connect(), broker.connect()])
  const all = subscriber.subscribe('types')
  await all.ready
  const sent = [new Uint8Array([0, 255, 7]), 'grüß dich', { deep: [1, null, { x: true }] }, 12.5, null, 9_007_199_254_740_991, '']
  for (const value of sent) await publisher.publish('types', value)
  await publisher.publish('types', { as: 'json' }, { json: true })
  const arrived = await values(all, sent.length + 1)
  // What arrives as bytes is a Buffer on Node.
  t.deepEqual(arrived.map(value => (value instanceof Uint8Array ? Uint8Array.from(value) : value)), [...sent, { as: 'json' }])
})
