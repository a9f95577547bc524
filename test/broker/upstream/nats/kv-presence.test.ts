import { connectNats } from '../../../support/nats-client.ts'
import { natsTest, startNatsServer } from '../../../support/nats-server.ts'
import { joinPresence, PresentBroker, rejoinPresence, SIGNS } from '../../../support/presence-rig.ts'
import { until } from '../../../support/until.ts'
import { withMoreTime } from '../../../support/with-more-time.ts'

natsTest('kv presence: a client is found by id, agent name and session at the broker that has it, until it leaves', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [one, two] = [await joinPresence(t, url, 'one'), await joinPresence(t, url, 'two')]
  const session = one.connect('lamp-1', { agent: 'lamp' })
  await until(() => two.reach('lamp-1') === '$CB.bus.one.to.client.lamp-1')
  t.is(two.presence.subjectOf('agent', 'lamp'), '$CB.bus.one.to.agent.lamp')
  t.is(two.presence.subjectOf('session', session), `$CB.bus.one.to.session.${session}`)
  t.is(two.presence.holder('client', 'lamp-1'), 'owner')
  t.is(two.presence.remoteClients, 1)
  t.is(one.reach('lamp-1'), undefined, 'who is here is nowhere else')
  t.is(two.reach('lamp-2'), undefined)
  t.is(two.presence.subjectOf('node', 'lamp-1'), undefined)
  t.deepEqual(two.presence.peers().map(({ name }) => name), ['callboard-one'])
  one.leave('lamp-1')
  await until(() => two.reach('lamp-1') === undefined)
  t.is(two.presence.subjectOf('agent', 'lamp'), undefined)
  t.is(two.presence.subjectOf('session', session), undefined)
  t.is(two.presence.remoteClients, 0)
})

natsTest('kv presence: who comes later knows those who were there before, a thousand too', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const one = await joinPresence(t, url, 'one')
  for (let i = 0; i < 1000; i++) one.connect(`c${i}`)
  const probe = await joinPresence(t, url, 'probe')
  await until(() => probe.presence.remoteClients === 1000)
  const two = await joinPresence(t, url, 'two')
  await until(() => two.reach('c999') === '$CB.bus.one.to.client.c999' && two.presence.remoteClients === 1000)
  for (let i = 0; i < 1000; i += 2) one.leave(`c${i}`)
  await until(() => two.presence.remoteClients === 500)
  t.is(two.reach('c0'), undefined)
  t.is(two.reach('c1'), '$CB.bus.one.to.client.c1')
})

natsTest('kv presence: nobody is looked for at a broker that said goodbye, nor at one that gives no sign of life', async t => {
  // On a busy machine whoever lives may not give a sign in time.
  const isTold = await withMoreTime(2000, async ttlMs => {
    const { url } = await startNatsServer(t, { jetStream: true })
    const join = (id: string): Promise<PresentBroker> => joinPresence(t, url, id, { everyMs: 200, ttlMs })
    const [one, two, three] = [await join('one'), await join('two'), await join('three')]
    two.connect('b')
    three.connect('c')
    const there = '$CB.bus.three.to.client.c'
    await until(() => one.reach('b') === '$CB.bus.two.to.client.b' && one.reach('c') === there)
    await two.presence.leave()
    await until(() => one.reach('b') === undefined)
    const doesStay = one.reach('c') === there
    three.presence.close()
    const isUnnoticed = one.reach('c') === there
    await until(() => one.reach('c') === undefined)
    t.deepEqual(one.presence.peers(), [])
    return doesStay && isUnnoticed
  })
  t.true(isTold, 'the others stay, and silence is not noticed at once')
})

