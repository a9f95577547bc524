import { randomBytes } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import test from 'ava'
import fc from 'fast-check'
import { BrokerError } from '../../broker/ground/errors.ts'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import type { FrameInit } from '../../broker/wire/frame.ts'
import { codeOf, type NativeClient } from '../support/memory-client.ts'
import { OWNER_TOKEN } from '../support/pipeline.ts'
import { compressedInit, isCompressed, plainPayload, PoolRig, signedFrame, textOf } from '../support/pool-rig.ts'
import { sameBytes } from '../support/same-bytes.ts'

const KIB = 1024
const SIGNED = { ipc: { security: { validateSignature: true } } }
const COMPRESSED = { ipc: { performance: { compressionEnabled: true } } }
const READS = { compression: ['zstd'] }

function publish(subject: string, payload: Uint8Array, more: Partial<FrameInit> = {}): FrameInit {
  return { kind: Kind.publish, subject, payload, ...more }
}

test('preparation: order holds across what threads work on and what is done at once', async t => {
  // Each draw is a client more, and a failure is shrunk by hundreds of them: what it comes to is not that there are too many.
  const rig = new PoolRig(t, { maxConnections: Infinity, ipc: { security: { validateSignature: true }, performance: { compressionEnabled: true } } })
  const [reader, plain] = [rig.native(READS), rig.native()]
  for (const receiver of [reader, plain]) receiver.subscribe(1, 'a')
  const step = fc.record({ what: fc.constantFrom('message', 'message', 'ping', 'unsigned', 'forged', 'compressed'), bytes: fc.oneof(fc.nat({ max: 3 * KIB }), fc.nat({ max: 40 * KIB })), joins: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async steps => {
      const sender = rig.native(READS)
      const expected: [number, Buffer][] = []
      const answers: number[] = []
      let chunk: Uint8Array[] = []
      for (const { what, bytes, joins } of steps) {
        const id = sender.nextId
        // Of nothing zstd announces no size, and the broker wants to know it.
        const payload = textOf(id, what === 'compressed' ? Math.max(1, bytes) : bytes)
        const init = publish('a', payload, { flags: Flag.receipt })
        if (what === 'ping') chunk.push(sender.frame({ kind: Kind.ping }))
        else if (what === 'unsigned') chunk.push(sender.frame(publish('a', payload)))
        else chunk.push(signedFrame(sender, what === 'compressed' ? compressedInit(init) : init, what === 'forged' ? 'another' : undefined))
        answers.push(id)
        if (what === 'message' || what === 'compressed') expected.push([id, payload])
        if (joins) continue
        sender.link.arrive(Buffer.concat(chunk))
        chunk = []
        if (bytes % 3 === 0) await rig.settle(sender)
      }
      if (chunk.length > 0) sender.link.arrive(Buffer.concat(chunk))
      await rig.settle(sender)
      for (const receiver of [reader, plain]) {
        const came = receiver.messages()
        t.deepEqual(came.map(({ id }) => id), expected.map(([id]) => id))
        for (const [i, frame] of came.entries()) sameBytes(t, plainPayload(frame), expected[i]![1])
      }
      t.deepEqual(sender.frames().flatMap(({ ref, body }) => Array.from({ length: countOf(body) }, (_, i) => ref + i)), answers)
    }),
    { numRuns: 25 },
  )
  t.true(rig.core.pool.doneTasks > 0)
})

function countOf(body: unknown): number {
  return (body as { details?: { count?: number } } | undefined)?.details?.count ?? 1
}

