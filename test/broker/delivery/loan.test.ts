import test from 'ava'
import { isMostOfItsMemory, Loan } from '../../../broker/delivery/loan.ts'

test('loan: a chunk and one that misses its headers are on loan, what is carved out of a pool or a slab is not', t => {
  t.true(isMostOfItsMemory(new Uint8Array(100)))
  t.true(isMostOfItsMemory(new Uint8Array(100).subarray(8)))
  t.false(isMostOfItsMemory(new Uint8Array(100).subarray(50)))
  // The largest buffer that comes out of Node's pool.
  for (let bytes = 1; bytes < 2 * Buffer.poolSize; bytes++) {
    const buffer = Buffer.allocUnsafe(bytes)
    if (buffer.buffer.byteLength !== bytes) t.false(isMostOfItsMemory(buffer), `${bytes} bytes`)
  }
})

test('loan: the memory goes back when the last holder lets go', t => {
  const chunk = new Uint8Array(64)
  const loan = new Loan([chunk])
  loan.hold()
  loan.release()
  t.is(chunk.length, 64)
  loan.release()
  t.is(chunk.length, 0)
})
