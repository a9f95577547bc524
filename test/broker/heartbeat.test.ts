import test from 'ava'
import { Kind } from '../../broker/wire/layout.ts'
import { codeOf } from '../support/memory-client.ts'
import { PipelineRig } from '../support/pipeline.ts'

const BEAT_MS = 1000

test('heartbeat: a client that asked for it is pinged, and is stale after two silent periods', async t => {
  const rig = new PipelineRig({ ipc: { limits: { heartbeatMs: BEAT_MS } } })
  const [silent, answering, unwatched] = [rig.native({ heartbeatMs: 1 }), rig.native({ heartbeatMs: 1 }), rig.native()]
  for (let beat = 0; beat < 4; beat++) {
    await rig.advance(BEAT_MS + 20)
    for (const { kind, id } of answering.frames()) if (kind === Kind.ping) answering.control(Kind.pong, id)
  }
  const frames = silent.frames()
  t.deepEqual(frames.map(({ kind }) => kind), [Kind.ping, Kind.ping, Kind.goodbye])
  t.is(codeOf(frames[2]!), 'connection.stale')
  t.true(answering.connection.isReady)
  t.true(unwatched.connection.isReady)
  t.deepEqual(unwatched.frames(), [])
})

test('heartbeat: whose link reads nothing more until what came is worked off is neither pinged nor stale, and has its whole time afterwards', async t => {
  const rig = new PipelineRig({ ipc: { limits: { heartbeatMs: BEAT_MS } } })
  const client = rig.native({ heartbeatMs: 1 })
  await rig.advance(2 * BEAT_MS + 20)
  t.deepEqual(client.frames().map(({ kind }) => kind), [Kind.ping])
  client.link.isUnread = true
  await rig.advance(10 * BEAT_MS)
  t.deepEqual(client.frames(), [])
  client.link.isUnread = false
  await rig.advance(2 * BEAT_MS)
  t.deepEqual(client.frames().map(({ kind }) => kind), [Kind.ping, Kind.ping])
  t.true(client.connection.isReady)
})

test('heartbeat: with keepAlive off nobody is watched', async t => {
  const rig = new PipelineRig({ ipc: { performance: { keepAlive: false }, limits: { heartbeatMs: BEAT_MS } } })
  const client = rig.native({ heartbeatMs: 1 })
  for (let beat = 0; beat < 5; beat++) await rig.advance(BEAT_MS + 20)
  t.deepEqual(client.frames(), [])
})

test('heartbeat: NATS clients are pinged at an interval of their own, and one that never answers is stale', async t => {
  const rig = new PipelineRig({ nats: { pingIntervalMs: BEAT_MS, maxPingsOut: 3 }, ipc: { limits: { heartbeatMs: 100 * BEAT_MS }, performance: { keepAlive: false } } })
  const [silent, answering, busy] = [rig.nats(), rig.nats(), rig.nats()]
  const heard: string[] = []
  for (let beat = 0; beat < 5; beat++) {
    busy.raw('PUB a 1\r\nx\r\n')
    await rig.advance(BEAT_MS + 20)
    const text = answering.text()
    heard.push(text)
    if (text === 'PING\r\n') answering.raw('PONG\r\n')
  }
  t.is(silent.text(), `${'PING\r\n'.repeat(3)}-ERR 'Stale Connection'\r\n`)
  t.true(silent.link.isClosed)
  // Who was just heard is passed over once: its answer to the ping counts.
  t.deepEqual(heard, ['', 'PING\r\n', '', 'PING\r\n', ''])
  t.is(busy.text(), '')
})

test('heartbeat: a shorter interval holds at once, and with none nobody is pinged', async t => {
  const nats = { pingIntervalMs: 100 * BEAT_MS, maxPingsOut: 1 }
  const rig = new PipelineRig({ nats })
  const client = rig.nats()
  const change = (pingIntervalMs: number): void => {
    Object.assign(rig.core.settings.nats, { pingIntervalMs })
    rig.pipeline.settingsChanged()
  }
  change(0)
  for (let beat = 0; beat < 30; beat++) await rig.advance(BEAT_MS)
  t.is(client.text(), '')
  change(BEAT_MS)
  for (let beat = 0; beat < 3; beat++) await rig.advance(BEAT_MS + 20)
  t.is(client.text(), "PING\r\n-ERR 'Stale Connection'\r\n")
})
