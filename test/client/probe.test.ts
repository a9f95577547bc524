import test, { type ExecutionContext } from 'ava'
import { Kind } from '../../broker/ground/kind.ts'
import { nodePlatform } from '../../client/connect.ts'
import { Probe } from '../../client/probe.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { ScriptedBroker, TOKEN, type ScriptedConnection } from '../support/scripted-broker.ts'

const ADDRESS = '$CB.to.client.tester'

interface Pair {
  readonly probe: Probe
  readonly peer: ScriptedConnection
  readonly clock: FakeClock
}

/** A probe and a scripted broker that have let each other in. */
async function welcomed(t: ExecutionContext): Promise<Pair> {
  const broker = await ScriptedBroker.start(t)
  const clock = new FakeClock()
  const probe = new Probe(nodePlatform(broker.socket), { identity: { client: 'tester' }, credential: { token: TOKEN, auth: 'challenge' }, timeoutMs: 1000, clock })
  t.teardown(() => probe.destroy())
  const [peer] = await Promise.all([broker.welcome(), probe.connect().then(() => probe.greet()).then(() => probe.welcome())])
  return { probe, peer, clock }
}

test('probe: steps that are called in order pass with a broker that answers', async t => {
  const { probe, peer } = await welcomed(t)
  const ping = probe.ping()
  peer.send({ kind: Kind.pong, ref: (await peer.nextOf(Kind.ping)).id })
  await ping
  const goodbye = probe.goodbye()
  await peer.nextOf(Kind.goodbye)
  await goodbye
  t.true(probe.wasWelcomed)
})

test('probe: the message may come before its receipt or after it, and others\' messages are not taken for it', async t => {
  const { probe, peer } = await welcomed(t)
  for (const isReceiptFirst of [true, false]) {
    const echo = probe.echo(ADDRESS, 'hello')
    const sent = await peer.nextOf(Kind.publish)
    t.is(sent.subject, ADDRESS)
    const receipt = { kind: Kind.receipt, ref: sent.id, payload: Uint8Array.of(0x81, 0xa9, ...Buffer.from('receivers'), 1) }
    const message = { ...sent, origin: peer.origin }
    peer.publish(ADDRESS, 'from another')
    peer.send(...(isReceiptFirst ? [receipt, message] : [message, receipt]))
    t.deepEqual(await echo, { receivers: 1 })
  }
})

test('probe: a receipt without the message is not enough', async t => {
  const { probe, peer, clock } = await welcomed(t)
  const echo = t.throwsAsync(probe.echo(ADDRESS, 'hello'), { code: 'request.timeout' })
  const sent = await peer.nextOf(Kind.publish)
  peer.send({ kind: Kind.receipt, ref: sent.id, payload: Uint8Array.of(0x80) })
  peer.publish(ADDRESS, 'from another')
  // Its pong says that it has read what came before.
  peer.send({ kind: Kind.ping, id: 1 })
  await peer.nextOf(Kind.pong)
  await clock.advance(1000)
  await echo
})

test('probe: a refused message fails with the broker\'s reason', async t => {
  const { probe, peer } = await welcomed(t)
  const echo = t.throwsAsync(probe.echo(ADDRESS, 'hello'), { code: 'permission.denied' })
  peer.refuse(await peer.nextOf(Kind.publish), 'permission.denied', { principal: 'owner', action: 'publish to', subject: ADDRESS })
  await echo
})

test('probe: a connection that ends fails the step that waits, and those that follow', async t => {
  const { probe, peer } = await welcomed(t)
  const ping = t.throwsAsync(probe.ping(), { code: 'connection.draining' })
  await peer.nextOf(Kind.ping)
  peer.goodbye('connection.draining')
  await ping
  await t.throwsAsync(probe.ping(), { code: 'connection.closed' })
})

test('probe: a broker that does not close after the goodbye is named, after the limit and not before', async t => {
  const { probe, peer, clock } = await welcomed(t)
  peer.pause()
  let isSettled = false
  const goodbye = t.throwsAsync(probe.goodbye(), { code: 'request.timeout' }).finally(() => (isSettled = true))
  await clock.advance(999)
  t.false(isSettled)
  await clock.advance(1)
  await goodbye
})
