import test from 'ava'
import fc from 'fast-check'
import { Notes, tallyOfAll } from '../../../../broker/store/brokered/notes.ts'

const note = fc.record({
  skew: fc.nat({ max: 5 }),
  dueAtMs: fc.nat(),
  history: fc.array(fc.record({ attempt: fc.nat({ max: 9 }), endedAtMs: fc.nat(), error: fc.string() }), { maxLength: 3 }),
  isGivenBack: fc.boolean(),
})
const notesOf = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 1000 }), note), { selector: ([position]) => position, maxLength: 20 })

test('notes: what was written is read again', t => {
  fc.assert(
    fc.property(notesOf, fc.nat(), fc.boolean(), (messages, retried, isPaused) => {
      const written = new Notes()
      written.tally.retried = retried
      written.isPaused = isPaused
      for (const [position, each] of messages) written.set(position, each)
      const read = Notes.read(written.write())
      t.deepEqual([read.tally, read.isPaused], [written.tally, isPaused])
      for (const [position, each] of messages) t.deepEqual(read.get(position), each)
      t.deepEqual(read.waiting(5), written.waiting(5))
    }),
  )
})

test('notes: what cannot be read is as if it had never been', t => {
  for (const text of [undefined, '', '{', '[]', '{"messages":[]}']) t.deepEqual(Notes.read(text).tally, new Notes().tally)
})

test('notes: a record stays small, the newest messages are in it', t => {
  const notes = new Notes()
  const error = 'x'.repeat(1000)
  for (let position = 1; position <= 30_000; position++) notes.set(position, { skew: 0, dueAtMs: 0, history: [{ attempt: 1, endedAtMs: 0, error }], isGivenBack: true })
  const text = notes.write()
  t.true(text.length < 300_000)
  t.truthy(Notes.read(text).get(30_000))
  t.true(notes.waiting(0).givenBack <= 20_000, 'nor is more kept in memory than is bounded')
})

test('notes: what all brokers did is their sum, whatever the others wrote', t => {
  const [own, other] = [new Notes(), new Notes()]
  own.tally.expired = 2
  other.tally.expired = 3
  other.tally.purged = 1
  t.like(tallyOfAll(own.tally, [other.write(), 'nonsense']), { expired: 5, purged: 1, dropped: 0 })
})
