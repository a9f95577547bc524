import test from 'ava'
import { PhaseWatch } from '../../actors/phase-watch.ts'

test('phase watch: a phase that is reached, at once or later, is true', async t => {
  const watch = new PhaseWatch()
  const later = watch.reaches('run')
  watch.entered('init')
  t.true(await watch.reaches('init'))
  watch.entered('run')
  t.true(await later)
})

test('phase watch: an end without it is false, also for who asks afterwards', async t => {
  const watch = new PhaseWatch()
  const [run, exited] = [watch.reaches('run'), watch.reaches('exited')]
  watch.entered('terminate')
  watch.entered('exited')
  t.false(await run)
  t.true(await exited)
  t.false(await watch.reaches('run'))
})
