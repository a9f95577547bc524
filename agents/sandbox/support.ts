// Finds out how far this machine confines agents, by confining a process that does nothing.

import { spawn } from 'node:child_process'
import { Deadlines } from '../../broker/ground/deadlines.ts'
import { systemClock } from '../../broker/ground/clock.ts'
import { noSandbox, type SandboxReport, type SandboxSettings } from '../../broker/ground/sandbox.ts'
import { chooseEnclosure } from './enclosure.ts'
import { launcherCommand } from './launcher-command.ts'
import { planOf } from './plan.ts'
import { confined } from './sandboxed-child.ts'

const everything: SandboxSettings = { ...noSandbox, level: 'isolated', processes: 64, allowWeaker: true }

/**
 * What an agent would get that asks for everything; takes a process and 100 to 300 ms.
 * @param home the broker's; it need not exist
 * @throws BrokerError `agent.failed` where not even the launcher runs, as on other systems than Linux
 */
export async function sandboxSupport(home: string): Promise<SandboxReport> {
  const launch = { command: 'true', args: [], directory: '/', environment: { PATH: '/usr/bin:/bin', CALLBOARD_SOCKET: `${home}/callboard.sock` } }
  const plan = planOf('doctor', launch, everything, home, await chooseEnclosure(everything, process.getuid?.() ?? 0))
  const [command, ...args] = launcherCommand(plan)
  const child = spawn(command, args, { cwd: '/', env: {}, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  child.on('error', () => {})
  const deadlines = new Deadlines(systemClock, { onError: () => {} })
  try {
    return await confined('doctor', child, plan, deadlines)
  } finally {
    child.kill('SIGKILL')
    deadlines.close()
  }
}
