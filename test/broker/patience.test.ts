import test from 'ava'
import { PipelineRig } from '../support/pipeline.ts'

const MIB = 1024 * 1024
const payload = 'x'.repeat(64 * 1024)
const STALL_MS = 200
const SETUP = { ipc: { limits: { stallMs: STALL_MS } }, nats: { maxPendingBytes: 4 * MIB } }

function flood(rig: PipelineRig, publisher: ReturnType<PipelineRig['nats']>, bytes: number): void {
  for (let sent = 0; sent < bytes; sent += payload.length) publisher.raw(`PUB a ${payload.length}\r\n${payload}\r\n`)
  rig.turn()
}

test('patience: a NATS client that does not read is ended at the limit of what waits, not when its publishers have waited long enough', async t => {
  const rig = new PipelineRig(SETUP)
  const [publisher, slow] = [rig.nats(), rig.nats()]
  slow.raw('SUB a 1\r\n')
  slow.link.kernelBytes = 0
  flood(rig, publisher, 3.2 * MIB)
  t.true(publisher.link.isPaused)
  await rig.advance(STALL_MS)
  t.false(publisher.link.isPaused, 'its publisher goes on')
  t.true(slow.connection.isReady)
  flood(rig, publisher, 0.3 * MIB)
  t.false(publisher.link.isPaused)
  t.true(slow.connection.isReady)
  flood(rig, publisher, 1 * MIB)
  t.is(slow.connection.closeReason?.code, 'connection.slow_consumer')
  // The limit ended it, no time.
  t.is(slow.connection.closeReason?.details['stalledMs'], 0)
  t.false(publisher.link.isPaused)
  t.true(rig.core.accounts.totals().balanced)
})

test('patience: one that takes nothing at all is ended when the write deadline is over, one that takes something is not', async t => {
  const rig = new PipelineRig(SETUP)
  const [publisher, dead, slow] = [rig.nats(), rig.nats(), rig.nats()]
  for (const each of [dead, slow]) {
    each.raw('SUB a 1\r\n')
    each.link.kernelBytes = 0
  }
  flood(rig, publisher, 3.2 * MIB)
  await rig.advance(STALL_MS)
  slow.link.kernelBytes = 2 * MIB
  slow.link.read(2 * MIB)
  rig.turn()
  await rig.advance(10_000)
  t.is(dead.connection.closeReason?.code, 'connection.slow_consumer')
  t.true(slow.connection.isReady)
})

test('patience: what a NATS client sends to itself faster than it reads holds it back at the limit, and all of it comes', async t => {
  const rig = new PipelineRig(SETUP)
  const client = rig.nats()
  client.raw('SUB a 1\r\n')
  client.link.kernelBytes = 256 * 1024
  flood(rig, client, 12 * MIB)
  await rig.advance(STALL_MS)
  t.true(client.link.isPaused)
  t.true(client.connection.isReady)
  let bytes = 0
  for (let idle = 0; idle < 3; ) {
    const { length } = client.link.read(512 * 1024)
    bytes += length
    rig.turn()
    idle = length === 0 ? idle + 1 : 0
  }
  t.is(bytes, (12 * MIB) / payload.length * (`MSG a 1 ${payload.length}\r\n`.length + payload.length + 2))
  t.true(client.connection.isReady)
})
