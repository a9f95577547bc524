// Configurations for tests: parse a text, or collect what is wrong with it. Touches no file.

import type { ExecutionContext } from 'ava'
import { ConfigError, type ConfigProblem, problemLine } from '../../config/error.ts'
import { type LoadedConfig, parseConfig } from '../../config/parse.ts'

/** The configuration that a YAML text stands for; the file is said to be `/etc/callboard/test.yaml`. */
export function fromYaml(text: string): Promise<LoadedConfig> {
  return parseConfig(text, { path: '/etc/callboard/test.yaml', format: 'yaml' })
}

/** The same for JSON. */
export function fromJson(text: string): Promise<LoadedConfig> {
  return parseConfig(text, { path: '/etc/callboard/test.json', format: 'json' })
}

/** The problems with which a configuration is refused; fails the test when it is accepted. */
export async function problemsOf(t: ExecutionContext, loading: Promise<LoadedConfig>): Promise<readonly ConfigProblem[]> {
  const error = await t.throwsAsync(loading, { instanceOf: ConfigError })
  return error.problems
}

/** The same as `line:column text`, for comparing. */
export async function linesOf(t: ExecutionContext, loading: Promise<LoadedConfig>): Promise<string[]> {
  return (await problemsOf(t, loading)).map(problem => problemLine(problem).replace(/^\/etc\/callboard\/test\.(?:yaml|json):/, ''))
}
