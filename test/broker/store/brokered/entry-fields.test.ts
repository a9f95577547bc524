// What stands beside a frame: read again as it was written, and never so much more of a dead letter that a server would take the message and not bury it.

import test from 'ava'
import { entryFields, readEntry } from '../../../../broker/store/brokered/entry-fields.ts'
import type { DeadEntry, Entry } from '../../../../broker/store/brokered/foreign-queue.ts'
import { deadHeaders as kafkaDead, entryHeaders as kafkaEntry } from '../../../../broker/store/kafka/entry-headers.ts'
import { deadHeaders as natsDead, entryHeaders as natsEntry } from '../../../../broker/store/nats/entry-headers.ts'

const plain: Entry = { frame: new Uint8Array(1_000_000), messageId: undefined, session: undefined, sequence: 0, dueAtMs: 0, expiresAtMs: 0 }
const full: Entry = { ...plain, messageId: 'one {é}', session: 'two', sequence: 3, dueAtMs: 4, expiresAtMs: 5 }

/** The longest one without its history. */
function buried(entry: Entry): DeadEntry {
  return { ...entry, position: Number.MAX_SAFE_INTEGER, storedAtMs: 1e13, attempts: 1e6, reason: 'max-attempts', atMs: 1e13, history: [] }
}

const bytesOf = {
  nats: (written: ReturnType<typeof natsEntry>) => (written as unknown as { encode(): Uint8Array } | undefined)?.encode().length ?? 0,
  kafka: (written: Record<string, string>) => Object.entries(written).reduce((sum, [name, text]) => sum + Buffer.byteLength(name + text), 0),
}

test('entry fields: what a server takes as a message it takes as a dead letter, as large as its largest', t => {
  for (const entry of [plain, full]) {
    t.true(bytesOf.nats(natsEntry(entry)) >= bytesOf.nats(natsDead(buried(entry))))
    t.true(bytesOf.kafka(kafkaEntry(entry)) >= bytesOf.kafka(kafkaDead(buried(entry))))
  }
})

test('entry fields: a small message has nothing more than it says, and a large one is read as it was', t => {
  t.deepEqual(entryFields({ ...plain, frame: new Uint8Array(1000) }), {})
  t.deepEqual(readEntry(entryFields(full), full.frame, 7, 8), { ...full, position: 7, storedAtMs: 8 })
})