test('preparation: a large message with a wrong signature is refused by name and counted', async t => {
  const rig = new PoolRig(t, SIGNED)
  const [sender, receiver] = [rig.native(), rig.native()]
  receiver.subscribe(1, 'a')
  receiver.frames()
  sender.link.arrive(signedFrame(sender, publish('a', randomBytes(20 * KIB)), 'another'))
  const forged = signedFrame(sender, publish('a', randomBytes(20 * KIB)))
  forged[forged.length - 1]! ^= 1
  sender.link.arrive(forged)
  sender.link.arrive(signedFrame(sender, publish('a', randomBytes(20 * KIB))))
  await rig.settle(sender)
  t.deepEqual(sender.frames().map(codeOf), ['auth.signature_invalid', 'auth.signature_invalid'])
  t.is(receiver.messages().length, 1)
  t.is(rig.core.accounts.totals().rejected, 2)
  t.is(sender.connection.rejectedMessages, 2)
  t.true(rig.core.pool.doneTasks > 0)
})

test('preparation: a thread that is killed changes nothing', async t => {
  const rig = new PoolRig(t, SIGNED)
  const [sender, receiver] = [rig.native(), rig.native()]
  receiver.subscribe(1, 'a')
  const send = (): unknown => sender.link.arrive(signedFrame(sender, publish('a', randomBytes(100 * KIB))))
  send()
  await rig.settle(sender)
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 10; i++) send()
    await rig.core.pool.threads[0]!.terminate()
    for (let i = 0; i < 5; i++) send()
    await rig.settle(sender)
  }
  t.deepEqual(receiver.messages().map(({ id }) => id), Array.from({ length: 46 }, (_, i) => i + 2))
  t.true(rig.core.pool.lostTries > 0)
  t.is(rig.core.accounts.totals().rejected, 0)
})

test('preparation: messages that are at work when their connection ends were never accepted, and are counted', async t => {
  const rig = new PoolRig(t, SIGNED)
  const [sender, receiver] = [rig.native(), rig.native()]
  receiver.subscribe(1, 'a')
  for (let i = 0; i < 5; i++) sender.link.arrive(signedFrame(sender, publish('a', randomBytes(100 * KIB))))
  t.not(sender.connection.ingressQueue, undefined)
  sender.link.hangUp()
  rig.turn()
  t.is(sender.connection.ingressQueue, undefined)
  while (rig.core.pool.depth > 0) await rig.settleOnce()
  t.is(receiver.messages().length, 0)
  t.like(rig.core.accounts.totals(), { accepted: 0, rejected: 5, balanced: true })
})

test('preparation: a goodbye waits for what was sent before it', async t => {
  const rig = new PoolRig(t, SIGNED)
  const [sender, receiver] = [rig.native(), rig.native()]
  receiver.subscribe(1, 'a')
  sender.link.arrive(signedFrame(sender, publish('a', randomBytes(100 * KIB))))
  sender.control(Kind.goodbye, 0)
  sender.link.end()
  t.true(sender.connection.isReady)
  await rig.settle(sender)
  t.is(receiver.messages().length, 1)
  t.true(sender.connection.isEnding)
})

test('preparation: who sends more than may wait is not read, and goes on afterwards', async t => {
  const rig = new PoolRig(t, SIGNED)
  const [sender, receiver] = [rig.native(), rig.native()]
  receiver.subscribe(1, 'a')
  sender.link.arrive(signedFrame(sender, publish('a', randomBytes(100 * KIB))))
  for (let i = 0; i < 60; i++) sender.link.arrive(signedFrame(sender, publish('a', randomBytes(100 * KIB))))
  t.true(sender.link.isPaused)
  t.true(sender.link.waitingChunks > 10)
  await rig.settle(sender)
  rig.turn()
  await rig.settle(sender)
  t.false(sender.link.isPaused)
  t.is(receiver.messages().length, 61)
})

