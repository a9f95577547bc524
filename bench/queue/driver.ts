// The process that plays the user of a queue: opens a lane, runs the steps it was told, and answers. Run by the bench.

import { Parent } from '../isolation/worker.ts'
import { openLane } from './open-lane.ts'
import type { Job, JobOutcome, StepOutcome } from './job.ts'
import { Ledger } from './payload.ts'
import { runStep } from './steps.ts'

const parent = new Parent()

await parent.serve(async () => {
  const { target, pid, steps, before, leavesBacklog } = await parent.next<Job>()
  const lane = await openLane(target)
  const ledger = new Ledger(before, steps.reduce((sum, { kind, messages }) => sum + (kind === 'consume' ? 0 : messages), 0))
  const outcomes: StepOutcome[] = []
  for (const step of steps) outcomes.push(await runStep(step, lane, ledger, pid))
  const problems = [...ledger.problems]
  if (!leavesBacklog) {
    ledger.close()
    problems.push(...ledger.problems.slice(problems.length))
    const left = await lane.left()
    if (left !== 0) problems.push(`the server still has ${left} messages when all were acked`)
  }
  await lane.close()
  parent.tell({ steps: outcomes, problems } satisfies JobOutcome)
})
