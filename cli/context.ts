// What every command is told besides its own options: which home, and for whom it prints.

import type { Command } from 'commander'
import { homeFromEnvironment, homePaths, type HomePaths } from '../broker/ground/home.ts'

export interface Context {
  readonly paths: HomePaths
  /** `--home` was given: socket and token are that home's, whatever the environment says. */
  readonly isHomeGiven: boolean
  /** For programs: data as JSON on stdout, errors as JSON on stderr. */
  readonly isJson: boolean
  /** Of the broker's gateway, where a command takes `--url` and it was given: a WebSocket instead of the Unix socket. */
  readonly url?: string
}

/** The context of a command that was just parsed. */
export function contextOf(command: Command): Context {
  const { home, json, url } = command.optsWithGlobals<{ home?: string; json?: boolean; url?: string }>()
  return { paths: homePaths(home ?? homeFromEnvironment()), isHomeGiven: home !== undefined, isJson: json === true, ...(url !== undefined && { url }) }
}
