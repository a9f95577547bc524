// What an agent is started with: command, arguments, directory and environment. Starts nothing.

import type { AgentSettings } from '../broker/ground/settings.ts'
import { instanceId } from './instance-id.ts'
import type { SecretCopies } from './secret-copies.ts'
import type { UnixUser } from './unix-user.ts'

/** Everything that the system needs to start a process. */
export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
  /** Files that are there for it alone, and that it may read whatever its sandbox keeps from it. */
  readonly files?: readonly string[]
  /** As whom it runs; undefined: as the broker. */
  readonly user?: UnixUser | undefined
}

/** What an agent is told about its broker. */
export interface LaunchContext {
  /** The broker's home. */
  readonly home: string
  /** Path of its Unix socket. */
  readonly socket: string
  /** Credential of this incarnation of the agent. */
  readonly token: string
  /** Which of the agent's instances. default 1 */
  readonly instance?: number
  /** Variables that every agent gets, below those of its own config. */
  readonly environment?: Readonly<Record<string, string>>
  /** Working directory of agents that name none: that of the config file. */
  readonly directory: string
  /** Paths of the broker's secrets outside of its home, as they are now. Default: there are none. */
  readonly secrets?: () => readonly string[]
  /** As whom it runs. Default: as the broker. */
  readonly user?: UnixUser | undefined
  /** The copies of its own secrets. Default: it has none. */
  readonly copies?: Pick<SecretCopies, 'environment' | 'files'> | undefined
}

// An agent finds commands and files and speaks the operator's language; whatever else it needs, its config names.
// What lies around in the broker's own environment (tokens, NODE_OPTIONS) is not for it.
const INHERITED = ['PATH', 'HOME', 'LANG']

/** How the agent of `settings` is started. The command `node` is the Node that runs the broker, whatever PATH has. */
export function launchOf(settings: AgentSettings, context: LaunchContext, inherited: NodeJS.ProcessEnv = process.env): Launch {
  const { instance = 1 } = context
  const environment: Record<string, string> = {}
  for (const name of INHERITED) if (inherited[name] !== undefined) environment[name] = inherited[name]
  const { user } = context
  if (user !== undefined) Object.assign(environment, { HOME: user.home, ...(user.name !== undefined && { USER: user.name, LOGNAME: user.name }) })
  // Whatever speaks OpenTelemetry in it appears under the agent's name.
  if (context.environment?.['OTEL_EXPORTER_OTLP_ENDPOINT'] !== undefined) environment['OTEL_SERVICE_NAME'] = settings.name
  if (settings.logLevel !== undefined) environment['CALLBOARD_LOG_LEVEL'] = settings.logLevel
  return {
    command: settings.command === 'node' ? process.execPath : settings.command,
    args: settings.args,
    directory: settings.cwd ?? context.directory,
    // The last ones last: with another's name or token the agent would not be the one that is supervised.
    environment: { ...environment, ...context.environment, ...settings.env, ...context.copies?.environment, CALLBOARD_HOME: context.home, CALLBOARD_SOCKET: context.socket, CALLBOARD_SERVICE: settings.name, CALLBOARD_INSTANCE: String(instance), CALLBOARD_AGENT: instanceId(settings.name, instance), CALLBOARD_TOKEN: context.token },
    ...(context.copies !== undefined && { files: context.copies.files }),
    ...(user !== undefined && { user }),
  }
}
