import test from 'ava'
import { Kind } from '../../broker/ground/kind.ts'
import { nodePlatform } from '../../client/connect.ts'
import { withDefaults } from '../../client/connection-options.ts'
import { awaitEnd } from '../../client/goodbye.ts'
import { openClient } from '../../client/open-client.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { ScriptedBroker, TOKEN } from '../support/scripted-broker.ts'

interface Watch {
  readonly clock: FakeClock
  leftBytes: number
  /** When it was given up. ms */
  endedMs: number | undefined
}

function watch(leftBytes: number): Watch {
  const clock = new FakeClock()
  const watched: Watch = { clock, leftBytes, endedMs: undefined }
  awaitEnd(() => watched.leftBytes, clock, () => (watched.endedMs = clock.monotonicMs()))
  return watched
}

// After a second it lost what the broker's threads were still at work on, although close() had said that it left.
test('goodbye: a broker that has everything gets five seconds to end the connection', async t => {
  const watched = watch(0)
  await watched.clock.advance(4999)
  t.is(watched.endedMs, undefined)
  await watched.clock.advance(10_000)
  t.is(watched.endedMs, 5000)
  t.is(watched.clock.pendingTimers, 0)
})

test('goodbye: while it takes some of it now and then it is waited for, and then for five seconds', async t => {
  const watched = watch(1000)
  for (let i = 0; i < 10; i++) {
    await watched.clock.advance(4000)
    watched.leftBytes -= 100
  }
  t.is(watched.endedMs, undefined)
  await watched.clock.advance(60_000)
  t.is(watched.endedMs, 46_000)
})

test('goodbye: one that takes nothing for five seconds is given up', async t => {
  const watched = watch(1000)
  await watched.clock.advance(60_000)
  t.is(watched.endedMs, 5000)
})

test('goodbye: called off, nothing is given up', async t => {
  const clock = new FakeClock()
  const cancel = awaitEnd(() => 1, clock, () => t.fail())
  await clock.advance(2500)
  cancel()
  await clock.advance(60_000)
  t.is(clock.pendingTimers, 0)
})

// A second after the goodbye the rest of it was thrown away, and close() said that all was well.
test('close: what was sent leaves, however late the broker reads it', async t => {
  const broker = await ScriptedBroker.start(t)
  const clock = new FakeClock()
  const options = withDefaults({ retry: false }, { names: { client: 'tester' }, credential: () => ({ token: TOKEN, auth: 'token' }), sessionTtlMs: 0 })
  const [client, peer] = await Promise.all([openClient(nodePlatform(broker.socket), { ...options, clock }, undefined), broker.welcome()])
  t.teardown(() => client.destroy())
  peer.pause()
  // More than the kernel takes.
  client.publish('a', new Uint8Array(1_000_000)).catch(() => {})
  const closing = client.close()
  await clock.advance(4000)
  peer.resume()
  t.is((await peer.nextOf(Kind.publish)).payload.length, 1_000_000)
  await peer.nextOf(Kind.goodbye)
  await closing
  t.is(await client.closed, undefined)
})
