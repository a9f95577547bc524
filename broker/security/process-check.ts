// `ipc.security.allowedProcesses`: which programs may connect. Knows programs, not users and not tokens.

import { isAbsolute } from 'node:path'
import { BrokerError } from '../ground/errors.ts'
import type { ProcessSettings } from '../ground/settings.ts'
import { isSameExecutable, isSameScript, readProgram, type RunningProgram } from './running-program.ts'
import { isHarmlessNodeOptions, scriptArgument } from './script-argument.ts'

export interface ProcessCheckOptions {
  /** Names from `processes` or `builtIn`, or absolute paths of executables. */
  readonly allowed: readonly string[]
  /** The operator's names; they go before built-in ones. */
  readonly processes: Readonly<Record<string, ProcessSettings>>
  /** Names with the programs that they stand for; see own-programs.ts. */
  readonly builtIn: Readonly<Record<string, readonly ProcessSettings[]>>
  /** True for processes that the broker started itself: they are always allowed. */
  isOwnAgent(pid: number): boolean
}

/**
 * A function that throws when the process `pid` may not connect; about 0.3 ms a call. A process whose pid is not known
 * may not.
 * It tells programs apart, by the kernel's word on which file a process executes and, for interpreters, by the script in
 * its arguments. It does not stop someone who has the broker's uid and means harm: they can write to the script, trace
 * the allowed process or read the token.
 * @throws BrokerError `config.invalid` when a name in `allowed` stands for nothing; the check: `auth.process_not_allowed`
 */
export function createProcessCheck(options: ProcessCheckOptions): (pid: number | undefined) => void {
  const rules = options.allowed.flatMap(name => rulesOf(name, options))
  return pid => {
    if (pid !== undefined && pid > 0 && options.isOwnAgent(pid)) return
    const program = pid === undefined ? undefined : readProgram(pid)
    if (program !== undefined && rules.some(rule => isAllowed(pid!, program, rule))) return
    // As text: a pid is a name, it takes no thousands separators.
    throw new BrokerError('auth.process_not_allowed', { pid: String(pid ?? 'unknown'), executable: program === undefined ? 'an unknown program' : describe(program) })
  }
}

function rulesOf(name: string, options: ProcessCheckOptions): readonly ProcessSettings[] {
  if (Object.hasOwn(options.processes, name)) return [options.processes[name]!]
  if (Object.hasOwn(options.builtIn, name)) return options.builtIn[name]!
  if (isAbsolute(name)) return [{ executable: name }]
  const known = [...Object.keys(options.processes), ...Object.keys(options.builtIn)].join(', ')
  throw new BrokerError('config.invalid', { problem: `ipc.security.allowedProcesses: "${name}" stands for no program; give it an executable in ipc.security.processes, use an absolute path or one of ${known}` })
}

function isAllowed(pid: number, program: RunningProgram, rule: ProcessSettings): boolean {
  if (!isSameExecutable(program, rule.executable)) return false
  if (rule.script === undefined) return true
  const script = scriptArgument(program.executable, program.args)
  return script !== undefined && isHarmlessNodeOptions(program.nodeOptions) && isSameScript(pid, program.directory, script, rule.script)
}

function describe(program: RunningProgram): string {
  const script = scriptArgument(program.executable, program.args)
  return script === undefined ? program.executable : `${program.executable} ${script}`
}
