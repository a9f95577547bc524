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
  const group = new GroupEnding({ group: child.pid!, graceMs, deadlines, isLeaderRunning: () => state.isLeaderRunning })
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
