// Local agents with everything they need, on the real clock: a home, credentials, a register and a log.

import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { Environment } from '../../actors/behaviour.ts'
import { AgentRegister } from '../../agents/agent-register.ts'
import { LocalAgent, type LocalAgentOptions } from '../../agents/local-agent.ts'
import { systemClock } from '../../broker/ground/clock.ts'
import { Deadlines } from '../../broker/ground/deadlines.ts'
import { defaultBackoff, type AgentSettings } from '../../broker/ground/settings.ts'
import { recordedLog, type RecordedLog } from './recorded-log.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export interface AgentStage {
  readonly home: string
  readonly log: RecordedLog
  readonly environment: Environment
  /** Tokens that let somebody in now: `<agent>-<how many were issued>`. */
  readonly valid: ReadonlySet<string>
  /** What the file of the register holds. */
  readonly registered: () => readonly unknown[]
  /** An agent that runs `sh` with default settings and much time to end, but for what is given. */
  readonly localAgent: (settings: Partial<AgentSettings>, more?: Pick<LocalAgentOptions, 'ready' | 'watcher'>) => LocalAgent
}

export function agentStage(t: ExecutionContext): AgentStage {
  const home = temporaryDirectory(t)
  const deadlines = new Deadlines(systemClock, { onError: error => t.fail(String(error)) })
  t.teardown(() => deadlines.close())
  const log = recordedLog()
  const valid = new Set<string>()
  let issued = 0
  const issueCredential = (name: string): { token: string; revoke(): void } => {
    const token = `${name}-${++issued}`
    valid.add(token)
    return { token, revoke: () => void valid.delete(token) }
  }
  const register = new AgentRegister(join(home, 'agents.json'), log)
  return {
    home,
    log,
    environment: { clock: systemClock, deadlines, log },
    valid,
    registered: () => new AgentRegister(join(home, 'agents.json')).records,
    localAgent(settings, more) {
      const whole: AgentSettings = { name: 'tested', command: 'sh', args: [], env: {}, cwd: undefined, restart: 'permanent', backoff: defaultBackoff, shutdownMs: 60_000, ...settings }
      return new LocalAgent({ settings: whole, context: { home, socket: join(home, 's'), directory: home }, issueCredential, register, clock: systemClock, deadlines, ...more })
    },
  }
}
