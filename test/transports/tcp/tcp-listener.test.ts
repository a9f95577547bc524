import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import test from 'ava'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { reservedPort } from '../../support/reserved-port.ts'
import { openTcpRig, untilEnd } from '../../support/tcp-rig.ts'
import { until } from '../../support/until.ts'

test('tcp listener: links are streams of NATS from an address with a port, and carry bytes both ways', async t => {
  const rig = await openTcpRig(t)
  t.is(rig.listener.address, `nats://127.0.0.1:${rig.listener.port}`)
  const socket = await rig.dial()
  const { localPort } = socket
  const received = untilEnd(socket)
  const long = 'x'.repeat(300_000)
  socket.end(`PING\r\n${long}`)
  t.is(await received, `hello\r\nPING\r\n${long}`)
  const [link] = rig.links
  t.is(link?.protocol, 'nats')
  t.is(link?.framing, 'stream')
  t.deepEqual(link?.peer, { address: `127.0.0.1:${localPort}`, pid: undefined, uid: undefined, network: 'local' })
  await until(() => rig.gone.length === 1)
  t.deepEqual([rig.endings, rig.gone], [[undefined], [undefined]])
})

test('tcp listener: each socket is prepared, and goes out without waiting for more', async t => {
  const prepared: Socket[] = []
  const rig = await openTcpRig(t, { prepare: socket => void prepared.push(socket) })
  const socket = await rig.dial()
  await once(socket, 'data')
  t.is(prepared.length, 1)
  t.is(prepared[0]?.remotePort, socket.localPort)
})

test('tcp listener: who is not let in is told why behind the greeting, and is counted nowhere', async t => {
  const rig = await openTcpRig(t, {
    enter() {
      throw new BrokerError('connection.limit', { limit: 1 })
    },
  })
  t.is(await untilEnd(await rig.dial()), 'hello\r\n-ERR \'connection.limit\'\r\n')
  t.deepEqual(rig.refused, [['127.0.0.1', 'connection.limit']])
})

test('tcp listener: of a crowd that is not let in 64 are told at a time, and the others are cut', async t => {
  const rig = await openTcpRig(t, {
    enter() {
      throw new BrokerError('connection.limit', { limit: 1 })
    },
  })
  const sockets = await Promise.all(Array.from({ length: 100 }, () => rig.dial()))
  await until(() => rig.refused.length === 100)
  // Who was told is not gone yet, as the other side is open.
  t.is(rig.links.length, 64)
  await until(() => sockets.filter(socket => socket.destroyed).length === 36)
  for (const socket of sockets) socket.destroy()
  await until(() => rig.gone.length === 64)
  const next = await rig.dial()
  t.regex(String((await once(next, 'data'))[0]), /^hello/)
})

test('tcp listener: a door hears once that a client was let in, and that it is gone', async t => {
  const heard: string[] = []
  const rig = await openTcpRig(t, { enter: (address, isLocal) => ({ admitted: () => heard.push(`in ${address} ${isLocal}`), left: () => heard.push('gone') }) })
  const socket = await rig.dial()
  await once(socket, 'data')
  rig.links[0]!.admitted(1024)
  socket.destroy()
  await until(() => heard.length === 2)
  t.deepEqual(heard, ['in 127.0.0.1 true', 'gone'])
})

test('tcp listener: a link that its owner does not take is counted out, also when it was not let in', async t => {
  const heard: string[] = []
  const rig = await openTcpRig(t, { enter: () => ({ admitted() {}, left: () => heard.push('gone') }), onLink: link => link.destroy() })
  const socket = await rig.dial()
  await until(() => socket.destroyed)
  t.deepEqual(heard, ['gone'])
  let offered = 0
  const closed = await openTcpRig(t, {
    enter() {
      throw new BrokerError('connection.limit', { limit: 1 })
    },
    onLink(link) {
      offered++
      link.destroy()
    },
  })
  // More than are told at a time: had those before them stayed counted, the last would not be offered.
  for (let i = 0; i < 70; i++) {
    const refused = await closed.dial()
    await until(() => refused.destroyed)
  }
  t.is(offered, 70)
})

test('tcp listener: closing frees the port, and links go on', async t => {
  // Not one that the system gives: another test's server might have it in between.
  const rig = await openTcpRig(t, { port: await reservedPort(t) })
  const socket = await rig.dial()
  await once(socket, 'data')
  await rig.listener.close()
  const server = createServer()
  t.teardown(() => server.close())
  // A program that another test is just starting in this process has a copy of every descriptor for a moment.
  await until(() => once(server.listen(rig.listener.port, '127.0.0.1'), 'listening').then(() => true, () => false))
  socket.write('still here')
  t.is(String((await once(socket, 'data'))[0]), 'still here')
})

test('tcp listener: a port that is taken, and an address that is nobody\'s, are named with the key to change', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const taken = await t.throwsAsync(openTcpRig(t, { port }), { code: 'listener.failed' })
  t.is(taken.message, `listener.failed: cannot listen at 127.0.0.1:${port}: another program listens there; stop it, or set nats.port to another one`)
  // RFC 5737: for documentation, nobody's.
  const foreign = await t.throwsAsync(openTcpRig(t, { host: '192.0.2.1' }), { code: 'listener.failed' })
  t.regex(foreign.message, /set nats\.host to one that it has/)
})

test('tcp listener: beyond this machine without TLS is said in the log', async t => {
  const quiet = await openTcpRig(t)
  t.deepEqual(quiet.log.records, [])
  const rig = await openTcpRig(t, { host: '0.0.0.0' })
  t.regex((await rig.log.logged(/NATS port/)).text, /listens beyond this machine, and without TLS/)
})
