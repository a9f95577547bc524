// Which file imports which, read from the source text. Knows nothing of what is allowed.

import { dirname, join } from 'node:path/posix'

/** Source text by path from the repository's root, with `/` between folders. */
export type Sources = ReadonlyMap<string, string>

/** One import of a file: static or dynamic, of values or of types only. */
export interface Import {
  readonly from: string
  /** As written; undefined for an `import()` of something computed. */
  readonly specifier: string | undefined
  /** The file meant by a relative specifier, the name of a package, or `node:name`. Undefined when computed. */
  readonly to: string | undefined
}

// A statement begins its line; what stands between the keyword and the quote are names, commas and braces.
const STATEMENT = /^[ \t]*(?:import|export)\s+(?:[\w$*{},\s]+?\s+from\s+)?(['"])([^'"\n]+)\1/gm
const CALL = /\bimport\(\s*(?:(['"`])([^'"`$]+)\1\s*[,)])?/g
const LINE_COMMENT = /(^|\s)\/\/.*$/gm
// Only where it begins a line: within a line the two characters may as well be part of a glob.
const BLOCK_COMMENT = /^[ \t]*\/\*[\s\S]*?\*\//gm

/** Every import of every file, in the order of the text, statements before calls. */
export function readImports(sources: Sources): Import[] {
  const found: Import[] = []
  for (const [from, text] of sources) {
    const code = text.replace(BLOCK_COMMENT, '').replace(LINE_COMMENT, '$1')
    for (const match of code.matchAll(STATEMENT)) found.push(edge(from, match[2]))
    for (const match of code.matchAll(CALL)) found.push(edge(from, match[2]))
  }
  return found
}

function edge(from: string, specifier: string | undefined): Import {
  if (specifier === undefined || specifier.startsWith('node:')) return { from, specifier, to: specifier }
  if (specifier.startsWith('.')) return { from, specifier, to: join(dirname(from), specifier) }
  const parts = specifier.split('/')
  return { from, specifier, to: parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/') }
}

/**
 * The cycles of a graph, each as the path that closes (`a → b → a`), one for every edge that leads back.
 * Empty when there is none.
 */
export function findCycles(edges: Iterable<{ readonly from: string; readonly to: string | undefined }>): string[][] {
  const targets = new Map<string, Set<string>>()
  for (const { from, to } of edges) {
    if (to === undefined) continue
    const known = targets.get(from)
    if (known) known.add(to)
    else targets.set(from, new Set([to]))
  }
  const cycles: string[][] = []
  const finished = new Set<string>()
  const path: string[] = []
  const visit = (file: string): void => {
    const at = path.indexOf(file)
    if (at !== -1) cycles.push([...path.slice(at), file])
    if (at !== -1 || finished.has(file)) return
    path.push(file)
    for (const next of targets.get(file) ?? []) visit(next)
    path.pop()
    finished.add(file)
  }
  for (const file of targets.keys()) visit(file)
  return cycles
}
