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

/** A text in quotes. `token:abc` without the space is a common slip, which makes the secret part of the text before it. */
export function shownText(text: string): string {
  const safe = text.replace(/((?:token|nkey)\w*["']?\s*[:=]).*/is, '$1…')
  return JSON.stringify(safe.length > MAX_SHOWN_CHARS ? `${safe.slice(0, MAX_SHOWN_CHARS)}…` : safe)
}

/** A key in quotes. With the space forgotten, `token:abc` is a key as a whole: what follows the colon is not shown. */
export function shownKey(key: string): string {
  return shownText(key.replace(/([:=]).+/s, '$1…'))
}

/** A path as people write it: `agents[0].env.PATH`, unusual keys in quotes. */
export function pathText(path: KeyPath): string {
  let text = ''
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`
    else if (!/^[\w$-]+$/.test(key)) text += `[${shownKey(key)}]`
    else text += text === '' ? key : `.${key}`
  }
  return text
}

// Tokens by their key, nkeys, as a seed is easily put in the place of its public key, whatever stands in the place of a principal, and the environment of agents, where keys of
// other services are kept; where telemetry is sent, with its headers; and what of the store goes with a password or a key.
function mayBeSecret(path: KeyPath): boolean {
  const isPrincipal = path[0] === 'principals' && path.length <= 2
  return isPrincipal || path.includes('token') || path.includes('nkey') || path.includes('env') || path.includes('encryption') || path[0] === 'telemetry' || (path[0] === 'store' && path[1] === 'redis')
}
