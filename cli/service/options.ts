// What the commands of `callboard service` have in common: their options, and running what the supervisor is told.

import { BrokerError } from '../../broker/ground/errors.ts'
import { runTool } from './run-tool.ts'
import type { Scope } from './service-spec.ts'
import type { Supervisor } from './supervisor.ts'

export interface ServiceOptions {
  readonly user?: true
  readonly system?: true
  readonly supervisor?: 'systemd' | 'launchd'
  readonly dryRun?: true
  readonly force?: true
}

export function scopeOf(options: ServiceOptions): Scope {
  return options.system ? 'system' : 'user'
}

/** @throws BrokerError `service.failed` with the words of the first that fails */
export async function runAll(supervisor: Supervisor, commands: readonly (readonly string[])[]): Promise<void> {
  for (const [program, ...words] of commands) {
    const run = await runTool(program!, words)
    if (run.code !== 0 && !supervisor.isHarmless(run)) throw new BrokerError('service.failed', { what: [program, ...words].join(' '), problem: run.text || `exit code ${run.code}` })
  }
}

/** @throws BrokerError `service.failed` instead of what the file system says */
export function changing<T>(file: string, change: () => T): T {
  try {
    return change()
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    throw new BrokerError('service.failed', { what: `changing ${file}`, problem: /EACCES|EPERM|EROFS/.test(problem) ? `no permission (${problem}); a service of the machine is installed by root` : problem }, { cause: error })
  }
}
