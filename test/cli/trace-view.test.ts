import test from 'ava'
import type { TraceEntry } from '../../broker/ground/trace-api.ts'
import { drawWays } from '../../cli/trace-view.ts'
import { formatTime } from '../../cli/format.ts'

const TIME = 1_700_000_000_123_000

const entry = (more: Partial<TraceEntry> = {}): TraceEntry => ({
  seq: 1, time: TIME, origin: 17, sender: 'cli-4711', id: 42, kind: 'publish', subject: 'command', count: 1, bytes: 128, receivers: 1, fate: 'written', steps: { authorised: 3, routed: 8, written: 1100 },
  ...more,
})
const at = formatTime(TIME / 1000)

test('trace view: the steps of a message with what each took, and every receiver\'s fate', t => {
  const deliveries = [{ connection: 'conn-4', client: 'echo', fate: 'written', written: 1100 }, { connection: 'conn-7', client: 'sensor-7', fate: 'dropped(overflow)' }]
  t.is(
    drawWays([entry({ mid: 'msg-123', receivers: 2, fate: 'mixed', deliveries })], 'abc.3'),
    [
      'publish 17.42 "msg-123" on command, 128 B',
      'id    abc.3.17.42',
      `from  cli-4711 (conn-17) at ${at}`,
      'fate  mixed',
      '  STEP           TOOK      AT',
      '  received          -    0 µs',
      '  authorised     3 µs    3 µs',
      '  routed         5 µs    8 µs  2 receivers',
      '  written     1.09 ms  1.1 ms',
      '  RECEIVER  CONNECTION      AT  FATE',
      '  echo      conn-4      1.1 ms  written',
      '  sensor-7  conn-7           -  dropped(overflow)',
    ].join('\n'),
  )
})

test('trace view: answers stand below their request, with their own ways', t => {
  const request = entry({ kind: 'request' })
  const answer = entry({ kind: 'response', origin: 4, id: 9, sender: 'echo', time: TIME + 2500, answers: { origin: 17, id: 42 } })
  const lines = drawWays([request, answer], 'abc.3').split('\n')
  t.true(lines.indexOf('request 17.42 on command, 128 B') < lines.indexOf('  answer, 2.5 ms after the request'))
  t.true(lines.includes('  response 4.9 on command, 128 B'))
  t.true(lines.includes('    id    abc.3.4.9'.slice(2)))
  // Of another request with that id, it would be a message of its own.
  const stranger = drawWays([request, { ...answer, answers: { origin: 18, id: 42 } }], 'abc.3')
  t.true(stranger.split('\n').includes('response 4.9 on command, 128 B'))
})

test('trace view: an answer to one request of a run is found', t => {
  const run = entry({ kind: 'request', id: 40, count: 5 })
  t.regex(drawWays([run, entry({ kind: 'part', origin: 4, id: 1, answers: { origin: 17, id: 44 } })], 'a.1'), /^ {2}answer, 0 µs after the request$/m)
})

const ends: [what: string, more: Partial<TraceEntry>, line: RegExp][] = [
  ['nobody was there', { receivers: 0, fate: 'dropped(no-interest)', steps: { authorised: 1, routed: 2 } }, /^ {2}written +- +- {2}nobody was there$/m],
  ['one that waits', { fate: 'pending', steps: { authorised: 1, routed: 2 } }, /^ {2}written +- +- {2}not at every receiver$/m],
  ['one whose fate is forgotten', { fate: 'unknown', steps: { authorised: 1, routed: 2 } }, /when is not known any more$/m],
  ['a run', { count: 7, receivers: 14 }, /^publish 17\.42 on command, 128 B, in a run of 7 messages$/m],
  ['one that was refused', { kind: 'refused', subject: '', bytes: 0, receivers: 0, fate: 'rejected(channel.direction)', steps: { authorised: 0, routed: 0 } }, /^refused 17\.42\n[^]*^ {2}refused +- +- {2}rejected\(channel\.direction\)$/m],
  ['a name that would steer the terminal', { sender: '\u001b[2J' }, /^from {2}\\x1b\[2J /m],
]

for (const [what, more, line] of ends) test(`trace view: ${what}`, t => t.regex(drawWays([entry(more)], 'abc.3'), line))

test('trace view: a queue is a receiver with a history: where it stands, who had it, how it ended', t => {
  const queue = { position: 1204, stored: 900, events: [{ event: 'leased', at: 1000, attempt: 1, connection: 'conn-9', client: 'worker' }, { event: 'nacked', at: 2000, attempt: 1, connection: 'conn-9', client: 'worker', reason: 'no printer' }, { event: 'dead-lettered', at: 2100, attempt: 1, reason: 'max-attempts' }] }
  const lines = drawWays([entry({ fate: 'stored', steps: { authorised: 3, routed: 8 }, deliveries: [{ connection: 'queue', client: 'jobs', fate: 'stored', queue }] })], 'abc.3').split('\n')
  t.deepEqual(lines.slice(4), [
    '  STEP          TOOK      AT',
    '  received         -    0 µs',
    '  authorised    3 µs    3 µs',
    '  routed        5 µs    8 µs  1 receiver',
    '  stored      892 µs  900 µs',
    '  RECEIVER  CONNECTION      AT  FATE',
    '  jobs      queue       900 µs  stored at 1,204',
    '  IN THE QUEUE   ATTEMPT      AT  CONSUMER',
    '  leased               1    1 ms  worker (conn-9)',
    '  nacked               1    2 ms  worker (conn-9)  no printer',
    '  dead-lettered        1  2.1 ms                   max-attempts',
  ])
})
