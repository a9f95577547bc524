import { Command } from 'commander'
import test from 'ava'
import { messageFlags, publishOptions } from '../../cli/message-flags.ts'
import { overridesOf, queueFlags, type QueueFlags } from '../../cli/queue-flags.ts'
import { backoff, momentMs, position, positions, sizeBytes, waitMs, whole } from '../../cli/arguments.ts'

function parse(flags: ReturnType<typeof queueFlags>, words: string[]): object {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} })
  for (const flag of flags) command.addOption(flag)
  return command.parse(words, { from: 'user' }).opts()
}

test('queue flags: each option is one setting of the queue, and none is none', t => {
  const of = (...words: string[]): unknown => overridesOf(parse(queueFlags(), words) as QueueFlags)
  t.is(of(), undefined)
  t.deepEqual(of('--max-size', '0', '--max-bytes', '1mb', '--when-full', 'drop-oldest', '--retention', '7d', '--ack-wait', '1m', '--max-ack-pending', '5', '--durability', 'os'), {
    maxMessages: 0, maxBytes: 1_048_576, whenFull: 'drop-oldest', retentionMs: 604_800_000, ackWaitMs: 60_000, maxAckPending: 5, durability: 'os',
  })
  t.deepEqual(of('--max-attempts', '9', '--backoff', '1s,5s', '--initial-delay', '2s', '--max-delay', '1m'), { retry: { maxAttempts: 9, backoff: [1000, 5000], initialDelayMs: 2000, maxDelayMs: 60_000 } })
  t.deepEqual(of('--no-dead-letter'), { deadLetter: { enabled: false } })
  t.deepEqual(of('--dead-letter-age', '1d'), { deadLetter: { maxAgeMs: 86_400_000 } })
  t.deepEqual(of('--deduplicate', '5m'), { deduplication: { enabled: true, windowMs: 300_000 } })
  t.deepEqual(of('--deduplicate', '0'), { deduplication: { enabled: false } })
  t.deepEqual(of('--order', 'per_queue'), { ordering: { enabled: true, guarantee: 'per_queue' } })
  t.deepEqual(of('--order', 'none'), { ordering: { enabled: false, guarantee: 'none' } })
})

test('queue flags: a value that no queue takes was refused by a key that nobody typed; it is named by its option, with the range', t => {
  const of = (...words: string[]): unknown => parse(queueFlags(), words)
  t.throws(() => of('--ack-wait', '0'), { message: /option '--ack-wait <time>' argument '0' is invalid\. It must be from 1 ms to 7 d\./ })
  t.throws(() => of('--ack-wait', '8d'), { message: /--ack-wait/ })
  t.throws(() => of('--max-attempts', '1001'), { message: /--max-attempts <n>' argument '1001' is invalid\. It must be from 0 to 1,?000\./ })
  t.throws(() => of('--max-delay', '31d'), { message: /--max-delay/ })
  t.throws(() => of('--backoff', '1s,31d'), { message: /--backoff/ })
})

test('message flags: each option is one of publish', t => {
  const of = (...words: string[]): unknown => publishOptions(parse(messageFlags(), words))
  t.deepEqual(of(), {})
  t.deepEqual(of('--id', 'm', '--delay', '10m', '--ttl', '1h', '--session', 's', '--sequence', '3', '--durability', 'memory'), { mid: 'm', delayMs: 600_000, ttlMs: 3_600_000, session: 's', sequence: 3, durability: 'memory' })
  t.deepEqual(of('--deliver-at', '2026-12-24T18:00:00Z'), { deliverAt: Date.UTC(2026, 11, 24, 18) })
  t.throws(() => of('--delay', '1s', '--deliver-at', '2026-12-24'), { message: /cannot be used with/ })
})

test('arguments: sizes, waits, positions, moments and backoffs say what they must be', t => {
  t.is(sizeBytes('16kb'), 16_384)
  t.is(waitMs('0'), 0)
  t.is(waitMs('7d'), 604_800_000)
  t.is(whole('0'), 0)
  t.is(position('9007199254740991'), 9_007_199_254_740_991)
  t.deepEqual(positions('17, 18'), [17, 18])
  t.is(momentMs('1790000000000'), 1_790_000_000_000)
  t.deepEqual(backoff('fixed'), 'fixed')
  for (const [read, text] of [[sizeBytes, '1 kb'], [waitMs, 'soon'], [whole, '-1'], [position, '9007199254740992'], [positions, '0'], [positions, '1,,2'], [positions, Array.from({ length: 1001 }, () => '1').join(',')], [momentMs, 'tomorrow'], [momentMs, '2026-13-01'], [backoff, 'linear']] as const) {
    t.throws(() => read(text), { message: /^It must be / }, text)
  }
})