test('compression: those who read zstd get it, once made; others get what was sent', async t => {
  const rig = new PoolRig(t, COMPRESSED)
  const sender = rig.native()
  const [reader, twin, plain] = [rig.native(READS), rig.native(READS), rig.native()]
  for (const receiver of [reader, twin, plain]) receiver.subscribe(1, 'a')
  const payload = textOf('x', 30 * KIB)
  sender.send(publish('a', payload, { flags: 3, headers: { x: 1 } }))
  await rig.settle(sender)
  const [one, two, three] = [reader, twin, plain].map(receiver => receiver.messages()[0]!)
  t.true(one!.bytes.length < 2 * KIB)
  sameBytes(t, one!.bytes, two!.bytes)
  t.false(isCompressed(three!))
  for (const frame of [one!, three!]) {
    sameBytes(t, plainPayload(frame), payload)
    t.like(frame, { subject: 'a', headers: { x: 1 }, origin: sender.connection.number })
    t.is(frame.flags & Flag.payloadType, 3)
  }
  t.is(rig.core.pool.doneTasks, 1)
  t.true(rig.core.accounts.totals().balanced)
})

test('compression: nobody who reads it, small, or not smaller for it: the message stays as it is', async t => {
  const rig = new PoolRig(t, COMPRESSED)
  const [sender, plain] = [rig.native(), rig.native()]
  plain.subscribe(1, 'a')
  sender.send(publish('a', textOf('x', 30 * KIB)))
  await rig.settle(sender)
  t.is(rig.core.pool.doneTasks, 0)
  const reader = rig.native(READS)
  reader.subscribe(1, 'a')
  sender.send(publish('a', textOf('x', KIB)))
  await rig.settle(sender)
  t.is(rig.core.pool.doneTasks, 0)
  sender.send(publish('a', randomBytes(30 * KIB)))
  await rig.settle(sender)
  t.is(rig.core.pool.doneTasks, 1)
  t.deepEqual(reader.messages().map(isCompressed), [false, false])
})

test('compression: what the sender compressed is passed on, and made plain for those who do not read it', async t => {
  const rig = new PoolRig(t, COMPRESSED)
  const sender = rig.native()
  const reader = rig.native(READS)
  reader.subscribe(1, 'a')
  const init = compressedInit(publish('a', textOf('x', 30 * KIB), { flags: 3 }))
  sender.send(init)
  await rig.settle(sender)
  t.is(rig.core.pool.doneTasks + rig.core.pool.inlineTasks, 0)
  sameBytes(t, reader.messages()[0]!.payload, init.payload as Buffer)
  const [plain, json] = [rig.native(), rig.json()]
  plain.subscribe(1, 'a')
  json.send({ type: 'subscribe', subject: 'a' })
  json.lines()
  sender.send(init)
  await rig.settle(sender)
  t.is(rig.core.pool.doneTasks, 1)
  sameBytes(t, reader.messages()[0]!.payload, init.payload as Buffer)
  const [frame] = plain.messages()
  t.false(isCompressed(frame!))
  sameBytes(t, frame!.payload, textOf('x', 30 * KIB))
  t.is(json.lines()[0]!['payload'], textOf('x', 30 * KIB).toString())
})

test('compression: filters look inside, group members and requests get what they read', async t => {
  const rig = new PoolRig(t, COMPRESSED)
  const sender = rig.native(READS)
  const [filtering, member] = [rig.native(READS), rig.native(READS)]
  filtering.subscribe(1, 'a', { filter: 'kind=wanted' })
  member.subscribe(7, 'a', { group: 'g' })
  const body = (kind: string): Buffer => Buffer.from(JSON.stringify({ kind, text: 'x'.repeat(10 * KIB) }))
  for (const kind of ['other', 'wanted']) {
    sender.send(compressedInit(publish('a', body(kind), { flags: 2 })))
    sender.send(publish('a', body(kind), { flags: 2 }))
  }
  await rig.settle(sender)
  t.deepEqual(filtering.messages().map(frame => [isCompressed(frame), plainPayload(frame)]), [[true, body('wanted')], [true, body('wanted')]])
  t.deepEqual(member.messages().map(frame => [frame.kind, frame.ref, isCompressed(frame), plainPayload(frame).length]), Array.from({ length: 4 }, (_, i) => [Kind.grouped, 7, true, body(i < 2 ? 'other' : 'wanted').length]))

  const id = sender.send({ kind: Kind.request, subject: 'a', payload: body('wanted'), flags: 2 })
  await rig.settle(sender)
  const [request] = member.messages()
  t.like(request, { kind: Kind.request, ref: 7, to: 5000, id })
  t.deepEqual(plainPayload(request!), body('wanted'))
  member.send(compressedInit({ kind: Kind.response, to: request!.origin, ref: request!.id, payload: body('answer'), flags: 2 }))
  await rig.settle(member)
  const [answer] = sender.messages()
  t.true(isCompressed(answer!))
  t.deepEqual(plainPayload(answer!), body('answer'))
  t.true(rig.core.accounts.totals().balanced)
})

