// Does what a rolling plan says, and undoes it when a step fails. Knows no processes.

import { BrokerError } from '../broker/ground/errors.ts'
import type { Log } from '../broker/ground/types.ts'
import { rollBackPlan, rollingPlan, type RollingStep } from './rolling-plan.ts'

interface RollingChange {
  readonly agent: string
  /** Numbers of its instances. */
  readonly instances: readonly number[]
  readonly log: Log
  /** Starts one more with the new settings; resolves when it serves. */
  surge(instance: number): Promise<void>
  /** Ends one and starts it with the new settings, `isBack` with the old ones; resolves when it serves. */
  replace(instance: number, isBack: boolean): Promise<void>
  /** Whether the one more serves still. */
  serves(instance: number): Promise<boolean>
  /** Removes the one more; nothing where it is not there. */
  retire(instance: number): Promise<void>
}

/** @throws BrokerError `agent.change_failed`, which says what failed and whether all is as it was */
export async function roll(change: RollingChange): Promise<void> {
  const { agent, instances, log } = change
  const plan = rollingPlan(instances)
  for (const [at, step] of plan.entries()) {
    const surge = plan[0]!.instance
    // It stands for the one that is taken out, and may have ended since it began to serve.
    const isAlone = step.kind === 'replace' && !(await change.serves(surge))
    try {
      if (isAlone) throw new BrokerError('agent.failed', { agent, problem: `does not serve any more by instance ${surge}, which was started for the change` })
      await perform(change, step, false)
    } catch (thrown) {
      const error = BrokerError.from(thrown)
      log.error({ agent, step: step.kind, instance: step.instance, error }, 'a rolling change failed and is rolled back')
      const left = await undo(change, rollBackPlan(plan, isAlone ? at - 1 : at))
      throw new BrokerError('agent.change_failed', { agent, step: step.kind, instance: step.instance, problem: error.message, outcome: left }, { cause: thrown })
    }
  }
}

// Each step is tried, whatever became of those before it. The one more stays where it serves in the place of one that does not.
async function undo(change: RollingChange, plan: readonly RollingStep[]): Promise<string> {
  const failed: string[] = []
  for (const step of plan) {
    if (step.kind === 'retire' && failed.length > 0 && (await change.serves(step.instance))) {
      return `${notWhole(failed)}; instance ${step.instance}, which was started for the change, still serves: remove it when the others do, by callboard agent scale ${change.agent} ${step.instance - 1}`
    }
    try {
      await perform(change, step, true)
    } catch (error) {
      failed.push(`instance ${step.instance}: ${BrokerError.from(error).message}`)
    }
  }
  return failed.length === 0 ? 'all is as it was before' : notWhole(failed)
}

function notWhole(failed: readonly string[]): string {
  return `what was before could not be brought back whole (${failed.join('; ')})`
}

function perform(change: RollingChange, { kind, instance }: RollingStep, isBack: boolean): Promise<void> {
  if (kind === 'surge') return change.surge(instance)
  return kind === 'replace' ? change.replace(instance, isBack) : change.retire(instance)
}
