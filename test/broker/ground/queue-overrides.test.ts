import test from 'ava'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { Fields } from '../../../broker/ground/fields.ts'
import { queueWith, readQueueOverrides, refuseUnknownOverrides } from '../../../broker/ground/queue-overrides.ts'
import { defaultQueue } from '../../../broker/ground/store-settings.ts'

const read = (value: unknown): ReturnType<typeof readQueueOverrides> =>
  readQueueOverrides(new Fields('queue', value, problem => new BrokerError('method.bad_params', { method: 'channel.create', problem })))

test('queue overrides: what a queue does not say is as for all', t => {
  t.deepEqual(queueWith(defaultQueue), defaultQueue)
  t.deepEqual(queueWith(defaultQueue, { maxMessages: undefined, retry: { maxAttempts: undefined } }), defaultQueue)
  const own = queueWith(defaultQueue, { maxMessages: 7, retry: { maxAttempts: 9 }, deadLetter: { enabled: false }, ordering: { guarantee: 'per_queue' }, deduplication: { windowMs: 5 } })
  t.deepEqual(own, {
    ...defaultQueue,
    maxMessages: 7,
    retry: { ...defaultQueue.retry, maxAttempts: 9 },
    deadLetter: { ...defaultQueue.deadLetter, enabled: false },
    ordering: { ...defaultQueue.ordering, guarantee: 'per_queue' },
    deduplication: { ...defaultQueue.deduplication, windowMs: 5 },
  })
})

test('queue overrides: every setting can be read from a body, and what is not there is not', t => {
  t.deepEqual(read(defaultQueue), defaultQueue)
  t.deepEqual(read({}), {})
  t.deepEqual(read({ retry: { backoff: [100, 200] }, deadLetter: {} }), { retry: { backoff: [100, 200] }, deadLetter: {} })
})

test('queue overrides: a wrong value is refused by its name', t => {
  const wrong: [unknown, RegExp][] = [
    ['x', /queue must be a map/],
    [{ maxMessages: -1 }, /queue\.maxMessages must be an integer of 0\.\.1000000000000, got -1/],
    [{ whenFull: 'drop' }, /queue\.whenFull must be one of refuse, drop-oldest, drop-newest/],
    [{ durability: 'disk' }, /queue\.durability must be one of memory, os, fsync/],
    [{ retry: 3 }, /queue\.retry must be a map, got 3/],
    [{ retry: { backoff: [1.5] } }, /queue\.retry\.backoff must be an array of whole numbers/],
    [{ retry: { backoff: [] } }, /queue\.retry\.backoff must be one of exponential, fixed, got an array/],
    [{ retry: { backoff: 'linear' } }, /queue\.retry\.backoff must be one of exponential, fixed/],
    [{ retry: { jitter: 2 } }, /queue\.retry\.jitter must be a number of 0\.\.1, got 2/],
    [{ ordering: { timeoutMs: 0 } }, /queue\.ordering\.timeoutMs must be an integer of 1\.\./],
  ]
  for (const [value, message] of wrong) t.regex(t.throws(() => read(value), { instanceOf: BrokerError }).message, message)
})

test('queue overrides: a key that there is not was ignored, and the default held; it is refused, with the one that was meant', t => {
  const refuse = (value: unknown): void => refuseUnknownOverrides(new Fields('params.queue', value, problem => new BrokerError('method.bad_params', { method: 'channel.create', problem })))
  t.notThrows(() => refuse(defaultQueue))
  const wrong: [unknown, RegExp][] = [
    [{ maxMesages: 5 }, /params\.queue has no key "maxMesages"; did you mean maxMessages\?/],
    [{ retry: { maxAttempt: 5 } }, /params\.queue\.retry has no key "maxAttempt"; did you mean maxAttempts\?/],
    [{ deadLetter: { maxAgeMS: 1, age: 2 } }, /params\.queue\.deadLetter has no key "maxAgeMS"; did you mean maxAgeMs\?/],
    [{ deduplication: { xyz: 1 } }, /params\.queue\.deduplication has no key "xyz"; expected enabled, windowMs, storage/],
    [{ ordering: { ['y'.repeat(1000)]: 1 } }, /params\.queue\.ordering has no key "y{64}…"; expected enabled, guarantee/],
  ]
  for (const [value, message] of wrong) t.regex(t.throws(() => refuse(value), { instanceOf: BrokerError }).message, message)
})
