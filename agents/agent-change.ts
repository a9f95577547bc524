// What an upgrade changes of an agent's settings. Pure; starts nothing.

import { BrokerError } from '../broker/ground/errors.ts'
import type { AgentSettings } from '../broker/ground/settings.ts'

/** What is left out stays. */
export interface AgentChange {
  readonly command?: string
  readonly args?: readonly string[]
  /** What `{version}` stands for in command, arguments, directory and environment. */
  readonly version?: string
  /** Beside the variables that it has. */
  readonly env?: Readonly<Record<string, string>>
}

const PLACEHOLDER = '{version}'
/** What the broker tells each instance of itself: whatever else they are set to is overwritten at each start. */
const RESERVED: ReadonlySet<string> = new Set(['CALLBOARD_HOME', 'CALLBOARD_SOCKET', 'CALLBOARD_AGENT', 'CALLBOARD_TOKEN', 'CALLBOARD_SERVICE', 'CALLBOARD_INSTANCE'])

/** @throws BrokerError `agent.bad_change`: nothing would change, a variable that the broker sets itself, or a version where nothing of the agent names one */
export function changed(settings: AgentSettings, change: AgentChange): AgentSettings {
  const { command, args, version, env } = change
  if (Object.values(change).every((value) => value === undefined)) throw bad(settings, 'nothing is to be changed; give command, args, version or env')
  const reserved = Object.keys(env ?? {}).filter((name) => RESERVED.has(name))
  if (reserved.length > 0) throw bad(settings, `the broker itself sets ${reserved.join(', ')} for each instance; leave ${reserved.length === 1 ? 'it' : 'them'} out of env`)
  const after: AgentSettings = {
    ...settings,
    ...(command !== undefined && { command }),
    ...(args !== undefined && { args }),
    ...(version !== undefined && { version }),
    ...(env !== undefined && { env: { ...settings.env, ...env } }),
  }
  if (version !== undefined && !namesVersion(after)) throw bad(settings, `neither its command nor its args, cwd or env has ${PLACEHOLDER}, so the same program would run; write it where the version stands`)
  return after
}

/** The settings with its version in the place of `{version}`. */
export function ofVersion(settings: AgentSettings): AgentSettings {
  const { version, command, args, cwd, env } = settings
  if (version === undefined) return settings
  const put = (text: string): string => text.replaceAll(PLACEHOLDER, version)
  return { ...settings, command: put(command), args: args.map(put), cwd: cwd === undefined ? undefined : put(cwd), env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, put(value)])) }
}

function namesVersion({ command, args, cwd = '', env }: AgentSettings): boolean {
  return [command, ...args, cwd, ...Object.values(env)].some((text) => text.includes(PLACEHOLDER))
}

function bad({ name }: AgentSettings, problem: string): BrokerError {
  return new BrokerError('agent.bad_change', { agent: name, problem })
}
