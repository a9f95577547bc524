// `callboard doctor`: runs every check and prints what it found, with the remedy. Works while the broker is down.

import { resolve } from 'node:path'
import type { Context } from '../context.ts'
import { printFinding } from '../finding-view.ts'
import { Exit } from '../failure.ts'
import { plural } from '../format.ts'
import { print, printJson } from '../output.ts'
import { readStartRecord } from '../start-record.ts'
import type { Finding } from '../checks/finding.ts'
import { checkAgents } from '../checks/agents.ts'
import { checkBroker } from '../checks/broker.ts'
import { checkConfig } from '../checks/config.ts'
import { checkHome } from '../checks/home.ts'
import { checkMachine } from '../checks/machine.ts'
import { checkSandbox } from '../checks/sandbox.ts'
import { checkStore } from '../checks/store.ts'

interface DoctorOptions {
  readonly config?: string
}

/** Exit code 1 when something fails; a warning alone leaves it 0. */
export async function doctor(context: Context, options: DoctorOptions): Promise<void> {
  const findings: Finding[] = []
  // What the broker of this home was started with is what counts, unless another file is named.
  const config = options.config === undefined ? readStartRecord(context.paths).config : resolve(options.config)
  for (const check of [checkMachine, checkSandbox, checkHome, checkConfig, checkStore, checkBroker, checkAgents]) {
    for await (const finding of check(context, config)) {
      findings.push(finding)
      if (!context.isJson) await printFinding(finding)
    }
  }
  const failed = findings.filter(finding => finding.state === 'fail').length
  if (context.isJson) await printJson({ ok: failed === 0, checks: findings })
  else await print(failed === 0 ? '\nnothing that keeps the broker from working' : `\n${plural(failed, 'check')} failed`)
  if (failed > 0) process.exitCode = Exit.failed
}
