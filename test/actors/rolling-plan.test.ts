import test from 'ava'
import fc from 'fast-check'
import { rollBackPlan, rollingPlan, type RollingStep } from '../../actors/rolling-plan.ts'

const instances = fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 20 }).map(numbers => numbers.toSorted((a, b) => a - b))

type Fleet = Map<number, 'old' | 'new'>

/** Performs steps on those that serve; `look` sees how many do at each moment, also while one is out. */
function perform(serving: Fleet, steps: readonly RollingStep[], version: 'old' | 'new', look: (count: number) => void): void {
  for (const { kind, instance } of steps) {
    if (kind !== 'surge') serving.delete(instance)
    look(serving.size)
    if (kind !== 'retire') serving.set(instance, version)
    look(serving.size)
  }
}

test('rolling plan: at no moment fewer serve than before, and in the end the same instances have the new settings', t => {
  fc.assert(fc.property(instances, numbers => {
    const serving: Fleet = new Map(numbers.map(number => [number, 'old']))
    perform(serving, rollingPlan(numbers), 'new', count => void t.true(count >= numbers.length && count <= numbers.length + 1))
    t.deepEqual(serving, new Map(numbers.map(number => [number, 'new'])))
  }), { numRuns: 200 })
})

test('rolling plan: whichever step fails, what undoes it leaves the same instances with the old settings, and never fewer that serve', t => {
  fc.assert(fc.property(instances, fc.nat(), (numbers, at) => {
    const plan = rollingPlan(numbers)
    const failed = at % (plan.length - 1)
    const serving: Fleet = new Map(numbers.map(number => [number, 'old']))
    const look = (count: number): void => void t.true(count >= numbers.length)
    perform(serving, plan.slice(0, failed), 'new', look)
    // The one that failed does not serve.
    serving.delete(plan[failed]!.instance)
    look(serving.size)
    perform(serving, rollBackPlan(plan, failed), 'old', look)
    t.deepEqual(new Map([...serving].toSorted(([a], [b]) => a - b)), new Map(numbers.map(number => [number, 'old'])))
  }), { numRuns: 200 })
})

test('rolling plan: one that cannot be retired is tried again, and the rest stays as it is', t => {
  const plan = rollingPlan([1, 2])
  t.deepEqual(rollBackPlan(plan, plan.length - 1), [{ kind: 'retire', instance: 3 }])
})

test('rolling plan: without instances there is nothing to do', t => {
  t.deepEqual(rollingPlan([]), [])
  t.deepEqual(rollBackPlan([], 0), [])
})
