// Real agent processes for tests: Node programs given as text, with the log they write into.

import type { ExecutionContext } from 'ava'
import { AgentProcess } from '../../agents/agent-process.ts'
import type { Launch } from '../../agents/launch.ts'
import { groupMembers, signalGroup } from '../../agents/process-group.ts'
import type { Cgroup } from '../../agents/sandbox/cgroup.ts'
import type { SandboxPlan } from '../../agents/sandbox/plan.ts'
import { systemClock } from '../../broker/ground/clock.ts'
import { Deadlines } from '../../broker/ground/deadlines.ts'
import type { FakeClock } from './fake-clock.ts'
import { recordedLog, type RecordedLog } from './recorded-log.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { until } from './until.ts'

export interface TestAgent {
  readonly agent: AgentProcess
  readonly log: RecordedLog
}

export interface TestAgentOptions {
  readonly command?: string
  readonly args?: readonly string[]
  readonly directory?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly shutdownMs?: number
  /** By which it is given its time. default: the system's */
  readonly clock?: FakeClock
  /** What it is kept from. */
  readonly sandbox?: (launch: Launch) => SandboxPlan
  /** Its control groups. */
  readonly cgroup?: Cgroup
}

/** Starts a process as an agent; its group is killed when the test ends. */
export async function startAgent(t: ExecutionContext, options: TestAgentOptions): Promise<TestAgent> {
  const log = recordedLog()
  const { clock = systemClock } = options
  const deadlines = new Deadlines(clock, { onError: error => t.fail(String(error)) })
  const launch: Launch = {
    command: options.command ?? process.execPath,
    args: options.args ?? [],
    directory: options.directory ?? temporaryDirectory(t),
    environment: { PATH: process.env['PATH'] ?? '', CALLBOARD_TOKEN: 'token-of-the-test', ...options.environment },
  }
  const agent = await AgentProcess.start({
    name: 'tested',
    launch,
    sandbox: options.sandbox?.(launch),
    cgroup: options.cgroup,
    shutdownMs: options.shutdownMs ?? 10_000,
    clock,
    deadlines,
    log,
  })
  t.teardown(async () => {
    signalGroup(agent.pid, 'SIGKILL')
    if (options.clock !== undefined) {
      // A test that failed moves it no more: the end would not be seen.
      await until(() => groupMembers(agent.pid).length === 0)
      await options.clock.advance(1000)
    }
    await agent.exited
    deadlines.close()
  })
  return { agent, log }
}
