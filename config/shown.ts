// How values and keys of a configuration appear in messages: short, on one line, and never a secret.

import type { KeyPath, SourceNode } from './source.ts'

const MAX_SHOWN_CHARS = 60

/** A value as a message quotes it: scalars in JSON, of collections only the kind, of possible secrets only the type. */
export function shownValue(node: SourceNode, path: KeyPath): string {
  if (node.kind !== 'scalar') return node.members.size === 0 ? `an empty ${node.kind}` : `a ${node.kind}`
  if (node.scalar === null) return 'empty'
  if (mayBeSecret(path)) return typeof node.scalar === 'string' ? 'a text that is not shown' : `a ${typeof node.scalar} that is not shown`
  return typeof node.scalar === 'string' ? shownText(node.scalar) : JSON.stringify(node.scalar)
}

/** A text or key in quotes. `token:abc` without the space is a common slip that makes the secret part of a key or a name. */
export function shownText(text: string): string {
  const safe = text.replace(/(token\w*["']?\s*[:=]).*/is, '$1…')
  return JSON.stringify(safe.length > MAX_SHOWN_CHARS ? `${safe.slice(0, MAX_SHOWN_CHARS)}…` : safe)
}

// Tokens by their key, whatever stands in the place of a principal, and the environment of agents, where keys of
// other services are kept.
function mayBeSecret(path: KeyPath): boolean {
  const isPrincipal = path[0] === 'principals' && path.length <= 2
  return isPrincipal || path.includes('token') || path.includes('env')
}
