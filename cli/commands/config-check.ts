// `callboard config check`: reads a configuration as `start` would, and starts nothing.

import { resolve } from 'node:path'
import { loadConfigOf } from '../../config/load.ts'
import type { Context } from '../context.ts'
import { plural } from '../format.ts'
import { note, print, printJson } from '../output.ts'

/** @throws ConfigError, which the command reports with exit code 2 */
export async function checkConfig(context: Context, _options: object, words: readonly string[]): Promise<void> {
  const file = words[0] === undefined ? undefined : resolve(words[0])
  const { settings, warnings } = await loadConfigOf({ home: context.paths.home, file })
  if (context.isJson) return printJson({ ok: true, warnings, agents: settings.agents.map(agent => agent.name), channels: settings.channels.map(channel => channel.name) })
  for (const warning of warnings) note(`warning: ${warning}`)
  await print(`the configuration is valid: ${plural(settings.agents.length, 'agent')}, ${plural(settings.channels.length, 'channel')}, ${plural(settings.principals.length, 'principal')}`)
}
