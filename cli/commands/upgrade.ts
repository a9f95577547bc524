// `callboard upgrade`: the running broker goes on in a new process, of the program that runs this command, without its clients losing anything.

import { realpathSync } from 'node:fs'
import { YOUNG } from '../broker-words.ts'
import type { Context } from '../context.ts'
import { Failure } from '../failure.ts'
import { formatDuration } from '../format.ts'
import { print, printJson } from '../output.ts'
import { withClient } from '../with-client.ts'

interface UpgradeOptions {
  readonly command?: string
}

/** Longest that a broker takes until the next one serves, or it has given up and goes on. ms */
const TIMEOUT_MS = 150_000

export async function upgrade(context: Context, options: UpgradeOptions): Promise<void> {
  const program = programOf(options.command ?? process.argv[1]!)
  const upgraded = await withClient(context, client => client.call('upgrade', { program }, { timeoutMs: TIMEOUT_MS }))
  if (context.isJson) return printJson(upgraded)
  await print(`the broker goes on in process ${upgraded.pid}, version ${upgraded.version}`)
  await print(`  ${upgraded.sessions} ${upgraded.sessions === 1 ? 'session' : 'sessions'} went with it; nobody was served for ${formatDuration(upgraded.pauseMs)}`)
}

// A script runs on the Node of this command, with the bound that a broker gives itself when it starts alone.
function programOf(command: string): readonly string[] {
  const path = existing(command)
  return /\.[cm]?[jt]s$/.test(path) ? [process.execPath, YOUNG, path] : [path]
}

function existing(command: string): string {
  try {
    return realpathSync(command)
  } catch (error) {
    throw Failure.usage(`there is no program to go on with at ${command}: ${error instanceof Error ? error.message : String(error)}`, 'name the path of the other callboard with --command')
  }
}
