import { Encoder } from '@msgpack/msgpack'
import test from 'ava'
import fc from 'fast-check'
import { decodeFrame, encodeFrame, type Frame } from '../../broker/wire/frame.ts'
import { writeUint53 } from '../../broker/wire/integers.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { ReceiptReader } from '../../client/receipt.ts'

interface Said {
  readonly receivers: number
  readonly queue: string
  readonly position: number
  readonly isDuplicate: boolean
}

const encoder = new Encoder()

/** As the broker writes it: the position last, in 8 bytes. */
function wide({ receivers, queue, position, isDuplicate }: Said): Frame {
  const payload = encoder.encode({ receivers, stored: { queue, ...(isDuplicate ? { duplicate: true } : {}), position: Number.MAX_SAFE_INTEGER } })
  writeUint53(payload, payload.length - 8, position)
  return frame(payload)
}

/** As any encoder writes it. */
function narrow({ receivers, queue, position, isDuplicate }: Said): Frame {
  return frame(encoder.encode({ receivers, stored: { queue, position, ...(isDuplicate ? { duplicate: true } : {}) } }))
}

function frame(payload: Uint8Array): Frame {
  const bytes = encodeFrame({ kind: Kind.receipt, payload })
  return decodeFrame(bytes, 0, bytes.length)
}

// Few of each, so that one receipt is often like the last.
const said = fc.record({
  receivers: fc.constantFrom(1, 2, 300),
  queue: fc.constantFrom('jobs', 'jabs', 'mail.out'),
  position: fc.oneof(fc.nat(200), fc.maxSafeNat()),
  isDuplicate: fc.boolean(),
})

test('receipt: says the same whatever came before it, however it is written', t => {
  fc.assert(
    fc.property(fc.array(fc.tuple(said, fc.boolean(), fc.nat(3)), { maxLength: 40 }), receipts => {
      const reader = new ReceiptReader()
      for (const [each, isWide, nth] of receipts) {
        const { receivers, queue, position, isDuplicate } = each
        t.deepEqual(reader.read(isWide ? wide(each) : narrow(each), nth), { receivers, stored: { queue, position: position + nth, isDuplicate } })
      }
    }),
  )
})

test('receipt: what a later broker says besides is told, and not taken for what the next one says', t => {
  const reader = new ReceiptReader()
  const more = (note: number, position: number): Frame => frame(encoder.encode({ receivers: 1, note, stored: { queue: 'jobs', position } }))
  t.deepEqual(reader.read(more(1, Number.MAX_SAFE_INTEGER), 0), { receivers: 1, note: 1, stored: { queue: 'jobs', position: Number.MAX_SAFE_INTEGER, isDuplicate: false } } as object)
  t.deepEqual(reader.read(more(2, Number.MAX_SAFE_INTEGER - 1), 0), { receivers: 1, note: 2, stored: { queue: 'jobs', position: Number.MAX_SAFE_INTEGER - 1, isDuplicate: false } } as object)
})
