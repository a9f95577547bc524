// Hostile clients on the NATS port of a broker process, and those who have nothing to do with them.

import { once } from 'node:events'
import test from 'ava'
import { NatsPeer } from '../support/nats-peer.ts'
import { Siege } from '../support/siege.ts'
import { until } from '../support/until.ts'

const KIB = 1024
const MIB = 1024 * KIB
const BLOCK = 'NATS/1.0\r\nA: b\r\n\r\n'

test('nats abuse: mistakes of the protocol end their connection by name, and nobody else\'s', async t => {
  const siege = await Siege.begin(t)
  const mistakes: readonly [session: string, text: string][] = [
    ['HELLO\r\n', 'Unknown Protocol Operation'],
    ['\r\n', 'Unknown Protocol Operation'],
    ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'Unknown Protocol Operation'],
    ['PUB a 3\r\nabcdef\r\n', 'Unknown Protocol Operation'],
    ['PUB a -1\r\n', 'Parser Error'],
    ['PUB a 99999999999999999999\r\n', 'Parser Error'],
    ['PUB a 999999999\r\n', 'Maximum Payload Violation'],
    ['PUB a\u0000b 1\r\nx\r\n', 'Parser Error'],
    ['HPUB a 99 9\r\n', 'Parser Error'],
    [`HPUB a ${BLOCK.length} ${BLOCK.length}\r\n${BLOCK}x\r\n`, 'Unknown Protocol Operation'],
    ['SUB\r\n', 'Parser Error'],
    [`SUB ${'a'.repeat(64 * KIB)} 1\r\n`, 'maximum control line exceeded'],
    ['x'.repeat(MIB), 'maximum control line exceeded'],
  ]
  for (const [session, text] of mistakes) {
    const peer = await NatsPeer.join(t, siege.broker)
    peer.say(Buffer.from(session, 'latin1'))
    t.is(await peer.ending(), `-ERR '${text}'\r\n`, JSON.stringify(session.slice(0, 40)))
  }
  await siege.holds()
})

test('nats abuse: before CONNECT every other verb, and every byte by itself, is refused', async t => {
  const siege = await Siege.begin(t)
  for (const line of ['PUB a 1\r\nx\r\n', `HPUB a ${BLOCK.length} ${BLOCK.length}\r\n${BLOCK}\r\n`, 'SUB a 1\r\n', 'UNSUB 1\r\n', 'PING\r\n', 'MSG a 1 1\r\nx\r\n', '{"type":"hello"}\n', '\u0000\u0000\u0000\u0001x']) {
    const peer = await NatsPeer.open(t, siege.broker.nats)
    for (const byte of Buffer.from(line, 'latin1')) peer.say(Uint8Array.of(byte))
    t.is(await peer.ending(), '-ERR \'Authorization Violation\'\r\n', JSON.stringify(line))
  }
  await siege.holds()
})

test('nats abuse: announced payloads that never come take no memory', async t => {
  const siege = await Siege.begin(t)
  const before = siege.broker.rssBytes()
  const peers = await Promise.all(Array.from({ length: 40 }, () => NatsPeer.join(t, siege.broker)))
  for (const peer of peers) peer.say('PUB a 1000000\r\nabc')
  // Who is heard after it was read.
  await Promise.all((await Promise.all(Array.from({ length: 4 }, () => NatsPeer.join(t, siege.broker)))).map(peer => peer.ping()))
  t.true(siege.broker.rssBytes() - before < 24 * MIB, `${siege.broker.rssBytes() - before} bytes more`)
  await siege.holds()
})

test('nats abuse: subscriptions without end, and a crowd that comes and goes in the middle of everything', async t => {
  const siege = await Siege.begin(t, { nats: { maxSubscriptions: 1000 } })
  const greedy = await NatsPeer.join(t, siege.broker)
  for (let i = 0; i < 3000; i++) greedy.say(`SUB s.${i}.> ${i}\r\n`)
  t.is((await greedy.ping()).match(/maximum subscriptions exceeded/g)?.length, 2000)
  for (let round = 0; round < 5; round++) {
    const crowd = await Promise.all(Array.from({ length: 20 }, () => NatsPeer.join(t, siege.broker)))
    for (const [i, peer] of crowd.entries()) peer.say(`SUB > ${i}\r\nSUB ask g 2\r\nPUB ask _INBOX.${i} 4\r\n....\r\nPUB mirror _INBOX.${i} 2\r\n{}\r\nPUB a 100000\r\n${'x'.repeat(i * 1000)}`)
    for (const peer of crowd) peer.socket.resetAndDestroy()
    await Promise.all(crowd.map(peer => peer.closed))
  }
  await siege.holds()
  // The bystander and the greedy one.
  await until(async () => (await siege.bystander.call('connections')).connections.length === 2)
  t.true((await siege.bystander.call('stats')).balanced)
})

test('nats abuse: one that asks and never listens is ended, and what natives owe it is given up', async t => {
  const siege = await Siege.begin(t)
  const responder = await siege.broker.connect()
  await responder.subscribe('echo', { onMessage: message => message.respond(message.payload).catch(() => {}) }).ready
  const peer = await NatsPeer.join(t, siege.broker)
  const body = 'x'.repeat(16 * KIB)
  peer.say('SUB _INBOX.> 1\r\n')
  await peer.ping()
  peer.socket.pause()
  const question = Buffer.from(`PUB echo _INBOX.1 ${body.length + 2}\r\n"${body}"\r\n`)
  const isGone = peer.closed.then(() => true)
  for (let gone = false; !gone; ) {
    if (!peer.say(question)) gone = await Promise.race([isGone, once(peer.socket, 'drain').then(() => false, () => true)])
    gone ||= peer.socket.destroyed
  }
  // A NATS client may have 64 MiB waiting, and a quarter more that was read before; the responder 16, and a quarter.
  await siege.holds(320)
  await until(async () => (await siege.bystander.call('metrics'))['open_requests'] === 0)
})
