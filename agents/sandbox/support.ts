// Finds out how far this machine confines agents, by confining a process that does nothing.

import { spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { Deadlines } from '../../broker/ground/deadlines.ts'
import { systemClock } from '../../broker/ground/clock.ts'
import { noSandbox, type SandboxReport, type SandboxSettings } from '../../broker/ground/sandbox.ts'
import type { Cgroup } from './cgroup.ts'
import { Cgroups } from './cgroups.ts'
import { chooseEnclosure } from './enclosure.ts'
import { launcherCommand } from './launcher-command.ts'
import { planOf } from './plan.ts'
import { confined } from './sandboxed-child.ts'

const everything: SandboxSettings = { ...noSandbox, level: 'isolated', memoryBytes: 256 * 2 ** 20, processes: 64, cpus: 1, allowWeaker: true }

/**
 * What an agent would get that asks for everything; takes a process and 100 to 300 ms.
 * @param home the broker's; it need not exist
 * @throws BrokerError `agent.failed` where not even the launcher runs, as on other systems than Linux
 */
export async function sandboxSupport(home: string): Promise<SandboxReport> {
  const cgroups = await Cgroups.find(`${home}\0doctor`)
  const cgroup = makeGroup(cgroups)
  try {
    return await tried(home, cgroup)
  } finally {
    await cgroup?.end()
    cgroups.close()
  }
}

function makeGroup(cgroups: Cgroups): Cgroup | undefined {
  try {
    return cgroups.make(everything)
  } catch {
    // What it would have held is missing, or held by other means.
    return undefined
  }
}

async function tried(home: string, cgroup: Cgroup | undefined): Promise<SandboxReport> {
  const launch = { command: 'true', args: [], directory: '/', environment: { PATH: '/usr/bin:/bin', CALLBOARD_SOCKET: `${home}/callboard.sock` } }
  const plan = { ...planOf('doctor', launch, everything, home, await chooseEnclosure(everything, process.getuid?.() ?? 0)), ...(cgroup !== undefined && { cgroup: { joins: cgroup.directories.length, parts: cgroup.parts } }) }
  const [command, ...args] = launcherCommand(plan)
  const groups = cgroup?.open() ?? []
  const child = spawn(command, args, { cwd: '/', env: {}, stdio: ['ignore', 'ignore', 'ignore', 'pipe', ...groups] })
  for (const fd of groups) closeSync(fd)
  child.on('error', () => {})
  const deadlines = new Deadlines(systemClock, { onError: () => {} })
  try {
    return await confined('doctor', child, plan, deadlines)
  } finally {
    child.kill('SIGKILL')
    deadlines.close()
  }
}
