import { createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto'
import { deflateRawSync, inflateRawSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { CpuPool, type Signed } from '../../../broker/pool/cpu-pool.ts'
import { share } from '../../../broker/pool/work.ts'
import { errorCode } from '../../support/error-code.ts'
import { recordedLog } from '../../support/recorded-log.ts'
import { until } from '../../support/until.ts'
import { sameBytes } from '../../support/same-bytes.ts'

const KIB = 1024
/** RFC 7692 7.2.2: what the receiver adds. */
const FLUSH_TAIL = Buffer.of(0, 0, 0xff, 0xff)

function openPool(t: ExecutionContext, threads = 1): CpuPool & { readonly waits: number[]; readonly log: ReturnType<typeof recordedLog> } {
  const waits: number[] = []
  const log = recordedLog()
  const pool = new CpuPool({ threads, log, onWait: (micros) => waits.push(micros) })
  pool.open((error) => t.fail(String(error)))
  t.teardown(() => pool.close())
  return Object.assign(pool, { waits, log })
}

/** Text with a signature behind it, right or wrong, covered in two pieces. */
function signed(key: KeyObject, text: Uint8Array, isRight = true): Signed {
  const mac = createHmac('sha256', key).update(text).digest()
  if (!isRight) mac[31]! ^= 1
  return { bytes: share(Buffer.concat([text, mac])), ranges: [0, text.length >> 1, text.length >> 1, text.length], signatureAt: text.length, key }
}

test('cpu pool: nothing runs before the first task', async (t) => {
  const pool = openPool(t)
  t.is(pool.threads.length, 0)
  await pool.compress(share(randomBytes(KIB)))
  t.is(pool.threads.length, 1)
  t.is(pool.doneTasks, 1)
  t.is(pool.waits.length, 1)
  t.true(pool.waits[0]! > 0)
})

test('cpu pool: tells right signatures from wrong ones, whatever stands beside them', async (t) => {
  const pool = openPool(t)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat({ max: 2 }), fc.boolean(), fc.uint8Array({ minLength: 1, maxLength: 300 })), { minLength: 1, maxLength: 200 }), async (items) => {
      const verdicts = await Promise.all(items.map(([key, isRight, text]) => pool.verify(signed(keys[key]!, text, isRight))))
      t.deepEqual(verdicts, items.map(([, isRight]) => isRight))
    }),
    { numRuns: 30 },
  )
  t.is(pool.inlineTasks, 0)
})

const keys = ['one', 'two', 'three'].map((token) => createSecretKey(Buffer.from(token)))

test('cpu pool: signatures of one turn go in batches of 64', async (t) => {
  const pool = openPool(t)
  await Promise.all(Array.from({ length: 130 }, () => pool.verify(signed(keys[0]!, randomBytes(KIB)))))
  t.is(pool.doneTasks, 3)
})

test('cpu pool: a worker that has not met a key gets it', async (t) => {
  const pool = openPool(t, 2)
  // Many at a time, so that both threads have some; the key crosses with the first batch only.
  const rounds = Array.from({ length: 40 }, () => signed(keys[0]!, randomBytes(64 * KIB)))
  const verdicts: Promise<boolean>[] = []
  for (const round of rounds) {
    verdicts.push(pool.verify(round))
    await Promise.resolve()
    await Promise.resolve()
  }
  t.true((await Promise.all(verdicts)).every(Boolean))
})

test('cpu pool: zstd there and back', async (t) => {
  const pool = openPool(t)
  const text = Buffer.from('callboard '.repeat(10_000))
  const packed = await pool.compress(share(text))
  sameBytes(t, zstdDecompressSync(packed), text)
  sameBytes(t, await pool.decompress(share(zstdCompressSync(text)), text.length), text)
})

test('cpu pool: what holds more than it announces is refused, and costs no more than what it announces', async (t) => {
  const pool = openPool(t)
  const bomb = share(zstdCompressSync(Buffer.alloc(64 * KIB * KIB)))
  t.true(bomb.length < 16 * KIB)
  t.is(await errorCode(pool.decompress(bomb, 100 * KIB)), 'payload.malformed')
  t.is(await errorCode(pool.decompress(share(zstdCompressSync(Buffer.alloc(100))), 200)), 'payload.malformed')
  t.is(await errorCode(pool.decompress(share(randomBytes(100)), 200)), 'payload.malformed')
  t.throws(() => pool.decompressNow(bomb, 100 * KIB), { code: 'payload.malformed' })
  // It goes on.
  t.is((await pool.decompress(share(zstdCompressSync(Buffer.alloc(100))), 100)).length, 100)
})

test('cpu pool: deflate is what permessage-deflate sends', async (t) => {
  const pool = openPool(t)
  const text = Buffer.from('callboard '.repeat(10_000))
  const message = await pool.deflate(text)
  t.true(message.length < text.length / 50)
  sameBytes(t, inflateRawSync(Buffer.concat([message, FLUSH_TAIL, deflateRawSync(Buffer.alloc(0))])), text)
})

test('cpu pool: the work of a killed thread is done again', async (t) => {
  const pool = openPool(t)
  await pool.compress(share(randomBytes(KIB)))
  const texts = Array.from({ length: 20 }, () => share(randomBytes(256 * KIB)))
  const packed = texts.map((text) => pool.compress(text))
  await killThread(pool)
  for (const [i, bytes] of (await Promise.all(packed)).entries()) sameBytes(t, zstdDecompressSync(bytes), Buffer.from(texts[i]!))
  t.true(pool.lostTries > 0)
  t.true((await pool.compress(texts[0]!)).length > 0)
  t.is(pool.threads.length, 1)
})

test('cpu pool: threads that die while they start do not hold up their queue', async (t) => {
  const pool = openPool(t)
  const packed = Promise.all(Array.from({ length: 5 }, () => pool.compress(share(randomBytes(KIB)))))
  await until(() => pool.threads.length > 0)
  await killThread(pool)
  t.is((await packed).length, 5)
})

test('cpu pool: a closed pool does its work here, and an opened one elsewhere again', async (t) => {
  const pool = openPool(t)
  const packed = Promise.all(Array.from({ length: 10 }, () => pool.compress(share(randomBytes(64 * KIB)))))
  await pool.close()
  t.is((await packed).length, 10)
  t.is(pool.doneTasks + pool.inlineTasks, 10)
  t.true(pool.isFull)
  t.is(pool.threads.length, 0)
  pool.open((error) => t.fail(String(error)))
  const before = pool.doneTasks
  await pool.compress(share(randomBytes(KIB)))
  t.is(pool.doneTasks, before + 1)
})

test('cpu pool: what is more than it may hold is done here', async (t) => {
  const pool = openPool(t)
  const text = share(Buffer.alloc(16 * KIB * KIB))
  const packed = Array.from({ length: 6 }, () => pool.compress(text))
  t.true(pool.isFull)
  t.is(pool.inlineTasks, 2)
  await Promise.all(packed)
  t.is(pool.doneTasks, 4)
  t.is(pool.depth, 0)
})

async function killThread(pool: CpuPool): Promise<void> {
  await pool.threads[0]!.terminate()
}