test('compression: who does not read it gets the answer plain', async t => {
  const rig = new PoolRig(t, COMPRESSED)
  const [requester, responder] = [rig.native(), rig.native(READS)]
  responder.subscribe(1, 'a')
  requester.send({ kind: Kind.request, subject: 'a' })
  const [request] = responder.messages()
  responder.send(compressedInit({ kind: Kind.response, to: request!.origin, ref: request!.id, payload: textOf('x', 5 * KIB) }))
  await rig.settle(responder)
  sameBytes(t, requester.messages()[0]!.payload, textOf('x', 5 * KIB))
})

test('compression: bombs and what is no zstd are refused by name, and the connection stays', async t => {
  const rig = new PoolRig(t, COMPRESSED)
  const [sender, receiver] = [rig.native(), rig.native()]
  receiver.subscribe(1, 'a')
  const send = (payload: Uint8Array): unknown => sender.send(publish('a', payload, { flags: Flag.compressed }))
  send(zstdCompressSync(Buffer.alloc(100 * KIB * KIB)))
  send(Buffer.from('this is no zstd'))
  const lying = zstdCompressSync(textOf('x', 600 * KIB))
  // It announces a tenth of what it holds.
  const sizeAt = lying.indexOf(Buffer.of(0x00, 0x60, 0x09, 0x00))
  lying.writeUInt32LE(60 * KIB, sizeAt)
  send(lying)
  send(zstdCompressSync(textOf('x', 100)).subarray(0, 20))
  send(zstdCompressSync(textOf('x', 100)))
  await rig.settle(sender)
  t.deepEqual(sender.frames().map(codeOf), ['frame.too_large', 'payload.malformed', 'payload.malformed', 'payload.malformed'])
  t.is(receiver.messages().length, 1)
  t.is(rig.core.accounts.totals().rejected, 4)
})

test('compression: many small payloads that become large ones are held back with their receiver', async t => {
  const rig = new PoolRig(t, { ipc: { performance: { compressionEnabled: true }, limits: { maxPendingBytes: 4 * KIB * KIB, stallMs: 1000 } } })
  const [sender, receiver] = [rig.native(), rig.native()]
  receiver.subscribe(1, 'a')
  receiver.frames()
  receiver.link.kernelBytes = 64 * KIB
  const bomb = compressedInit(publish('a', Buffer.alloc(KIB * KIB)))
  const chunk = Buffer.concat(Array.from({ length: 100 }, () => sender.frame(bomb)))
  t.true(chunk.length < 64 * KIB)
  sender.link.arrive(chunk)
  // All in one chunk, and yet no more is delivered than the receiver may have waiting.
  await untilHeld(rig, sender)
  t.true(receiver.connection.isReady)
  t.true(receiver.connection.outbound.pendingBytes < 5 * KIB * KIB)
  receiver.link.kernelBytes = Infinity
  let got = 0
  while (got < 100) {
    got += receiver.messages().length
    await rig.settleOnce()
  }
  t.is(got, 100)
})

async function untilHeld(rig: PoolRig, sender: NativeClient): Promise<void> {
  while (!(sender.connection.pauses > 0 && rig.core.pool.depth === 0)) await rig.settleOnce()
}

