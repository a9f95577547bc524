import test from 'ava'
import { deadLetterTable, queueFields, queuesFields, queueTable, statsTable, statusTable, storeFields } from '../../cli/queue-view.ts'
import { deadTable, queuedText, waitingTable, type QueuedRow } from '../../cli/queued-view.ts'
import { receiptText } from '../../cli/receipt-view.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { defaultQueue } from '../../broker/ground/store-settings.ts'
import { queueInfo } from '../support/queue-info.ts'

const HOUR = 3_600_000
const lines = (text: string): string[] => text.split('\n').map(line => line.replaceAll(/ {2,}/g, ' | '))

test('queue view: the list says how much waits, how fast it comes and goes, and what is wrong', t => {
  const busy = queueInfo({ name: 'busy', consumers: 2, counts: { ready: 1200, delayed: 3, held: 1, inFlight: 6, deadLetters: 4, oldestAtMs: Date.now() - 5 * HOUR }, rates: { stored: 120, acked: 3.14, coversMs: 10_000 } })
  const { counts: _, ...away } = queueInfo({ name: 'away', problem: new BrokerError('store.failed', { backend: 'embedded', problem: 'x' }).toBody() })
  t.deepEqual(lines(queueTable([busy, queueInfo({ name: 'idle', isPaused: true }), away])), [
    'QUEUE | STATE | WAITING | IN FLIGHT | DEAD | CONSUMERS | IN | OUT | OLDEST',
    'busy | ok | 1,210 | 6 | 4 | 2 | 120/s | 3.1/s | 5 h',
    'idle | paused | 0 | 0 | 0 | 0 | 0/s | 0/s | -',
    'away | store.failed | ? | ? | ? | 0 | 0/s | 0/s | ?',
  ])
})

test('queue view: status, stats and dead letters have a line for each queue', t => {
  const queue = queueInfo({ counts: { ready: 5, delayed: 4, held: 3, inFlight: 2, bytes: 2048, deadLetters: 7, deadLetterBytes: 100, stored: 50, duplicates: 1, acked: 20, forwarded: 2, retried: 9, deadLettered: 8, replayed: 1, expired: 3, dropped: 4, purged: 6 } })
  t.deepEqual(lines(statusTable([queue])).at(-1), 'jobs | ok | 5 | 4 | 3 | 2 | 2 KiB | 7 | 0 | -')
  t.deepEqual(lines(statsTable([queue])), ['QUEUE | STORED | DUPLICATES | ACKED | FORWARDED | RETRIED | DEAD | REPLAYED | EXPIRED | DROPPED | PURGED | WAITING', 'jobs | 50 | 1 | 20 | 2 | 9 | 8 | 1 | 3 | 4 | 6 | 14'])
  t.deepEqual(lines(deadLetterTable([queue])).at(-1), 'jobs | 7 | 100 B | 8 | 1 | 7 d')
  const kept = (deadLetter: { enabled: boolean; maxAgeMs: number }): string => lines(deadLetterTable([queueInfo({ settings: { ...defaultQueue, deadLetter } })])).at(-1)!
  t.regex(kept({ enabled: false, maxAgeMs: 5 }), /not at all$/)
  t.regex(kept({ enabled: true, maxAgeMs: 0 }), /for ever$/)
})

test('queue view: of one queue all is said, in words', t => {
  const text = queueFields(queueInfo({
    counts: { ready: 1, inFlight: 1, oldestAtMs: Date.now() - 5000 },
    rates: { stored: 2, acked: 1, coversMs: 10_000 },
    settings: { ...defaultQueue, maxBytes: 0, retentionMs: 60_000, retry: { ...defaultQueue.retry, maxAttempts: 0, backoff: [1000, 5000] }, ordering: { ...defaultQueue.ordering, enabled: true }, deduplication: { ...defaultQueue.deduplication, enabled: true } },
  }))
  for (const said of ['2 (1 ready, 0 delayed, 0 held for order, 1 in flight)', '2/s in, 1/s done, over 10 s', '10,000 messages, any size; when full: refuse', 'after 1 m', 'as many attempts as it takes, after 1 s, 5 s', 'known for 5 m (persistent)', 'per_session; waits 10 s']) t.true(text.includes(said), said)
  const plain = queueFields(queueInfo())
  for (const said of ['nothing waits', 'not known yet', '3 attempts, first after 1 s, twice that each time, 30 s at most', 'not looked for', 'when the disk has it (fsync)']) t.true(plain.includes(said), said)
})

