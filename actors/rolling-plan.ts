// The order of a rolling change: which instance is started, replaced and retired when, also when a step fails. Pure.
//
//   surge 4 ─▶ replace 1 ─▶ replace 2 ─▶ replace 3 ─▶ retire 4         each step ends when its instance serves, or is gone
//                              ✗ back: replace 2 ─▶ replace 1 ─▶ retire 4, with what was there before
//
// One instance more than before serves while one is out, so at no moment there are fewer.

export interface RollingStep {
  /** surge: an instance more, with the new settings. replace: one ends and starts anew. retire: the one more is removed. */
  readonly kind: 'surge' | 'replace' | 'retire'
  readonly instance: number
}

/** `instances`: numbers of those that there are; none: nothing is to be done. */
export function rollingPlan(instances: readonly number[]): readonly RollingStep[] {
  if (instances.length === 0) return []
  const surge = nextFree(instances)
  return [{ kind: 'surge', instance: surge }, ...instances.map((instance): RollingStep => ({ kind: 'replace', instance })), { kind: 'retire', instance: surge }]
}

/**
 * What undoes a plan whose step at index `failed` failed. The newest is undone first: it is the one that does not serve. A `retire` that fails
 * is tried again: all that was to be replaced has been.
 */
export function rollBackPlan(plan: readonly RollingStep[], failed: number): readonly RollingStep[] {
  const surge = plan[0]
  if (surge === undefined) return []
  const retire: RollingStep = { kind: 'retire', instance: surge.instance }
  if (plan[failed]?.kind === 'retire') return [retire]
  return [...plan.slice(1, failed + 1).toReversed(), retire]
}

/** The number that the one more has. */
function nextFree(instances: readonly number[]): number {
  return Math.max(...instances) + 1
}
