// Where a broker of this user may be: the homes that are named, and those that running processes point to.

import { realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { recordedSocket } from '../../broker/ground/home-lock.ts'
import { homePaths, type HomePaths } from '../../broker/ground/home.ts'
import type { ConnectOptions } from '../../client/index.ts'
import type { Context } from '../context.ts'
import { addressOf } from '../with-client.ts'
import type { NamedHome } from './own-processes.ts'

export interface Candidate {
  readonly paths: HomePaths
  /** How a client gets there. Throws when the home cannot be looked into. */
  readonly target: () => ConnectOptions
  /** Who points to it, for people. */
  readonly foundBy: readonly string[]
  /** Named by the user or by default: worth a word even when nobody runs there. */
  readonly isExpected: boolean
}

/** Each home once, the one of the environment first. `others` are homes that something on the host points to. */
export function candidates(context: Context, others: Iterable<NamedHome>): Candidate[] {
  const found = new Map<string, { candidate: Omit<Candidate, 'foundBy'>; foundBy: Set<string> }>()
  const add = (home: string, by: string, isExpected: boolean, target?: () => ConnectOptions): void => {
    const paths = homePaths(home)
    const key = trueName(home)
    const known = found.get(key)
    if (known !== undefined) known.foundBy.add(by)
    else found.set(key, { candidate: { paths, isExpected, target: target ?? (() => ownAddress(paths)) }, foundBy: new Set([by]) })
  }
  add(context.paths.home, context.isHomeGiven ? '--home' : 'the environment', true, () => addressOf(context))
  add(join(homedir(), '.callboard'), 'the default', true)
  for (const { home, by } of others) add(home, by, false)
  return [...found.values()].map(({ candidate: each, foundBy }) => ({ ...each, foundBy: [...foundBy] }))
}

function ownAddress(paths: HomePaths): ConnectOptions {
  return { agent: false, home: paths.home, socket: recordedSocket(paths) }
}

// Two names of one directory are one home.
function trueName(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
