import test from 'ava'
import { waitUntil } from '../../actors/wait-until.ts'
import { actorEnvironment } from '../support/actor-environment.ts'

test('wait until: true at once or once it is so, false when the time is over', async t => {
  const environment = actorEnvironment()
  t.true(await waitUntil(() => true, 0, environment))
  t.false(await waitUntil(() => false, 0, environment))
  let isSo = false
  const waited = waitUntil(() => isSo, 60_000, environment)
  await environment.clock.advance(1000)
  isSo = true
  await environment.clock.advance(50)
  t.true(await waited)
  const late = waitUntil(() => false, 1000, environment)
  await environment.clock.advance(1100)
  t.false(await late)
})

test('wait until: what the look throws is the answer, and it is not looked at again', async t => {
  const environment = actorEnvironment()
  let looks = 0
  const waited = t.throwsAsync(waitUntil(() => {
    if (++looks === 2) throw new Error('it ended')
    return false
  }, 60_000, environment), { message: /it ended/ })
  await environment.clock.advance(1000)
  await waited
  t.is(looks, 2)
})
