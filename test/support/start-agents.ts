// A broker's place in tests that kill it: starts agents, registers them, and stays until it is killed.
// Usage: node start-agents.ts HOME NAME=PROGRAM…   (each PROGRAM is a shell command); prints one pid a line.

import { join } from 'node:path'
import { AgentProcess } from '../../agents/agent-process.ts'
import { AgentRegister } from '../../agents/agent-register.ts'
import { systemClock } from '../../broker/ground/clock.ts'
import { Deadlines } from '../../broker/ground/deadlines.ts'
import { recordedLog } from './recorded-log.ts'

const [home, ...programs] = process.argv.slice(2) as [string, ...string[]]
const register = new AgentRegister(join(home, 'agents.json'))
const deadlines = new Deadlines(systemClock, { onError: error => { throw error } })

for (const program of programs) {
  const [name, command] = program.split(/=(.*)/s) as [string, string]
  const log = recordedLog()
  const environment = { PATH: process.env['PATH'] ?? '', CALLBOARD_HOME: home, CALLBOARD_AGENT: name, CALLBOARD_TOKEN: 'token' }
  const agent = await AgentProcess.start({ name, launch: { command: 'sh', args: ['-c', command], directory: home, environment }, shutdownMs: 1000, clock: systemClock, deadlines, log })
  register.add(name, agent.pid)
  await log.logged(/ready/)
  process.stdout.write(`${agent.pid}\n`)
}