test('compression: without the switch a compressed frame is refused as ever, and nobody is told of it', t => {
  const rig = new PoolRig(t)
  const client = rig.native(READS)
  t.false(client.connection.readsZstd)
  client.send(compressedInit(publish('a', textOf('x', 100))))
  t.deepEqual(client.frames().map(codeOf), ['frame.unsupported'])
})

test('compression: who subscribes while a compressed message waits gets it plain', async t => {
  const rig = new PoolRig(t, { ipc: { security: { validateSignature: true }, performance: { compressionEnabled: true } } })
  const [sender, reader, late] = [rig.native(READS), rig.native(READS), rig.native()]
  reader.subscribe(1, 'a')
  reader.frames()
  const text = textOf('x', 300 * KIB)
  sender.link.arrive(signedFrame(sender, publish('a', randomBytes(200 * KIB))))
  sender.link.arrive(signedFrame(sender, compressedInit(publish('a', text))))
  t.not(sender.connection.ingressQueue, undefined)
  late.subscribe(1, 'a')
  late.frames()
  await rig.settle(sender)
  t.deepEqual(reader.messages().map(isCompressed), [false, true])
  t.deepEqual(late.messages().map(frame => [isCompressed(frame), plainPayload(frame).length]), [[false, 200 * KIB], [false, text.length]])
})

test('preparation: a connection that the broker ends does not wait for what is at work', async t => {
  const rig = new PoolRig(t, SIGNED)
  const [sender, receiver] = [rig.native(), rig.native()]
  receiver.subscribe(1, 'a')
  for (let i = 0; i < 5; i++) sender.link.arrive(signedFrame(sender, publish('a', randomBytes(100 * KIB))))
  rig.core.end(sender.connection, new BrokerError('connection.killed'))
  t.is(codeOf(sender.frames().at(-1)!), 'connection.killed')
  await rig.settle(sender)
  t.is(receiver.messages().length, 0)
  t.like(rig.core.accounts.totals(), { accepted: 0, rejected: 5, balanced: true })
})

interface ResumableWelcome {
  readonly session: string
  readonly secret: string
  readonly resumed?: boolean
  readonly lastId?: number
}

function joinSession(rig: PoolRig, hello: object): [NativeClient, ResumableWelcome] {
  const client = rig.link()
  client.control(Kind.hello, 0, { auth: { token: OWNER_TOKEN }, sessionTtlMs: 10_000, ...hello })
  return [client, client.frames()[0]!.body as ResumableWelcome]
}

test('preparation: a session that goes on elsewhere takes nothing that was at work; it comes again', async t => {
  const rig = new PoolRig(t, SIGNED)
  const receiver = rig.native()
  receiver.subscribe(1, 'a')
  receiver.frames()
  const [before, { session, secret }] = joinSession(rig, {})
  const frames = Array.from({ length: 3 }, () => signedFrame(before, publish('a', randomBytes(100 * KIB))))
  for (const frame of frames) before.link.arrive(frame)
  t.not(before.connection.ingressQueue, undefined)
  const [fresh, welcome] = joinSession(rig, { resume: { session, secret, received: 0 } })
  t.like(welcome, { resumed: true, lastId: 0 })
  for (const frame of frames) fresh.link.arrive(frame)
  await rig.settle(before)
  t.deepEqual(receiver.messages().map(({ id }) => id), [2, 3, 4])
  t.deepEqual(fresh.frames(), [])
})

test('compression: a session goes on only for a client that reads the same', t => {
  const rig = new PoolRig(t, COMPRESSED)
  const resume = ({ session, secret }: ResumableWelcome): object => ({ resume: { session, secret, received: 0 } })
  const [, first] = joinSession(rig, READS)
  const [, second] = joinSession(rig, { ...READS, ...resume(first) })
  t.true(second.resumed)
  const [, third] = joinSession(rig, resume(second))
  t.false(third.resumed)
})
