import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import { GroupEnding, type GroupEnd } from '../../agents/group-ending.ts'
import { Deadlines } from '../../broker/ground/deadlines.ts'
import { FakeClock, settle } from '../support/fake-clock.ts'

/** The ending of a group that was started for it, whose leader is seen to end when the test says so. */
async function ending(t: ExecutionContext, graceMs: number) {
  const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  const gone = once(child, 'exit')
  await once(child, 'spawn')
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock, { onError: error => t.fail(String(error)) })
  const state = { isLeaderRunning: true, end: undefined as GroupEnd | undefined }
  const group = new GroupEnding({ group: child.pid!, graceMs, clock, deadlines, isLeaderRunning: () => state.isLeaderRunning })
  void group.done.then(end => (state.end = end))
  return { clock, deadlines, group, state, gone }
}

test('group ending: nobody there any more is seen at the next look, and no timer is left', async t => {
  const { clock, deadlines, state, gone } = await ending(t, 60_000)
  await gone
  t.is(state.end, undefined)
  state.isLeaderRunning = false
  await clock.advance(250)
  t.is(state.end, 'ended')
  t.is(deadlines.size, 0)
})

test('group ending: who survives SIGKILL is given up after two seconds', async t => {
  const { clock, deadlines, state } = await ending(t, 1000)
  await clock.advance(2900)
  t.is(state.end, undefined)
  await clock.advance(600)
  t.is(state.end, 'stuck')
  t.is(deadlines.size, 0)
})

test('group ending: a broker that was held up for seconds gives up nobody whose end it has not had the time to see', async t => {
  const { clock, group, state } = await ending(t, 60_000)
  group.kill()
  await clock.advance(100)
  for (const more of [5000, 5000]) {
    clock.oversleep(more)
    await clock.advance(0)
    t.is(state.end, undefined)
  }
  state.isLeaderRunning = false
  group.look()
  await settle()
  t.is(state.end, 'ended')
})

// Counted in looks as they were planned, it took longer than its actor waits, which then did not know who was left.
test('group ending: a broker that comes late to each look gives up who survives SIGKILL not much later', async t => {
  const { clock, group, state } = await ending(t, 60_000)
  group.kill()
  const killedMs = clock.monotonicMs()
  while (state.end === undefined && clock.monotonicMs() - killedMs < 60_000) {
    clock.oversleep(700)
    await clock.advance(0)
  }
  t.is(state.end, 'stuck')
  t.true(clock.monotonicMs() - killedMs < 6000, `${clock.monotonicMs() - killedMs} ms`)
})

test('group ending: looks that others ask for neither put off its own nor count as such', async t => {
  const { clock, deadlines, group, state } = await ending(t, 60_000)
  group.kill()
  for (let i = 0; i < 1000 && state.end === undefined; i++) {
    await clock.advance(4)
    group.look()
  }
  t.is(state.end, 'stuck')
  t.true(clock.monotonicMs() >= 2000 && clock.monotonicMs() < 2500, `${clock.monotonicMs()} ms`)
  t.is(deadlines.size, 0)
})
