import test from 'ava'
import { parseQueueOptions } from '../../../bench/queue/options.ts'
import { UsageError } from '../../../bench/usage.ts'

test('queue options: everything in five rounds on a real disk, without a word', t => {
  const { subjects, rounds, messages, directory, backlog, isSmoke } = parseQueueOptions([])
  t.deepEqual([subjects.length, rounds, messages, directory, backlog, isSmoke], [6, 5, 100_000, '/var/tmp', 0, false])
})

test('queue options: a backlog may be written with underscores', t => t.is(parseQueueOptions(['--backlog', '10_000_000']).backlog, 10_000_000))

test('queue options: what is wrong is said with what is allowed', t => {
  t.throws(() => parseQueueOptions(['--servers', 'fsync,kafka']), { instanceOf: UsageError, message: /kafka.*rabbitmq/ })
  t.throws(() => parseQueueOptions(['--messages', '10']), { instanceOf: UsageError, message: /2000\.\.100000000/ })
  t.throws(() => parseQueueOptions(['--fast']), { instanceOf: UsageError })
})
