// The way from a text to settings: read, refuse what comes later, check, turn. Touches no file.

import { dirname, resolve } from 'node:path'
import type { Settings } from '../broker/ground/settings.ts'
import { crossCheck } from './cross-checks.ts'
import { ConfigError } from './error.ts'
import { refuseLater } from './refuse-later.ts'
import { reportIssues } from './report-issues.ts'
import { ConfigReport } from './report.ts'
import { configSchema } from './schema.ts'
import { plainValue, type SourceText } from './source.ts'
import { writeOutSwitches } from './switched-off.ts'
import { toSettings } from './to-settings.ts'

export type ConfigFormat = 'json' | 'yaml'

/** A configuration that the broker can use. */
export interface LoadedConfig {
  readonly settings: Settings
  /** What works and is probably not meant, one line each, with its place. */
  readonly warnings: readonly string[]
  /** Absolute directory at which relative paths of the settings start. */
  readonly directory: string
}

/**
 * The settings that `text` stands for.
 * `path` names the file in messages, and relative paths start at its directory; it need not exist.
 * @throws ConfigError with everything that is wrong; faults of the format hide what comes after them
 */
export async function parseConfig(text: string, { path, format }: { path: string; format: ConfigFormat }): Promise<LoadedConfig> {
  const directory = dirname(resolve(path))
  // A byte order mark is no part of the text; editors do not count it either.
  const content = text.startsWith('\uFEFF') ? text.slice(1) : text
  const report = new ConfigReport(path, content)
  const { root: written, faults } = await read(content, format)
  for (const { offset, problem } of faults) report.problem([], offset, problem)
  report.throwIfAny()
  // Nothing is not taken for "all defaults": a file that lost its content would open the broker wider than it was.
  if (written === undefined) throw new ConfigError([{ file: path, at: undefined, key: '', text: 'the file is empty; write {} for the defaults, or remove it' }])
  const root = writeOutSwitches(written, configSchema)
  const refused = refuseLater(root, configSchema, report)
  const result = configSchema.safeParse(plainValue(root, refused))
  if (!result.success) reportIssues(result.error.issues, configSchema, root, report)
  crossCheck(root, directory, report)
  report.throwIfAny()
  return { settings: toSettings(result.data!, directory), warnings: report.warnings, directory }
}

// Loaded when needed: the readers cost some 5 and 20 ms, and a broker has one configuration.
async function read(text: string, format: ConfigFormat): Promise<SourceText> {
  return format === 'json' ? (await import('./json-source.ts')).readJson(text) : (await import('./yaml-source.ts')).readYaml(text)
}