natsTest('kv presence: a new start of a broker has none of the clients of the one before', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [one, old] = [await joinPresence(t, url, 'one'), await joinPresence(t, url, 'two')]
  old.connect('stale')
  old.connect('back')
  await until(() => one.presence.remoteClients === 2)
  // Killed: no goodbye.
  old.presence.close()
  const fresh = await joinPresence(t, url, 'two')
  await until(() => one.reach('stale') === undefined && one.presence.peers().length === 1)
  t.is(one.reach('back'), undefined)
  fresh.connect('back')
  await until(() => one.reach('back') === '$CB.bus.two.to.client.back')
  t.is(one.presence.remoteClients, 1)
})

natsTest('kv presence: the same client id at another broker takes over, of another principal it is refused', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [one, two] = [await joinPresence(t, url, 'one'), await joinPresence(t, url, 'two')]
  one.connect('a')
  await until(() => two.reach('a') !== undefined)
  two.connect('a')
  await until(() => one.ended.length > 0 && one.reach('a') === '$CB.bus.two.to.client.a')
  t.deepEqual(one.ended, ['a session.taken_over'])
  t.deepEqual(two.ended, [])
  // As when neither had known of the other.
  one.connect('a', { principal: 'stranger' })
  await until(() => one.ended.length === 2)
  t.is(one.ended[1], 'a session.id_taken')
  t.deepEqual(two.ended, [])
  t.is(one.reach('a'), '$CB.bus.two.to.client.a')
})

natsTest('kv presence: of many brokers where one client connects at once, one has it in the end', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const brokers = await Promise.all(['one', 'two', 'three', 'four'].map(id => joinPresence(t, url, id)))
  const ids = Array.from({ length: 50 }, (_, i) => `a${i}`)
  for (const id of ids) for (const broker of brokers) broker.connect(id)
  const having = (id: string): PresentBroker[] => brokers.filter(broker => broker.client(id) !== undefined)
  await until(() => ids.every(id => having(id).length === 1 && brokers.every(broker => broker.reach(id) === (broker === having(id)[0] ? undefined : `$CB.bus.${having(id)[0]!.id}.to.client.${id}`))))
  t.deepEqual([...new Set(brokers.flatMap(({ ended }) => ended))].toSorted(), ids.map(id => `${id} session.taken_over`).toSorted())
  t.is(brokers.flatMap(({ ended }) => ended).length, 3 * ids.length)
})

natsTest('kv presence: an agent name at another broker takes over as a client id does', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [one, two] = [await joinPresence(t, url, 'one'), await joinPresence(t, url, 'two')]
  one.connect('a', { agent: 'lamp' })
  await until(() => two.presence.subjectOf('agent', 'lamp') !== undefined)
  two.connect('b', { agent: 'lamp' })
  await until(() => one.presence.subjectOf('agent', 'lamp') === '$CB.bus.two.to.agent.lamp')
  await until(() => one.ended.length > 0)
  t.deepEqual(one.ended, ['a session.taken_over'])
  one.connect('c', { agent: 'lamp', principal: 'stranger' })
  await until(() => one.ended.length > 1)
  t.deepEqual(one.ended, ['a session.taken_over', 'c session.id_taken'])
  t.deepEqual(two.ended, [])
})

natsTest('kv presence: agents that brokers start have the same name at each, and do not take each other over', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [one, two, three] = [await joinPresence(t, url, 'one'), await joinPresence(t, url, 'two'), await joinPresence(t, url, 'three')]
  one.connect('weather-1-one', { agent: 'weather', principal: 'agent:weather' })
  await until(() => three.presence.subjectOf('agent', 'weather') === '$CB.bus.one.to.agent.weather')
  two.connect('weather-1-two', { agent: 'weather', principal: 'agent:weather' })
  await until(() => three.presence.subjectOf('agent', 'weather') === '$CB.bus.two.to.agent.weather')
  t.is(three.presence.holder('agent', 'weather'), undefined)
  two.leave('weather-1-two')
  await until(() => three.presence.subjectOf('agent', 'weather') === '$CB.bus.one.to.agent.weather')
  t.deepEqual([...one.ended, ...two.ended], [])
})

