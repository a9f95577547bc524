// Checks the configuration as `callboard start` would read it.

import { ConfigError, problemLine } from '../../config/error.ts'
import { loadConfigOf } from '../../config/load.ts'
import type { Context } from '../context.ts'
import type { Finding } from './finding.ts'

export async function* checkConfig(context: Context, file: string | undefined): AsyncGenerator<Finding> {
  try {
    const { settings, warnings } = await loadConfigOf({ home: context.paths.home, file })
    for (const text of warnings) yield { check: 'config', state: 'warn', text }
    yield { check: 'config', state: 'ok', text: `valid, ${settings.agents.length} agents` }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) yield { check: 'config', state: 'fail', text: problemLine(problem), remedy: 'correct it, then: callboard config check' }
  }
}
