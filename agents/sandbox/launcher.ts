// Program: takes a plan from descriptor 3, confines itself as it says, tells there what came of it, and becomes the agent.
// It has no token, environment or arguments until then, so nobody learns them from its command line.

import { accessSync, constants, readSync, writeSync } from 'node:fs'
import { libc } from '../../native/linux/libc.ts'
import { confine } from './confine.ts'
import type { SandboxPlan } from './plan.ts'
import type { LauncherAnswer } from './launcher-answer.ts'
import { limitMemory } from './set-limits.ts'

const BROKER = 3
/** Then the files cgroup.procs of its control groups: opened by the broker, who may. */
const FIRST_GROUP = 4
const CANNOT_EXECUTE = 126
const SIGPIPE = 13
const LINE_FEED = 10

function readPlan(): SandboxPlan {
  const chunks: Buffer[] = []
  for (;;) {
    const chunk = Buffer.alloc(65_536)
    const length = readSync(BROKER, chunk)
    if (length === 0) throw new Error('the plan ended early')
    chunks.push(chunk.subarray(0, length))
    if (chunk[length - 1] === LINE_FEED) return JSON.parse(Buffer.concat(chunks).toString()) as SandboxPlan
  }
}

function tell(answer: LauncherAnswer): void {
  writeSync(BROKER, `${JSON.stringify(answer)}\n`)
}

function run(): void {
  const plan = readPlan()
  const { program, launch, settings } = plan
  const { report, missing } = confine(plan)
  if (missing.length > 0 && !settings.allowWeaker) return tell({ missing })
  try {
    accessSync(program, constants.X_OK)
  } catch (error) {
    return tell({ failed: (error as NodeJS.ErrnoException).code ?? String(error) })
  }
  const [words, environment] = [[launch.command, ...launch.args], Object.entries(launch.environment).map(([name, value]) => `${name}=${value}`)]
  // As late as that: what this process takes, which is a Node, is not counted for the agent.
  for (let fd = FIRST_GROUP; fd < FIRST_GROUP + (plan.cgroup?.joins ?? 0); fd++) writeSync(fd, '0')
  tell({ report })
  // Node ignores it, and what is ignored stays so for the next program.
  libc().resetSignal(SIGPIPE)
  limitMemory(plan)
  libc().execve(program, words, environment)
  writeSync(2, `cannot execute ${program}: ${libc().problem()}\n`)
}

try {
  run()
} catch (error) {
  tell({ failed: error instanceof Error ? error.message : String(error) })
}
process.exit(CANNOT_EXECUTE)
