import { randomBytes } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { BrokerError } from '../../../../broker/ground/errors.ts'
import { StoreSeal, stateSum, type ReadRow, type RowFields } from '../../../../broker/store/embedded/row-seal.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const anyFields = fc.record({
  position: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  storedAtMs: fc.nat(),
  expiresAtMs: fc.nat(),
  sequence: fc.nat(),
  messageId: fc.option(fc.string({ maxLength: 40 })),
  session: fc.option(fc.string({ unit: 'grapheme', maxLength: 40 })),
})
const anyFrame = fc.uint8Array({ minLength: 4, maxLength: 300 }).map(bytes => bytes.with(0, 0))

/** A key file in a directory of its own. */
function keyFile(t: ExecutionContext, name = 'key'): { file: string } {
  const file = join(temporaryDirectory(t), name)
  writeFileSync(file, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 })
  return { file }
}

/** What would stand in the row. */
function rowOf(seal: StoreSeal, queue: string, fields: RowFields, frame: Uint8Array, attempts = 0, dueAtMs = 0): ReadRow & RowFields & { blob: Uint8Array; sum: number } {
  const { blob, sum, messageId, session } = seal.queue(queue).seal(fields, frame)
  return { ...fields, messageId, session, blob: Uint8Array.from(blob), sum: sum + stateSum(fields.position, attempts, dueAtMs), attempts, dueAtMs }
}

for (const kind of ['plain', 'encrypted'] as const) {
  const sealOf = (t: ExecutionContext): StoreSeal => StoreSeal.open(kind === 'plain' ? undefined : [keyFile(t)], undefined)

  test(`row seal: a message comes out as it went in (${kind})`, t => {
    const seal = sealOf(t)
    fc.assert(fc.property(anyFields, anyFrame, fc.nat(1000), fc.nat(), (fields, frame, attempts, due) => {
      const row = rowOf(seal, 'orders', fields, frame, attempts, due)
      t.true(Number.isSafeInteger(row.sum))
      const opened = seal.queue('orders').open(row)
      if (typeof opened === 'string') return t.fail(opened)
      t.deepEqual(Buffer.from(opened.frame), Buffer.from(frame))
      t.is(opened.messageId, fields.messageId ?? undefined)
      t.is(opened.session, fields.session ?? undefined)
    }), { numRuns: 100 })
  })

  test(`row seal: one flipped bit of the frame is found, whichever it is (${kind})`, t => {
    const seal = sealOf(t)
    const queue = seal.queue('orders')
    const row = rowOf(seal, 'orders', { position: 7, storedAtMs: 1, expiresAtMs: 0, sequence: 0, messageId: 'm', session: 's' }, Buffer.alloc(100))
    for (let bit = 0; bit < row.blob.length * 8; bit++) {
      row.blob[bit >> 3]! ^= 1 << (bit & 7)
      t.is(typeof queue.open(row), 'string')
      row.blob[bit >> 3]! ^= 1 << (bit & 7)
    }
    t.is(typeof queue.open(row), 'object')
  })

  test(`row seal: a row in another place, or with another column, is found (${kind})`, t => {
    const seal = sealOf(t)
    fc.assert(fc.property(anyFields, anyFrame, fc.constantFrom('position', 'storedAtMs', 'expiresAtMs', 'sequence', 'messageId', 'session', 'attempts', 'dueAtMs', 'sum'), fc.oneof(fc.nat(), fc.string(), fc.double(), fc.constant(null), fc.bigInt()), (fields, frame, column, value) => {
      const row = rowOf(seal, 'orders', fields, frame, 2, 5000)
      if ((row as unknown as Record<string, unknown>)[column] === value) return
      const opened = seal.queue('orders').open({ ...row, [column]: value })
      // 15 bits: one wrong state in 32,768 passes.
      if (column !== 'attempts' && column !== 'dueAtMs') t.is(typeof opened, 'string', `${column} ${String(value)}`)
    }), { numRuns: 300 })
    const row = rowOf(seal, 'orders', { position: 7, storedAtMs: 1, expiresAtMs: 0, sequence: 0, messageId: null, session: null }, Buffer.alloc(9))
    t.is(typeof seal.queue('invoices').open(row), 'string')
    t.is(typeof seal.queue('orders').open({ ...row, blob: null }), 'string')
  })
}

test('row seal: attempts and due time that were changed are found, but for one in 32,768', t => {
  let missed = 0
  for (let i = 1; i <= 100_000; i++) if (stateSum(i, 1, 1_763_000_000_000) === stateSum(i, 1, 1_763_000_000_000 + i * 4096)) missed++
  t.true(missed < 30, `${missed} of 100000`)
})

test('row seal: nothing of an encrypted message can be read in its row', t => {
  const seal = StoreSeal.open([keyFile(t)], undefined)
  const row = rowOf(seal, 'orders', { position: 1, storedAtMs: 0, expiresAtMs: 0, sequence: 0, messageId: 'invoice-4711', session: 'customer-9' }, Buffer.from('\0secret words'))
  const written = [Buffer.from(row.blob).toString('latin1'), row.messageId, row.session, Buffer.from(seal.queue('orders').sealText(1, 'secret words')).toString('latin1')].join(' ')
  for (const word of ['secret', 'invoice', 'customer']) t.false(written.includes(word), word)
  t.is(seal.queue('orders').idOf('invoice-4711'), row.messageId!, 'a repeat is still known')
  t.not(seal.queue('other').idOf('invoice-4711'), row.messageId!, 'but not across queues')
})

