import test from 'ava'
import { ReleaseStack } from '../../actors/release-stack.ts'
import { settle } from '../support/fake-clock.ts'
import { recordedLog } from '../support/recorded-log.ts'

const never = new Promise<void>(() => {})

function stack() {
  const log = recordedLog()
  const calls: string[] = []
  return { log, calls, releases: new ReleaseStack(log), call: (name: string) => () => void calls.push(name) }
}

test('release stack: the last acquired goes first, each after the one before has settled', async t => {
  const { releases, calls, call } = stack()
  const slow = Promise.withResolvers<void>()
  releases.defer(call('first'))
  releases.defer(() => slow.promise.then(call('slow')))
  releases.defer(call('last'))
  const done = releases.release(never)
  await settle()
  t.deepEqual(calls, ['last'])
  slow.resolve()
  await done
  t.deepEqual(calls, ['last', 'slow', 'first'])
})

test('release stack: one that throws or rejects is logged and the rest are called', async t => {
  const { releases, calls, call, log } = stack()
  const [thrown, rejected] = [new Error('thrown'), new Error('rejected')]
  releases.defer(call('first'))
  releases.defer(() => {
    throw thrown
  })
  releases.defer(() => Promise.reject(rejected))
  await releases.release(never)
  t.deepEqual(calls, ['first'])
  t.deepEqual(
    log.records.map(record => record.fields['error']),
    [rejected, thrown],
  )
})

test('release stack: after the cut nothing is waited for and everything is still called', async t => {
  const { releases, calls, call } = stack()
  const cut = Promise.withResolvers<void>()
  releases.defer(call('first'))
  releases.defer(() => never)
  releases.defer(() => {
    calls.push('hangs')
    return never
  })
  const done = releases.release(cut.promise)
  await settle()
  t.deepEqual(calls, ['hangs'])
  cut.resolve()
  await done
  t.deepEqual(calls, ['hangs', 'first'])
})

test('release stack: what is deferred while releasing is released, what comes afterwards at once', async t => {
  const { releases, calls, call, log } = stack()
  releases.defer(call('first'))
  releases.defer(() => releases.defer(call('during')))
  await releases.release(never)
  releases.defer(call('after'))
  t.deepEqual(calls, ['during', 'first', 'after'])
  releases.defer(() => Promise.reject(new Error('too late')))
  await settle()
  t.is(log.records.length, 1)
})

test('release stack: nothing is released twice', async t => {
  const { releases, calls, call } = stack()
  releases.defer(call('once'))
  await Promise.all([releases.release(never), releases.release(never)])
  t.deepEqual(calls, ['once'])
})
