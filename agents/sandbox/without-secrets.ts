// What an agent may read of a directory in which files of the broker lie that it must not. Starts nothing.

import { readdirSync, realpathSync, type Dirent } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'

/** Files and directories that are kept from agents, as the system knows them: both a link and what it leads to. */
export function keptPaths(secrets: readonly string[]): readonly string[] {
  return [...new Set(secrets.flatMap(path => [realPath(path) ?? path, join(realPath(dirname(path)) ?? dirname(path), basename(path))]))]
}

/** The one of `kept` that somebody who may read `path` could read; undefined: none. */
export function secretIn(path: string, kept: readonly string[]): string | undefined {
  const real = realPath(path) ?? path
  return kept.find(secret => lies(secret, real) || lies(real, secret))
}

/**
 * `path` itself when nothing of `kept` lies in it; else what stands beside that, entry by entry, as rules of Landlock only add. Links are
 * left out that lead elsewhere: nobody granted what is there.
 * @throws RangeError when those are more than `mostEntries`
 */
export function withoutSecrets(path: string, kept: readonly string[], mostEntries: number): string[] {
  const real = realPath(path) ?? path
  if (kept.some(secret => lies(real, secret))) return []
  if (!kept.some(secret => lies(secret, real))) return [path]
  const found = entriesOf(path).flatMap(entry => {
    const below = join(path, entry.name)
    if (!entry.isSymbolicLink()) return withoutSecrets(below, kept, mostEntries)
    const target = realPath(below)
    return target !== undefined && lies(target, real) && secretIn(below, kept) === undefined && !kept.includes(join(real, entry.name)) ? [below] : []
  })
  if (found.length > mostEntries) throw new RangeError(`more than ${mostEntries} entries`)
  return found
}

/** Also when both are the same. */
function lies(inner: string, outer: string): boolean {
  return `${inner}${sep}`.startsWith(outer.endsWith(sep) ? outer : `${outer}${sep}`)
}

function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true })
  } catch {
    // Not the broker's to list: then its agents have nothing of it either.
    return []
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}
