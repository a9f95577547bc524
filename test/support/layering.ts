// Judges a set of sources by rules about folders, packages, names and sizes. Knows no rule itself.

import { basename, dirname } from 'node:path/posix'
import { findCycles, readImports, type Sources } from './import-graph.ts'

export interface Rules {
  /** What each part may import beside itself, written from the top down: a part names only parts below it. */
  readonly parts: Readonly<Record<string, readonly string[]>>
  /** Parts that may import each package; a package that is not here may be imported nowhere. */
  readonly packages: Readonly<Record<string, readonly string[]>>
  /** Parts that never touch the system: no `node:` modules. */
  readonly pure: readonly string[]
  /** Parts that may import by a computed name. */
  readonly computed: readonly string[]
  /** Words that say nothing about what is in a file or folder. */
  readonly emptyNames: readonly string[]
  readonly maxLines: number
}

/**
 * The part that a file belongs to: the longest name in `rules.parts` that is the file itself or a folder above it. A
 * part with parts inside holds only the files directly in it, so that a new folder there needs a rule of its own.
 * Undefined when no rule speaks of the file.
 */
export function partOf(file: string, rules: Rules): string | undefined {
  for (let at = file; at !== '.'; at = dirname(at)) {
    if (!Object.hasOwn(rules.parts, at)) continue
    const isDivided = Object.keys(rules.parts).some(part => part.startsWith(`${at}/`))
    return isDivided && dirname(file) !== at ? undefined : at
  }
  return undefined
}

/** Every way in which `sources` break `rules`, one sentence each; empty when they hold. */
export function violations(sources: Sources, rules: Rules): string[] {
  const found: string[] = []
  for (const [file, text] of sources) {
    if (partOf(file, rules) === undefined) found.push(`${file}: no rule speaks of its folder; add it to the rules`)
    const words = file.split('/').map(name => basename(name).split('.')[0]!)
    for (const word of words) if (rules.emptyNames.includes(word)) found.push(`${file}: "${word}" does not say what is in it`)
    const lines = text.trimEnd().split('\n').length
    if (lines > rules.maxLines) found.push(`${file}: ${lines} lines, at most ${rules.maxLines}; split it`)
  }
  const imports = readImports(sources)
  for (const { from, to, specifier } of imports) {
    const part = partOf(from, rules)
    if (part === undefined) continue
    if (to === undefined) {
      if (!rules.computed.includes(part)) found.push(`${from}: import() of a computed name; write the name out`)
    } else if (to.startsWith('node:')) {
      if (rules.pure.includes(part)) found.push(`${from}: ${part} is pure and must not import ${to}`)
    } else if (specifier!.startsWith('.')) {
      const target = partOf(to, rules)
      if (target !== undefined && target !== part && !rules.parts[part]!.includes(target)) found.push(`${from}: ${part} must not import ${to}`)
    } else if (!rules.packages[to]?.includes(part)) found.push(`${from}: ${part} must not import the package ${to}`)
  }
  for (const cycle of findCycles(imports)) found.push(`cycle: ${cycle.join(' → ')}`)
  return found
}

/** Every rule that points up or at nothing: then the parts themselves could form a cycle. */
export function upwardRules(rules: Rules): string[] {
  const order = Object.keys(rules.parts)
  const wrong: string[] = []
  for (const [index, part] of order.entries()) {
    for (const target of rules.parts[part]!) if (order.indexOf(target) <= index) wrong.push(`${part} → ${target}`)
  }
  return wrong
}