natsTest('kv presence: after a time apart, of two with one id who came later stays', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [one, two] = [new PresentBroker('one', SIGNS), new PresentBroker('two', SIGNS)]
  t.teardown(() => [one, two].forEach(({ presence }) => presence.close()))
  one.connect('a', { sinceMs: 1000 })
  two.connect('a', { sinceMs: 2000 })
  one.connect('b', { sinceMs: 2000 })
  two.connect('b', { sinceMs: 1000 })
  await rejoinPresence(t, url, one)
  await rejoinPresence(t, url, two)
  await until(() => one.ended.length + two.ended.length === 2)
  t.deepEqual([one.ended, two.ended], [['a session.taken_over'], ['b session.taken_over']])
})

natsTest('kv presence: what changed while the link was down is known when it is back', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [one, two] = [await joinPresence(t, url, 'one'), await joinPresence(t, url, 'two')]
  one.connect('stays')
  one.connect('goes')
  await until(() => two.presence.remoteClients === 2)
  one.presence.close()
  await one.connection.close()
  one.leave('goes')
  one.connect('comes')
  await rejoinPresence(t, url, one)
  await until(() => two.reach('goes') === undefined && two.reach('comes') !== undefined)
  t.is(two.reach('stays'), '$CB.bus.one.to.client.stays')
  t.deepEqual([...one.ended, ...two.ended], [])
})

natsTest('kv presence: servers that forgot everything are told it again', async t => {
  const server = await startNatsServer(t, { jetStream: true })
  const [one, two] = [await joinPresence(t, server.url, 'one'), await joinPresence(t, server.url, 'two')]
  one.connect('a')
  one.connect('b')
  await until(() => two.presence.remoteClients === 2)
  for (const { presence } of [one, two]) presence.close()
  await server.kill()
  await server.start()
  one.leave('b')
  await Promise.all([one, two].map(broker => rejoinPresence(t, server.url, broker)))
  await until(() => two.reach('a') === '$CB.bus.one.to.client.a' && two.reach('b') === undefined)
  two.connect('a')
  await until(() => one.ended.length === 1)
  t.deepEqual(one.ended, ['a session.taken_over'], 'revisions count from 1 again, and still say who is later')
})

natsTest('kv presence: an entry that somebody deletes or spoils is written again, and does no harm', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [one, two] = [await joinPresence(t, url, 'one'), await joinPresence(t, url, 'two')]
  one.connect('a')
  await until(() => two.reach('a') !== undefined)
  const vandal = await connectNats(t, url)
  for (const key of ['a', 'b.c', '$', 'x'.repeat(200)]) vandal.publish(`$KV.callboard_clients.${key}`, '{"broker":7}')
  vandal.publish('$KV.callboard_presence.two', 'no sign')
  vandal.publish('$KV.callboard_presence.ghost', '{"broker":"two"}')
  await Promise.all([two.log.logged(/not the place of any client/), two.log.logged(/not a sign of life of any broker/)])
  one.leave('a')
  one.connect('a')
  await until(() => two.reach('a') === '$CB.bus.one.to.client.a' && two.presence.peers().length === 1)
  t.deepEqual([...one.ended, ...two.ended], [])
})

natsTest('kv presence: without JetStream it is off, says so, and what is for a client goes to all', async t => {
  const { url } = await startNatsServer(t)
  const one = new PresentBroker('one', SIGNS)
  await t.throwsAsync(rejoinPresence(t, url, one), { code: 'bus.no_bucket' })
  t.regex(one.presence.problem ?? '', /bus\.no_bucket/)
  one.connect('a')
  t.is(one.reach('b'), '$CB.to.client.b')
  t.is(one.presence.holder('client', 'b'), undefined)
})

natsTest('kv presence: two brokers with one id are a copied home, which is named', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const one = await joinPresence(t, url, 'one')
  await joinPresence(t, url, 'one')
  await until(() => /a copied home/.test(one.presence.problem ?? ''))
  t.regex(one.presence.problem!, /another broker with the id one runs at here, pid 1/)
})