test('row seal: who changes an encrypted row and mends its checksum is found, too', t => {
  const seal = StoreSeal.open([keyFile(t)], undefined)
  const fields = { position: 1, storedAtMs: 0, expiresAtMs: 0, sequence: 0, messageId: null, session: null }
  const row = rowOf(seal, 'orders', fields, Buffer.from('\0one'))
  // A plain seal computes the checksum that anybody can compute.
  const moved = { ...rowOf(StoreSeal.keyless(), 'orders', { ...fields, position: 2 }, row.blob) }
  t.is(seal.queue('orders').check(moved), undefined)
  t.regex(seal.queue('orders').open(moved) as string, /the seal does not fit/)
  const renamed = rowOf(StoreSeal.keyless(), 'orders', { ...fields, messageId: 'other' }, row.blob)
  t.regex(seal.queue('orders').open(renamed) as string, /hashes/)
})

test('row seal: keys are rotated: the first seals, all open, and ids stay the same', t => {
  const [old, young] = [keyFile(t), keyFile(t)]
  const before = StoreSeal.open([old], undefined)
  const fields = { position: 1, storedAtMs: 0, expiresAtMs: 0, sequence: 0, messageId: 'm', session: null }
  const row = rowOf(before, 'orders', fields, Buffer.from('\0one'))
  const after = StoreSeal.open([young, old], before.ring!.record)
  t.not(after.ring!.record, before.ring!.record)
  t.is(after.ring!.keys.length, 2)
  t.is(typeof after.queue('orders').open(row), 'object')
  t.is(after.queue('orders').idOf('m'), row.messageId!)
  t.is(StoreSeal.open([young, old], after.ring!.record).ring!.record, after.ring!.record, 'opened again, nothing changes')
  t.regex(errorText(t, () => StoreSeal.open([young], after.ring!.record)), /sealed with key [0-9a-f]{8}.*name its file/)
})

test('row seal: a store that is encrypted does not open without its key', t => {
  const { ring } = StoreSeal.open([keyFile(t)], undefined)
  t.regex(errorText(t, () => StoreSeal.open(undefined, ring!.record)), /the store is encrypted with key/)
  t.regex(errorText(t, () => StoreSeal.open([keyFile(t)], ring!.record)), /sealed with key/)
})

test('row seal: a damaged record of the keys costs the known ids and no message, and is told', t => {
  const key = keyFile(t)
  const before = StoreSeal.open([key], undefined)
  const { ring } = before
  const fields = { position: 1, storedAtMs: 0, expiresAtMs: 0, sequence: 0, messageId: 'm', session: 's' }
  const row = rowOf(before, 'orders', fields, Buffer.from('\0one'))
  const after = StoreSeal.open([key], ring!.record.replace(/secret":"....../, 'secret":"AAAAAA'))
  t.regex(after.damage!, /ids and sessions .* are not known any more/)
  // With the new record, too.
  for (const seal of [after, StoreSeal.open([key], after.ring!.record)]) {
    t.like(seal.queue('orders').open(row), { messageId: 'm', session: 's' })
    t.not(seal.queue('orders').idOf('m'), row.messageId!)
    t.is(StoreSeal.open([key], seal.ring!.record).damage, undefined, 'told once')
  }
  t.is(before.damage, undefined)
  t.true(StoreSeal.open([key], ring!.record.replace(/secret":"....../, 'secret":"AAAAAA')).ring!.isRenewed)
  t.true(StoreSeal.open([key], 'nonsense').ring!.isRenewed)
  t.throws(() => StoreSeal.open(undefined, 'nonsense'), { message: /the store is encrypted, and/ })
})

test('row seal: keys come from files that are closed to others, and from commands without a shell', t => {
  const { file } = keyFile(t)
  const ofFile = StoreSeal.open([{ file }], undefined)
  const ofCommand = StoreSeal.open([{ command: ['cat', file] }], ofFile.ring!.record)
  t.is(ofCommand.ring!.record, ofFile.ring!.record)
  t.regex(errorText(t, () => StoreSeal.open([{ command: ['cat', `${file}; true`] }], undefined)), /exit code 1: .*No such file/)
  t.regex(errorText(t, () => StoreSeal.open([{ command: ['/nowhere/at/all'] }], undefined)), /ENOENT/)
  t.regex(errorText(t, () => StoreSeal.open([{ command: [] }], undefined)), /has no words/)
  t.regex(errorText(t, () => StoreSeal.open([{ file }, { file }], undefined)), /in the list already/)
  t.regex(errorText(t, () => StoreSeal.open([], undefined)), /names none/)
  t.regex(errorText(t, () => StoreSeal.open([{ file: '/nowhere' }], undefined)), /cannot be read/)
  chmodSync(file, 0o640)
  t.regex(errorText(t, () => StoreSeal.open([{ file }], undefined)), /others may read .* \(mode 0640\); run chmod 600/)
  const short = join(temporaryDirectory(t), 'short')
  writeFileSync(short, 'c2hvcnQ=', { mode: 0o600 })
  const said = errorText(t, () => StoreSeal.open([{ file: short }], undefined))
  t.regex(said, /gives 8 characters; expected 32 bytes/)
  t.false(said.includes('c2hvcnQ'), 'what may be a key is not told')
})

test('row seal: errors of attempts are sealed where they belong', t => {
  const seal = StoreSeal.open([keyFile(t)], undefined).queue('orders')
  const text = seal.sealText(7, 'card declined')
  t.is(seal.openText(7, text), 'card declined')
  t.is(seal.openText(8, text), undefined)
  t.is(StoreSeal.keyless().queue('orders').openText(7, text), undefined)
  t.is(StoreSeal.keyless().queue('orders').openText(7, StoreSeal.keyless().queue('orders').sealText(7, 'plain')), 'plain')
})

function errorText(t: ExecutionContext, work: () => unknown): string {
  const error = t.throws(work)
  t.is(BrokerError.from(error).code, 'store.key')
  return error.message
}