test('queue view: what is damaged is counted among what waits, so that the sums hold, and named', t => {
  const queue = queueInfo({ counts: { stored: 10, acked: 7, ready: 1, damaged: 2 } })
  t.regex(lines(queueTable([queue])).at(-1)!, /^jobs \| ok, 2 damaged \| 3 \|/)
  t.regex(lines(statusTable([{ ...queue, isPaused: true }])).at(-1)!, /^jobs \| paused, 2 damaged \| 1 \|/)
  t.regex(lines(statsTable([queue])).at(-1)!, /\| 3$/)
  t.true(queueFields(queue).includes('3 (1 ready, 0 delayed, 0 held for order, 0 in flight, 2 damaged: see callboard queue verify)'))
})

test('queue view: the store says what it is and what it cannot promise', t => {
  t.regex(storeFields({ backend: 'embedded' }), /embedded, not open/)
  t.deepEqual(lines(storeFields({ backend: 'nats', features: { forward: false, durability: 'os', backup: false, verify: false, limits: ['it does not fsync'] } })), ['store | nats, up to os', ' | it does not fsync'])
  t.deepEqual(queuesFields({ backend: 'memory', count: 2, failed: ['a'], waiting: 1, deadLetters: 0, damaged: 0 }), [['queues', '2 (memory), 1 message waiting, 0 dead letters; a cannot work']])
})

const row: QueuedRow = { queue: 'jobs', position: 17, state: 'ready', kind: 'publish', subject: 'jobs.new', sender: 'shop', time: 1, attempts: 1, storedAt: Date.now() - 5 * HOUR, dueAt: 0, expiresAt: 0, bytes: 9, preview: '{"n":1}' }

test('queued view: a line for each message, without what could steer a terminal', t => {
  t.deepEqual(lines(waitingTable([row, { ...row, position: 18, dueAt: Date.now() + 5 * HOUR + 30_000, preview: `\u001b[2J${'x'.repeat(99)}` }])), [
    'QUEUE | POSITION | STATE | ATTEMPTS | AGE | DUE | SUBJECT | SENDER | SIZE | PAYLOAD',
    'jobs | 17 | ready | 1 | 5 h | - | jobs.new | shop | 9 B | {"n":1}',
    `jobs | 18 | ready | 1 | 5 h | in 5 h | jobs.new | shop | 9 B | \\x1b[2J${'x'.repeat(55)}…`,
  ])
})

test('queued view: a dead letter says why, and each attempt what went wrong', t => {
  const dead: QueuedRow = { ...row, state: 'dead', attempts: 2, lastError: 'no table', mid: 'm1', session: 's', headers: { a: 1 }, death: { reason: 'max-attempts', at: Date.now() - HOUR, history: [{ attempt: 1, endedAtMs: 0, error: 'locked' }, { attempt: 2, endedAtMs: 0, error: 'no table' }] } }
  t.is(lines(deadTable([dead])).at(-1), 'jobs | 17 | max-attempts | 2 | 1 h ago | no table | jobs.new | 9 B | {"n":1}')
  const text = queuedText({ ...dead, payload: { n: 1 } })
  for (const said of ['max-attempts, ', 'attempt 1', 'locked', 'm1', '{"a":1}', '"n": 1']) t.true(text.includes(said), said)
  t.regex(queuedText({ ...row, kind: 'request', bytes: 9000, preview: 'abc' }), /jobs\.new \(request\)[^]*abc \(the beginning of 9,000 bytes\)$/)
})

test('receipts: where a message stands, or that it was there before', t => {
  t.is(receiptText({ receivers: 2 }), '2 receivers')
  t.is(receiptText({ receivers: 0, isDuplicate: true }), 'a duplicate, not delivered again')
  t.is(receiptText({ receivers: 1, stored: { queue: 'jobs', position: 7, isDuplicate: false } }), 'stored in queue jobs at position 7')
  t.is(receiptText({ receivers: 3, stored: { queue: 'jobs', position: 7, isDuplicate: true } }), '3 receivers, a duplicate of position 7 in queue jobs')
})
