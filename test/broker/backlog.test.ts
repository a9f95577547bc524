import test from 'ava'
import fc from 'fast-check'
import { Kind } from '../../broker/wire/layout.ts'
import type { ReceivedFrame } from '../support/memory-client.ts'
import { PipelineRig } from '../support/pipeline.ts'
import { sameBytes } from '../support/same-bytes.ts'

/** Bytes that tell message `id` of a sender from all others. */
function payloadOf(sender: number, id: number, bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes).fill((sender * 131 + id * 7) & 0xff)
}

test('backlog: however much waits and however it is read, every byte arrives as it was sent, from chunks that go back', async t => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('send' as const), sender: fc.nat({ max: 1 }), sizes: fc.array(fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 60_000 }), fc.constant(60_000)), { minLength: 1, maxLength: 30 }) }),
    fc.record({ kind: fc.constant('read' as const), bytes: fc.nat({ max: 2_000_000 }) }),
    fc.record({ kind: fc.constant('kernel' as const), bytes: fc.oneof(fc.constant(0), fc.nat({ max: 100_000 }), fc.nat({ max: 1_500_000 })) }),
    fc.constant({ kind: 'turn' as const }),
    fc.constant({ kind: 'links' as const }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
      const rig = new PipelineRig({ ipc: { limits: { maxPendingBytes: 512 * 1024 * 1024 } } })
      const senders = [rig.native(), rig.native()]
      const receiver = rig.native()
      receiver.subscribe(1, 'a')
      receiver.frames()
      const frames: ReceivedFrame[] = []
      const sizes = senders.map(() => new Map<number, number>())
      for (const each of steps) {
        if (each.kind === 'send') {
          const sender = senders[each.sender]!
          const chunk = each.sizes.map(bytes => {
            const id = sender.nextId
            sizes[each.sender]!.set(id, bytes)
            return sender.frame({ kind: Kind.publish, subject: 'a', payload: payloadOf(each.sender, id, bytes) })
          })
          sender.link.arrive(Buffer.concat(chunk))
        } else if (each.kind === 'kernel') receiver.link.kernelBytes = each.bytes
        else if (each.kind === 'read') frames.push(...receiver.parse(receiver.link.read(each.bytes)))
        else if (each.kind === 'links') rig.links()
        else rig.turn()
      }
      receiver.link.kernelBytes = Infinity
      frames.push(...receiver.frames())
      for (const [i, sender] of senders.entries()) {
        const own = frames.filter(({ origin }) => origin === sender.connection.number)
        t.deepEqual(own.map(({ id }) => id), [...sizes[i]!.keys()])
        for (const { id, payload } of own) sameBytes(t, payload, payloadOf(i, id, sizes[i]!.get(id)!))
      }
      t.deepEqual([rig.core.accounts.totals().pending, rig.core.accounts.totals().balanced], [0, true])
    }),
    { numRuns: 25 },
  )
})

test('backlog: what one turn brings leaves in several writes, and what has to wait for the next keeps its bytes', t => {
  const rig = new PipelineRig({ ipc: { limits: { maxPendingBytes: 512 * 1024 * 1024 } } })
  const senders = [rig.native(), rig.native()]
  const receiver = rig.native()
  receiver.subscribe(1, 'a')
  receiver.frames()
  for (const kernelBytes of [0, 100_000, 1_200_000]) {
    receiver.link.kernelBytes = kernelBytes
    const { writes } = receiver.link
    for (let i = 0; i < 60; i++) for (const [s, sender] of senders.entries()) sender.publish('a', payloadOf(s, sender.nextId, 40_000))
    rig.turn()
    // The next turn finds a write in flight, and chunks of its own; before it ends the kernel has taken the write.
    for (const [s, sender] of senders.entries()) sender.publish('a', payloadOf(s, sender.nextId, 40_000))
    receiver.parse(receiver.link.read(0))
    rig.links()
    rig.turn()
    receiver.link.kernelBytes = Infinity
    const frames = receiver.messages()
    t.is(frames.length, 122)
    t.true(receiver.link.writes - writes >= 5, 'no write is larger than a mebibyte')
    for (const { origin, id, payload } of frames) {
      const s = senders.findIndex(({ connection }) => connection.number === origin)
      sameBytes(t, payload, payloadOf(s, id, 40_000))
    }
  }
})

test('backlog: chunks go back as they are written, also where something always waits', t => {
  const rig = new PipelineRig({ ipc: { limits: { maxPendingBytes: 512 * 1024 * 1024 } } })
  const chunks: Uint8Array[] = []
  const { flusher } = rig.core
  const lend = flusher.lend.bind(flusher)
  flusher.lend = chunk => {
    chunks.push(chunk)
    lend(chunk)
  }
  const [sender, receiver] = [rig.native(), rig.native()]
  receiver.subscribe(1, 'a')
  receiver.frames()
  receiver.link.kernelBytes = 50_000
  for (let turn = 0; turn < 600; turn++) {
    sender.publish('a', payloadOf(0, sender.nextId, 40_000))
    rig.turn()
    // From here on it reads as fast as it is sent to, three mebibytes behind.
    if (turn > 80) receiver.parse(receiver.link.read(40_041 + 'a'.length))
  }
  const { pendingBytes } = receiver.connection.outbound
  t.true(pendingBytes > 2 * 1024 * 1024)
  const keptBytes = chunks.reduce((sum, { buffer }) => sum + buffer.byteLength, 0)
  t.true(keptBytes <= pendingBytes + 2 * 1024 * 1024, `${keptBytes} bytes are kept for ${pendingBytes} that wait`)
})
