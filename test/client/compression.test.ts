import { randomBytes } from 'node:crypto'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { encode } from '@msgpack/msgpack'
import test from 'ava'
import { compressed, decompressed } from '../../client/compression.ts'
import { nodeZstd } from '../../client/zstd.ts'
import { decodeFrame, encodeFrame, type Frame, type FrameInit } from '../../broker/wire/frame.ts'
import { Flag, Kind, PayloadType } from '../../broker/wire/layout.ts'
import { take } from '../support/collect.ts'
import { scriptedClient } from '../support/scripted-client.ts'

const KIB = 1024
const zstd = nodeZstd()!
const text = Buffer.alloc(40 * KIB, 'callboard ')
const welcome = { compression: { name: 'zstd', aboveBytes: 8 * KIB } }

function publish(payload: Uint8Array, more: Partial<FrameInit> = {}): FrameInit {
  return { kind: Kind.publish, subject: 'a', payload, ...more }
}

function frameOf(init: FrameInit): Frame {
  const bytes = encodeFrame(init)
  return decodeFrame(bytes, 0, bytes.length)
}

test('compression: messages above the size that become smaller are compressed, and no other frame', t => {
  const packed = compressed(publish(text, { flags: PayloadType.text }), KIB, zstd)
  t.is(packed.flags, PayloadType.text | Flag.compressed)
  t.true(zstdDecompressSync(packed.payload!).equals(text))
  for (const init of [publish(text.subarray(0, KIB - 1)), publish(randomBytes(4 * KIB)), { kind: Kind.hello, payload: text }, { kind: Kind.publish }, packed]) t.is(compressed(init, KIB, zstd), init)
})

test('compression: what cannot be decompressed stays as it came', t => {
  const good = frameOf(publish(zstdCompressSync(text), { flags: Flag.compressed | PayloadType.text }))
  t.like(decompressed(good, zstd), { flags: PayloadType.text, payload: text })
  for (const payload of [text, zstdCompressSync(text).subarray(0, 20), new Uint8Array(0), zstdCompressSync(Buffer.alloc(65 * KIB * KIB))]) {
    const bad = frameOf(publish(payload, { flags: Flag.compressed }))
    t.is(decompressed(bad, zstd), bad)
  }
})

test('compression: a Node without zstd has none', t => {
  t.is(nodeZstd({}), undefined)
  t.is(nodeZstd({ zstdCompressSync }), undefined)
})

test('compression: the client compresses when the welcome says so, and not otherwise', async t => {
  for (const [body, isPacked] of [[welcome, true], [{}, false], [{ compression: { name: 'other', aboveBytes: 1 } }, false]] as const) {
    const { client, peer } = await scriptedClient(t, {}, body)
    void client.publish('a', new Uint8Array(text))
    const { flags, payload } = await peer.nextOf(Kind.publish)
    t.is((flags & Flag.compressed) !== 0, isPacked)
    t.is(payload.length < text.length, isPacked)
    await t.throwsAsync(client.publish('a', new Uint8Array(2 * KIB * KIB)), { code: 'frame.too_large' })
  }
})

test('compression: a message with a bad payload says so, and the next one is read', async t => {
  const { client, peer } = await scriptedClient(t, {}, welcome)
  const all = client.subscribe<string>('a')
  const subscribe = await peer.nextOf(Kind.subscribe)
  peer.send({ kind: Kind.ok, ref: subscribe.id, payload: encode({ subscription: subscribe.ref }) })
  await all.ready
  for (const payload of [Buffer.from('no zstd'), zstdCompressSync(text)]) peer.send(publish(payload, { flags: Flag.compressed | PayloadType.text, origin: 2, id: 1 }))
  const [bad, good] = await take(all, 2)
  t.throws(() => bad!.value, { code: 'payload.malformed' })
  t.is(good!.value, text.toString())
  t.is(good!.payload.length, text.length)
})
